//! Every key in every view, at every size, with whatever else a terminal can send: the view goes on, and restores the terminal in the end.
//! The keys and the views are those of the registry: a new one is in here by itself.

mod pty;

use std::thread;

use grantscope::screen::binding::Bound;
use grantscope::screen::command::Command as Do;
use grantscope::screen::key::Key;
use grantscope::screen::views::{self, Layer};
use pty::{CURSOR, LEAVE, Line, Looking, NO_MOUSE, NO_PASTE, Owner, Viewer, sequence};

/// Lines and columns, the usual ones at the end.
const SIZES: [(u16, u16); 8] = [(1, 1), (0, 0), (120, 400), (12, 40), (24, 0), (2, 300), (16, 60), (24, 80)];
/// The least that a view can be drawn on.
const LEAST: (u16, u16) = (12, 40);
/// What a mouse sends: a button at the edge, beyond it, and far beyond; the wheel; and nothing that means anything.
const MOUSE: &str =
    "\u{1b}[<0;1;1M\u{1b}[<0;1;1m\u{1b}[<0;400;120M\u{1b}[<0;65535;65535M\u{1b}[<64;5;5M\u{1b}[<65;5;5M\u{1b}[<99;0;0M";
/// What nobody typed: cut off, too large, without meaning.
const RUBBISH: &[u8] = b"\x1b[<;;M\x1b[99999999999999999999;5H\x1b[?\xff\xfe\x80\x00\x1b[1;1R\x1b]52;c;eHl6\x07\x1b[M";
/// What is pasted must do nothing: not the keys in it, not the ends of lines, not the sequences.
const PASTED: &str =
    "\u{1b}[200~qq\r\n\u{3}\u{4}\u{1a}\u{1c}\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}c\u{9b}31m\u{0}\u{202e}\u{200d}計\u{7f}\u{1b}[201~";

/// What a person can type for it, but for what ends the view, which comes last.
fn typed(binding: &Bound) -> Vec<String> {
    if matches!(binding.command, Do::Quit | Do::QuitAtOnce) {
        return Vec::new();
    }
    let sent = |key: &Key| sequence(*key).unwrap_or_else(|| panic!("{}: what does {key:?} send?", binding.shown));
    binding.keys.iter().map(sent).collect()
}

/// Each key in the view of this number, and then one that ends it.
fn every_key_in(view: usize, ending: &str) {
    let viewer = Viewer::owning(24, 80);
    let keys = views::keys();
    // Behind the ninth, views have no digit.
    let own = keys.all().iter().find(|binding| binding.command == Do::Open(views::VIEWS[view - 1].id));
    let opens = if view < 10 { view.to_string() } else { typed(own.expect("all but the first have a key")).remove(0) };
    let to_the_view = || {
        // Out of a prompt, and of what lies over the views.
        viewer.press("\u{1b}");
        viewer.until_read();
        viewer.press(&opens);
        viewer.until_read();
    };
    let keys: Vec<_> = keys.all().iter().flat_map(typed).collect();
    assert!(keys.len() >= keys.iter().collect::<std::collections::HashSet<_>>().len() && keys.len() > 40, "{keys:?}");
    for (place, key) in keys.iter().enumerate() {
        // Each key on the least terminal, and then at another size.
        viewer.line().resize(LEAST.0, LEAST.1);
        to_the_view();
        viewer.press(key);
        viewer.until_read();
        let (lines, columns) = SIZES[place % SIZES.len()];
        viewer.line().resize(lines, columns);
        match place % 4 {
            0 => viewer.press(PASTED),
            1 => viewer.press(MOUSE),
            2 => viewer.press_bytes(RUBBISH),
            _ => {}
        }
        viewer.until_read();
        assert!(viewer.is_alive(), "{key:?} in view {view} at {columns}×{lines} ended it: {:?}", pty::tail(&viewer.take()));
    }
    // What was asked for last may be said a while after.
    let has_footer = || {
        to_the_view();
        viewer.repainted().contains("help")
    };
    for (lines, columns) in [LEAST, (24, 80)] {
        viewer.line().resize(lines, columns);
        assert!((0..10).any(|_| has_footer()), "view {view} is not drawn: {:?}", pty::tail(&viewer.repainted()));
    }
    end(viewer, view, ending);
}

fn end(viewer: Viewer, view: usize, ending: &str) {
    let (line, before) = (viewer.terminal.clone().unwrap(), viewer.before.clone());
    viewer.take();
    viewer.press(ending);
    // The first q closes what lies over the views. A second Ctrl-c would be a signal, if the terminal is restored already.
    if ending == "q" && matches!(views::VIEWS[view - 1].layer, Layer::Over { .. }) {
        viewer.press(ending);
    }
    let (status, shown) = viewer.ended();
    let last = pty::tail(&shown);
    assert_eq!(status.code(), Some(0), "view {view}: {last:?}");
    let restored = [NO_MOUSE, NO_PASTE, LEAVE, CURSOR].iter().all(|undone| shown.contains(undone));
    assert!(restored && line.settings() == before, "view {view}: {last:?}");
    assert!(!shown.contains("panicked"), "view {view}: {last:?}");
}

#[test]
fn every_key_of_the_help_leaves_every_view_alive_and_the_terminal_restored() {
    thread::scope(|scope| {
        for view in 1..=views::VIEWS.len() {
            // q, and Ctrl-c.
            scope.spawn(move || every_key_in(view, if view % 2 == 0 { "q" } else { "\u{3}" }));
        }
    });
}

#[test]
fn a_viewer_can_begin_on_a_terminal_of_any_size() {
    for (lines, columns) in SIZES {
        let viewer = Viewer::start(Viewer::at_the_end(), Line::open(lines, columns), Owner::Viewer, Looking::Yes);
        viewer.until(|shown| !shown.is_empty());
        viewer.until_read();
        end(viewer, 1, "q");
    }
}
