//! However the live view ends or is stopped, the terminal is as it was before; and it ends also where nobody reads what it shows.

mod pty;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pty::{CURSOR, ENTER, LEAVE, Line, Looking, NO_MOUSE, NO_PASTE, Owner, PATIENCE, Viewer};

const ENDINGS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT];

/// All that was asked of the terminal is undone behind the last picture, and in this order nothing else is drawn.
fn assert_restored(shown: &str, what: &str) {
    let (_, behind) = shown.rsplit_once(ENTER).unwrap_or_else(|| panic!("{what}: it never took the screen: {shown:?}"));
    for undone in [NO_MOUSE, NO_PASTE, LEAVE, CURSOR] {
        assert!(behind.contains(undone), "{what}: {undone:?} is not sent: {behind:?}");
    }
    let (_, text) = behind.rsplit_once(&format!("{LEAVE}{CURSOR}")).unwrap();
    assert!(!text.contains('\u{1b}'), "{what}: something is drawn where the shell is: {text:?}");
}

#[test]
fn after_each_signal_that_ends_it_the_terminal_is_as_it_was() {
    for signal in ENDINGS {
        let viewer = Viewer::owning(24, 80);
        let (line, before) = (viewer.terminal.clone().unwrap(), viewer.before.clone());
        assert_ne!(line.settings(), before, "keys are read one by one");
        viewer.send(signal);
        let (status, shown) = viewer.ended();
        assert_eq!((status.code(), status.signal()), (Some(128 + signal as i32), None), "{signal}");
        assert_eq!(line.settings(), before, "{signal}");
        assert_restored(&shown, signal.as_str());
    }
}

#[test]
fn a_view_that_is_stopped_leaves_the_terminal_as_it_was_and_takes_it_again() {
    let viewer = Viewer::owning(24, 80);
    let (line, before) = (viewer.terminal.clone().unwrap(), viewer.before.clone());
    let taken = line.settings();
    viewer.send(Signal::SIGTSTP);
    viewer.until_stopped();
    viewer.until(|shown| shown.contains(LEAVE));
    assert_eq!(line.settings(), before);
    assert_restored(&viewer.take(), "stopped");
    viewer.send(Signal::SIGCONT);
    viewer.until(|shown| shown.contains(ENTER) && shown.contains("ENDED"));
    assert_eq!(line.settings(), taken);
    viewer.press("q");
    let (status, shown) = viewer.ended();
    assert_eq!(status.code(), Some(0));
    assert_eq!(line.settings(), before);
    assert_restored(&shown, "q");
}

#[test]
fn the_process_is_gone_when_its_terminal_is() {
    // The kernel sends SIGHUP to whom the terminal controls. The other one finds out by itself, as under nohup.
    for owner in [Owner::Viewer, Owner::Another] {
        let mut viewer = Viewer::start(Viewer::at_the_end(), Line::open(24, 80), owner, Looking::Yes);
        viewer.until(|shown| shown.contains("ENDED"));
        viewer.terminal = None;
        let (status, _) = viewer.ended();
        assert_eq!(status.code(), Some(128 + Signal::SIGHUP as i32), "{owner:?}");
    }
}

/// A viewer whose terminal is full: pictures of a large terminal, each of which is new, and nobody looks.
fn unread(owner: Owner) -> Viewer {
    let viewer = Viewer::start(Viewer::at_the_end(), Line::open(200, 300), owner, Looking::No);
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(100));
        viewer.press("\u{c}");
    }
    viewer
}

#[test]
fn a_signal_ends_a_view_whose_terminal_nobody_reads() {
    for signal in ENDINGS {
        let viewer = unread(Owner::Viewer);
        let (line, before) = (viewer.terminal.clone().unwrap(), viewer.before.clone());
        let begun = Instant::now();
        viewer.send(signal);
        let (status, _) = viewer.ended();
        assert_eq!((status.code(), status.signal()), (Some(128 + signal as i32), None), "{signal}");
        assert!(begun.elapsed() < PATIENCE, "{signal}: {:?}", begun.elapsed());
        assert_eq!(line.settings(), before, "{signal}");
    }
}

#[test]
fn a_key_ends_it_too_and_a_terminal_that_is_read_again_is_restored() {
    let viewer = unread(Owner::Viewer);
    let line = viewer.terminal.clone().unwrap();
    viewer.press("q");
    assert_eq!(viewer.end().code(), Some(0));
    let waiting = line.read_waiting();
    assert!(waiting.contains(LEAVE) && waiting.contains(CURSOR), "{waiting:?}");
}

#[test]
fn a_view_whose_terminal_is_read_again_goes_on_with_the_newest_picture() {
    let mut viewer = unread(Owner::Viewer);
    // What waited in the terminal, and then what was pressed meanwhile.
    viewer.press("?");
    viewer.look();
    viewer.until(|shown| shown.contains("grants_refused"));
    viewer.press("qq");
    let (status, shown) = viewer.ended();
    assert_eq!(status.code(), Some(0));
    assert_restored(&shown, "read again");
}

#[test]
fn a_signal_ends_reports_that_nobody_reads_while_they_come_and_behind_the_last() {
    for (speed, expected) in [("0.5", (Some(128 + Signal::SIGTERM as i32), None)), ("max", (None, Some(Signal::SIGTERM as i32)))]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope"));
        command.args(["top", pty::RECORDING, "--speed", speed, "--interval", "100ms"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        // The least that a pipe can hold: a page.
        fcntl(child.stdout.as_ref().unwrap(), FcntlArg::F_SETPIPE_SZ(1)).unwrap();
        thread::sleep(Duration::from_secs(3));
        assert_eq!(child.try_wait().unwrap(), None, "{speed}: it waits for a reader");
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        let status = pty::end_of(&mut child);
        assert_eq!((status.code(), status.signal()), expected, "{speed}");
    }
}
