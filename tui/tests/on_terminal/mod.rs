//! The live view on a pseudo-terminal, which plays its user.

// Each test uses some of it.
#![allow(dead_code, reason = "tests that share a module do not all use all of it")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The recording in the documents.
pub const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
/// No more marks around what is pasted.
pub const NO_PASTE: &str = "\u{1b}[?2004l";
/// No more of the mouse.
pub const NO_MOUSE: &str = "\u{1b}[?1006l\u{1b}[?1000l";
/// The whole screen is cleared.
pub const CLEAR: &str = "\u{1b}[2J";
/// How each picture ends.
pub const NO_CURSOR: &str = "\u{1b}[?25l";
/// Entering and leaving the alternate screen.
pub const ENTER: &str = "\u{1b}[?1049h";
pub const LEAVE: &str = "\u{1b}[?1049l";

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

/// A viewer of a recording, on a terminal of its own.
pub struct Viewer {
    pub child: Child,
    /// Where keys are typed and pictures seen; `None`: the terminal is gone, once the one who looks has seen that.
    pub terminal: Option<Arc<File>>,
    pub shown: Arc<Mutex<String>>,
    /// Where it runs.
    pub folder: TempDir,
}

impl Viewer {
    /// At the end of the recording.
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
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let folder = tempfile::tempdir().unwrap();
        let pair = openpty(Some(&size), None).unwrap();
        let slave = |fd: &OwnedFd| fd.try_clone().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_grantscope"))
            .args(["top", input])
            .args(options)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", locale)
            .env_remove("NO_COLOR")
            .env_remove("COLORTERM")
            .current_dir(folder.path())
            // What stops its job must not stop this test.
            .process_group(0)
            .stdin(slave(&pair.slave))
            .stdout(slave(&pair.slave))
            .stderr(slave(&pair.slave))
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let terminal = Arc::new(File::from(pair.master));
        let (seen, into) = (Arc::downgrade(&terminal), Arc::clone(&shown));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Nobody holds it while nothing comes.
            while let Some(terminal) = seen.upgrade() {
                let mut waiting = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
                if poll(&mut waiting, 20_u8) == Ok(0) {
                    continue;
                }
                let Ok(count @ 1..) = (&*terminal).read(&mut bytes) else { return };
                into.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        let viewer = Self { child, terminal: Some(terminal), shown, folder };
        viewer.until(|shown| shown.contains("export"));
        viewer
    }

    /// All that was shown since this was last asked.
    pub fn take(&self) -> String {
        std::mem::take(&mut self.shown.lock().unwrap())
    }

    /// Draws all anew until it is so: of a picture, only what differs from the one before is drawn.
    pub fn until_repainted(&self, words: &str) {
        let begun = Instant::now();
        while !plain(&self.shown.lock().unwrap()).contains(words) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{words} is not shown: {:?}", self.take());
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
            assert!(begun.elapsed() < Duration::from_secs(20), "it is not shown: {:?}", self.shown.lock().unwrap());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn press(&self, key: &str) {
        self.terminal.as_deref().unwrap().write_all(key.as_bytes()).unwrap();
    }

    pub fn end(mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the kernel says that it is doing: `T` for stopped (proc_pid_stat(5)).
    pub fn state(&self) -> String {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit_once(')').unwrap().1.trim().split(' ').next().unwrap().to_owned()
    }
}
