//! The live view on a terminal that is taken away, that has no size, and in a process that is stopped: a pseudo-terminal plays it.

mod pty;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use pty::{ENTER, LEAVE, RECORDING, Viewer};

#[test]
fn a_process_that_is_stopped_gives_the_terminal_back_and_takes_it_again() {
    let viewer = Viewer::on(40, 120);
    // From outside, and by the key.
    let stop: [&dyn Fn(); 2] = [&|| viewer.send(Signal::SIGTSTP), &|| viewer.press("\u{1a}")];
    for stop in stop {
        viewer.take();
        stop();
        viewer.until(|shown| shown.contains(LEAVE));
        viewer.until_stopped();
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
    // The footer: each key in bold at its column, and its word behind it.
    let footer =
        ["\u{1b}[1mQ\u{1b}[40;3H\u{1b}[22mquit", "\u{1b}[1mF2\u{1b}[40;12H\u{1b}[22mhelp", "mq\u{1b}[40;73H\u{1b}[22msort"];
    viewer.until(|shown| footer.iter().all(|key| shown.contains(key)));
    viewer.press("qQ");
    assert_eq!(viewer.end().code(), Some(0));
}
