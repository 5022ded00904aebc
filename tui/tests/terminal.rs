//! The live view on a terminal that is taken away, that has no size, and in a process that is stopped: a pseudo-terminal plays it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::KeyCode;
use grantscope::screen::command::Command as Do;
use grantscope::screen::key::Key;
use grantscope::screen::views;
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
/// No more marks around what is pasted.
const NO_PASTE: &str = "\u{1b}[?2004l";
/// No more of the mouse.
const NO_MOUSE: &str = "\u{1b}[?1006l\u{1b}[?1000l";
/// The whole screen is cleared.
const CLEAR: &str = "\u{1b}[2J";
/// How each picture ends.
const NO_CURSOR: &str = "\u{1b}[?25l";
/// Entering and leaving the alternate screen.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

/// A viewer of the recording in the documents, on a terminal of its own.
struct Viewer {
    child: Child,
    /// Where keys are typed and pictures seen; `None`: the terminal is gone, once the one who looks has seen that.
    terminal: Option<Arc<File>>,
    shown: Arc<Mutex<String>>,
    /// Where it runs.
    folder: TempDir,
}

impl Viewer {
    /// At the end of the recording.
    fn on(lines: u16, columns: u16) -> Self {
        let viewer = Self::playing("max", lines, columns);
        viewer.until(|shown| shown.contains("ENDED"));
        viewer
    }

    fn playing(speed: &str, lines: u16, columns: u16) -> Self {
        Self::with(&["--speed", speed], "C.UTF-8", lines, columns)
    }

    /// With these options, in this locale.
    fn with(options: &[&str], locale: &str, lines: u16, columns: u16) -> Self {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let folder = tempfile::tempdir().unwrap();
        let pair = openpty(Some(&size), None).unwrap();
        let slave = |fd: &OwnedFd| fd.try_clone().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_grantscope"))
            .args(["top", RECORDING])
            .args(options)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", locale)
            // Whoever runs the tests may have keys of their own.
            .env("GRANTSCOPE_CONFIG", "/dev/null")
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
    fn take(&self) -> String {
        std::mem::take(&mut self.shown.lock().unwrap())
    }

    /// Draws all anew until it is so: of a picture, only what differs from the one before is drawn.
    fn until_repainted(&self, words: &str) {
        let begun = Instant::now();
        while !self.shown.lock().unwrap().contains(words) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{words} is not shown: {:?}", self.take());
            self.take();
            self.press("\u{c}");
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// The whole picture as it is now.
    fn repainted(&self) -> String {
        self.take();
        self.press("\u{c}");
        self.until(|shown| shown.contains(CLEAR));
        // Until no more comes of it.
        thread::sleep(Duration::from_millis(500));
        let shown = self.take();
        let picture = shown.rsplit_once(CLEAR).unwrap().1;
        picture.split(NO_CURSOR).next().unwrap_or_default().to_owned()
    }

    fn until(&self, is_so: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.shown.lock().unwrap()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is not shown: {:?}", self.shown.lock().unwrap());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn press(&self, key: &str) {
        self.terminal.as_deref().unwrap().write_all(key.as_bytes()).unwrap();
    }

    fn end(mut self) -> ExitStatus {
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
    fn state(&self) -> String {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit_once(')').unwrap().1.trim().split(' ').next().unwrap().to_owned()
    }
}

#[test]
fn a_process_that_is_stopped_gives_the_terminal_back_and_takes_it_again() {
    let viewer = Viewer::on(40, 120);
    // From outside, and by the key.
    let stop: [&dyn Fn(); 2] = [&|| viewer.send(Signal::SIGTSTP), &|| viewer.press("\u{1a}")];
    for stop in stop {
        viewer.take();
        stop();
        viewer.until(|shown| shown.contains(LEAVE));
        let begun = Instant::now();
        while viewer.state() != "T" {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not stop: {}", viewer.state());
            thread::sleep(Duration::from_millis(10));
        }
        viewer.take();
        viewer.send(Signal::SIGCONT);
        viewer.until(|shown| shown.contains(ENTER) && shown.contains("ENDED"));
    }
    viewer.press("q");
    assert_eq!(viewer.end().code(), Some(0));
}

#[test]
fn pasted_text_is_not_taken_for_keys() {
    let viewer = Viewer::on(40, 120);
    viewer.press("\u{1b}[200~xq\u{1b}[201~");
    viewer.until_repainted("pasted");
    viewer.press("q");
    assert_eq!(viewer.end().code(), Some(0));
}

#[test]
fn a_replay_that_is_held_stands_still_and_goes_on_when_it_is_asked_to() {
    let viewer = Viewer::playing("0.5", 40, 120);
    viewer.press(" ");
    viewer.until_repainted("PAUSED");
    let before = viewer.repainted();
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(viewer.repainted(), before);
    viewer.press(".");
    assert_ne!(viewer.repainted(), before);
    viewer.press(" ");
    (0..8).for_each(|_| viewer.press(">"));
    viewer.until(|shown| shown.contains("ENDED"));
    viewer.press("q");
    assert_eq!(viewer.end().code(), Some(0));
}

#[test]
fn a_filter_is_typed_and_the_table_written_beside_nothing_that_is_there() {
    let viewer = Viewer::on(40, 120);
    viewer.press("/export[sides");
    viewer.until_repainted("`sides`");
    viewer.press("\u{15}buffer=wc pages>=256\r");
    viewer.until_repainted("hides");
    viewer.press("y");
    viewer.until(|shown| shown.contains("\u{1b}]52;c;"));
    viewer.press("w");
    viewer.until_repainted("grantscope-2");
    let written = fs::read_dir(viewer.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let [csv] = &written[..] else { panic!("{written:?}") };
    let exported = Command::new(env!("CARGO_BIN_EXE_grantscope")).args(["export", RECORDING]).output().unwrap().stdout;
    assert_eq!(fs::read(csv).unwrap(), exported, "all series, as export writes them");
    viewer.press("q");
    assert_eq!(viewer.end().code(), Some(0));
}

#[test]
fn every_key_of_the_help_leaves_the_view_alive_and_the_terminal_restored() {
    let viewer = Viewer::on(24, 80);
    for binding in views::keys().all() {
        // These two end or stop it.
        if matches!(binding.command, Do::Quit | Do::QuitAtOnce | Do::Suspend) {
            continue;
        }
        let typed = binding.keys.iter().filter_map(|&key| sequence(key));
        typed.for_each(|key| viewer.press(&key));
        // Out of a prompt and back to the table.
        thread::sleep(Duration::from_millis(60));
        viewer.press("\u{1b}");
        thread::sleep(Duration::from_millis(60));
        viewer.press("1");
    }
    viewer.take();
    viewer.press("q");
    viewer.until(|shown| shown.contains(LEAVE) && [NO_PASTE, NO_MOUSE].iter().all(|undone| shown.contains(undone)));
    let shown = viewer.take();
    assert_eq!(viewer.end().code(), Some(0), "{shown:?}");
}

/// What a terminal sends for a key.
fn sequence(key: Key) -> Option<String> {
    Some(match key.code() {
        KeyCode::Char(letter) if key.has_control() => char::from(letter as u8 & 0x1f).to_string(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Enter => "\r".to_owned(),
        KeyCode::Tab => "\t".to_owned(),
        KeyCode::BackTab => "\u{1b}[Z".to_owned(),
        KeyCode::Up => "\u{1b}[A".to_owned(),
        KeyCode::Down => "\u{1b}[B".to_owned(),
        KeyCode::Right => "\u{1b}[C".to_owned(),
        KeyCode::Left => "\u{1b}[D".to_owned(),
        KeyCode::Home => "\u{1b}[H".to_owned(),
        KeyCode::End => "\u{1b}[F".to_owned(),
        KeyCode::PageUp => "\u{1b}[5~".to_owned(),
        KeyCode::PageDown => "\u{1b}[6~".to_owned(),
        KeyCode::F(1) => "\u{1b}OP".to_owned(),
        KeyCode::Backspace => "\u{7f}".to_owned(),
        _ => return None,
    })
}

#[test]
fn a_quit_from_outside_leaves_the_terminal_as_it_was() {
    let viewer = Viewer::on(40, 120);
    viewer.send(Signal::SIGQUIT);
    viewer.until(|shown| shown.contains(LEAVE));
    assert_eq!(viewer.end().code(), Some(128 + Signal::SIGQUIT as i32));
}

#[test]
fn a_terminal_without_a_size_gets_the_usual_one() {
    let viewer = Viewer::on(0, 0);
    viewer.press("q");
    assert_eq!(viewer.end().code(), Some(0));
}

#[test]
fn a_terminal_that_is_closed_ends_the_view_without_a_panic() {
    let mut viewer = Viewer::on(40, 120);
    viewer.terminal = None;
    // What the kernel sends to whom the terminal controls, which this one does not.
    viewer.send(Signal::SIGHUP);
    let begun = viewer.shown.clone();
    let status = viewer.end();
    assert_eq!((status.code(), status.signal()), (Some(128 + Signal::SIGHUP as i32), None), "{:?}", begun.lock().unwrap());
}

#[test]
fn where_the_locale_is_not_utf8_the_terminal_gets_ascii_alone_and_the_colours_that_are_asked_for() {
    for (color, has_palette) in [("256", true), ("16", false), ("never", false)] {
        let viewer = Viewer::with(&["--speed", "max", "--color", color], "C", 40, 120);
        viewer.until(|shown| shown.contains("ENDED"));
        viewer.press("t");
        viewer.until(|shown| shown.contains("whole operation"));
        viewer.press("q");
        viewer.until(|shown| shown.contains(LEAVE));
        let shown = viewer.shown.clone();
        assert_eq!(viewer.end().code(), Some(0));
        let shown = shown.lock().unwrap();
        let other = shown.chars().find(|character| !character.is_ascii());
        assert_eq!(other, None, "{shown:?}");
        assert_eq!(shown.contains("38;5;"), has_palette, "--color {color}");
    }
}

#[test]
fn text_is_printed_on_a_terminal_too_where_it_is_asked_for() {
    let viewer = Viewer::with(&["--speed", "max", "--no-tui", "--interval", "100ms"], "C.UTF-8", 40, 120);
    viewer.until(|shown| shown.contains(" operations, 0 lost"));
    let shown = viewer.shown.clone();
    assert_eq!(viewer.end().code(), Some(0));
    assert!(!shown.lock().unwrap().contains('\u{1b}'), "{shown:?}");
}

#[test]
fn keys_and_colours_of_the_configuration_are_shown_and_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "[keys]\nquit = \"Q\"\nhelp = \"F2\"\nsort = \"q\"\n[colours]\npages = \"#ff0000\"\n").unwrap();
    let options = ["--speed", "max", "--color", "true", "--config", file.to_str().unwrap()];
    let viewer = Viewer::with(&options, "C.UTF-8", 40, 160);
    viewer.until(|shown| shown.contains("ENDED") && shown.contains("38;2;255;0;0"));
    let shown = viewer.take();
    // The footer: each key in bold at its column, and its word behind it.
    let footer =
        ["\u{1b}[1mQ\u{1b}[40;3H\u{1b}[22mquit", "\u{1b}[1mF2\u{1b}[40;12H\u{1b}[22mhelp", "mq\u{1b}[40;73H\u{1b}[22msort"];
    footer.iter().for_each(|key| assert!(shown.contains(key), "{key:?}: {shown:?}"));
    viewer.press("qQ");
    assert_eq!(viewer.end().code(), Some(0));
}
