//! A viewer on a pseudo-terminal: what a person would type and see, and what becomes of the terminal.

#![allow(dead_code, reason = "every test that includes this uses a part of it")]

mod line;
mod typed;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::Termios;
use nix::unistd::Pid;
use tempfile::TempDir;

pub use line::Line;
#[allow(unused_imports, reason = "every test that includes this uses a part of it")]
pub use typed::sequence;

/// The recording in the documents.
pub const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
/// No more marks around what is pasted.
pub const NO_PASTE: &str = "\u{1b}[?2004l";
/// No more of the mouse.
pub const NO_MOUSE: &str = "\u{1b}[?1006l\u{1b}[?1002l";
/// The whole screen is cleared.
pub const CLEAR: &str = "\u{1b}[2J";
/// How each picture ends.
const NO_CURSOR: &str = "\u{1b}[?25l";
/// The cursor is seen again.
pub const CURSOR: &str = "\u{1b}[?25h";
/// Entering and leaving the alternate screen.
pub const ENTER: &str = "\u{1b}[?1049h";
pub const LEAVE: &str = "\u{1b}[?1049l";
/// Nothing takes longer, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Whose the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Not the viewer's: as under a shell that it would have to be told of.
    Another,
    /// The viewer's: it gets the signals of its terminal.
    Viewer,
}

/// Whether somebody looks at what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looking {
    Yes,
    /// As on a serial line that nothing is connected to: the terminal takes what it has room for, and no more.
    No,
}

/// What is seen: without colours, and with a blank where the cursor was moved, as over a blank that is there already.
pub fn plain(shown: &str) -> String {
    let mut pieces = shown.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|character: char| character.is_ascii_alphabetic()).map_or(piece.len(), |at| at + 1);
        let (sequence, text) = piece.split_at(end);
        if sequence.ends_with('H') {
            plain.push(' ');
        }
        plain.push_str(text);
    }
    plain
}

/// A viewer on a terminal of its own.
pub struct Viewer {
    pub child: Child,
    /// Where keys are typed and pictures seen; `None`: the terminal is gone, once the one who looks has seen that.
    pub terminal: Option<Arc<Line>>,
    pub shown: Arc<Mutex<String>>,
    /// Who looks at it, until the terminal has no other end any more.
    looking: Option<JoinHandle<()>>,
    /// Where it runs.
    pub folder: TempDir,
    /// The terminal's settings before it ran.
    pub before: Termios,
}

impl Viewer {
    /// At the end of the recording in the documents.
    pub fn on(lines: u16, columns: u16) -> Self {
        let viewer = Self::playing("max", lines, columns);
        viewer.until(|shown| shown.contains("ENDED"));
        viewer
    }

    pub fn playing(speed: &str, lines: u16, columns: u16) -> Self {
        Self::with(&["--speed", speed], "C.UTF-8", lines, columns)
    }

    /// With these options, in this locale.
    pub fn with(options: &[&str], locale: &str, lines: u16, columns: u16) -> Self {
        Self::of(RECORDING, options, locale, lines, columns)
    }

    /// Of this input.
    pub fn of(input: &str, options: &[&str], locale: &str, lines: u16, columns: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope"));
        command.args(["top", input]).args(options).env("LC_ALL", locale);
        let viewer = Self::start(command, Line::open(lines, columns), Owner::Another, Looking::Yes);
        // The heading of the table.
        viewer.until(|shown| shown.contains("p50"));
        viewer
    }

    /// The same on the viewer's own terminal, at the end of the recording.
    pub fn owning(lines: u16, columns: u16) -> Self {
        let viewer = Self::start(Self::at_the_end(), Line::open(lines, columns), Owner::Viewer, Looking::Yes);
        viewer.until(|shown| shown.contains("ENDED"));
        viewer
    }

    /// What shows the end of the recording.
    pub fn at_the_end() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope"));
        command.args(["top", RECORDING, "--speed", "max"]).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Starts it; its standard input is the terminal, unless the command has another.
    pub fn start(mut command: Command, line: Line, owner: Owner, looking: Looking) -> Self {
        Self::spawn(command.stdin(line.end()), line, owner, looking)
    }

    /// The same with a stream on standard input, which comes through this.
    pub fn fed(command: &mut Command, line: Line) -> Self {
        Self::spawn(command.stdin(Stdio::piped()), line, Owner::Viewer, Looking::Yes)
    }

    fn spawn(command: &mut Command, mut line: Line, owner: Owner, looking: Looking) -> Self {
        let folder = tempfile::tempdir().unwrap();
        command
            .env("TERM", "xterm-256color")
            // Whoever runs the tests may have keys of their own.
            .env("GRANTSCOPE_CONFIG", "/dev/null")
            .env_remove("NO_COLOR")
            .env_remove("COLORTERM")
            .current_dir(folder.path())
            .stdout(line.end())
            .stderr(line.end());
        let before = line.settings();
        match owner {
            // What stops its job must not stop this test.
            Owner::Another => drop(command.process_group(0)),
            Owner::Viewer => line.own(command),
        }
        let child = command.spawn().unwrap();
        line.leave();
        let shown = Arc::new(Mutex::new(String::new()));
        let terminal = Arc::new(line);
        let mut viewer = Self { child, terminal: Some(terminal), shown, looking: None, folder, before };
        if looking == Looking::Yes {
            viewer.look();
        }
        viewer
    }

    /// From now on, somebody looks.
    pub fn look(&mut self) {
        self.looking = self.terminal.as_ref().map(|terminal| look(terminal, &self.shown));
    }

    /// All that was shown since this was last asked.
    pub fn take(&self) -> String {
        std::mem::take(&mut self.shown.lock().unwrap())
    }

    /// Draws all anew until it is so: of a picture, only what differs from the one before is drawn.
    pub fn until_repainted(&self, words: &str) {
        let begun = Instant::now();
        while !plain(&self.shown.lock().unwrap()).contains(words) {
            assert!(begun.elapsed() < PATIENCE, "{words} is not shown: {:?}", tail(&self.take()));
            self.take();
            self.press("\u{c}");
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// The whole picture as it is now.
    pub fn repainted(&self) -> String {
        self.take();
        self.press("\u{c}");
        self.until(|shown| shown.contains(CLEAR));
        // Until no more comes of it.
        thread::sleep(Duration::from_millis(500));
        let shown = self.take();
        let picture = shown.rsplit_once(CLEAR).unwrap().1;
        picture.split(NO_CURSOR).next().unwrap_or_default().to_owned()
    }

    pub fn until(&self, is_so: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.shown.lock().unwrap()) {
            assert!(begun.elapsed() < PATIENCE, "it is not shown: {:?}", tail(&self.take()));
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    pub fn send(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub fn press(&self, key: &str) {
        self.press_bytes(key.as_bytes());
    }

    pub fn press_bytes(&self, bytes: &[u8]) {
        self.line().file().write_all(bytes).unwrap();
    }

    /// Until what was pressed has been read: what comes with it would make another key of an escape.
    pub fn until_read(&self) {
        /// From this end to the other it takes a moment, on a machine that is busy too.
        const ON_ITS_WAY: Duration = Duration::from_millis(25);
        let begun = Instant::now();
        thread::sleep(ON_ITS_WAY);
        while self.line().unread() > 0 && self.is_alive() {
            assert!(begun.elapsed() < PATIENCE, "nobody reads what is typed");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn is_alive(&self) -> bool {
        !matches!(self.state().as_str(), "Z" | "X")
    }

    pub fn line(&self) -> &Line {
        self.terminal.as_deref().unwrap()
    }

    /// How it ended, and what was shown that was not taken before.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = end_of(&mut self.child);
        let begun = Instant::now();
        while self.looking.as_ref().is_some_and(|looking| !looking.is_finished()) {
            assert!(begun.elapsed() < PATIENCE, "the last of it is not seen: {:?}", tail(&self.take()));
            thread::sleep(Duration::from_millis(10));
        }
        (status, self.shown.lock().unwrap().clone())
    }

    pub fn end(self) -> ExitStatus {
        self.ended().0
    }

    /// What the kernel says that it is doing: `T` for stopped (proc_pid_stat(5)).
    pub fn state(&self) -> String {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit_once(')').unwrap().1.trim().split(' ').next().unwrap().to_owned()
    }

    pub fn until_stopped(&self) {
        let begun = Instant::now();
        while self.state() != "T" {
            assert!(begun.elapsed() < PATIENCE, "it does not stop: {}", self.state());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// How a process ended; one that does not is ended, and fails the test.
pub fn end_of(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The last of what was shown, for a message.
pub fn tail(shown: &str) -> &str {
    let begin = shown.char_indices().rev().nth(2_000).map_or(0, |(place, _)| place);
    &shown[begin..]
}

/// One that a failed test left behind goes with it.
impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what is shown, until the terminal is gone.
fn look(terminal: &Arc<Line>, shown: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let (seen, into) = (Arc::downgrade(terminal), Arc::clone(shown));
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        // A character may come in two pieces.
        let mut rest = Vec::new();
        // Nobody holds it while nothing comes.
        while let Some(terminal) = seen.upgrade() {
            let mut file: &File = terminal.file();
            let mut waiting = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waiting, 20_u8) == Ok(0) {
                continue;
            }
            let Ok(count @ 1..) = file.read(&mut bytes) else { return };
            rest.extend_from_slice(&bytes[..count]);
            let whole = std::str::from_utf8(&rest).map_or_else(|error| error.valid_up_to(), str::len);
            let text = rest.drain(..whole).collect();
            into.lock().unwrap().push_str(&String::from_utf8(text).expect("as far as it is UTF-8"));
        }
    })
}
