//! Pictures, as text: what is around every view, and what holds for all of them.

use std::time::Duration;

use crossterm::event::KeyCode;
use grantscope_analysis::model::LossReport;
use grantscope_analysis::recording::{Frame, Reader};
use grantscope_analysis::series::Times;
use grantscope_wire::Buffer;
use ratatui::style::{Color, Modifier};

use crate::screen::app::App;
use crate::screen::colours::{Characters, Colours};
use crate::screen::command::Command;
use crate::screen::event::{Event, Size};
use crate::screen::fixtures::{
    LARGE, LEAST, SMALL, calibration, export, operations, picture, shown, sweep, terminal, troubled, viewer, with_ledger,
};
use crate::screen::palette::Palette;
use crate::screen::theme::Theme;
use crate::screen::views::{COMPARE, VIEWS, WHERE};
use crate::source::frames::{Ended, Origin};
use crate::support::builder::environment;
use crate::support::synthetic;

/// Of every view, at several sizes, with a recording whose names are made of what a terminal obeys.
#[test]
fn names_that_a_terminal_would_obey_are_shown_as_text() {
    let mut reader = Reader::open(&include_bytes!("../../../tests/cases/escapes.gsr")[..]).unwrap();
    let frames: Vec<_> = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
    let mut texts = String::new();
    for open in VIEWS.iter().map(|row| row.key.map(|key| key.command)) {
        for size in [LEAST, SMALL, LARGE, (300, 100)] {
            texts.push_str(&shown(size, frames.clone(), open.as_slice()));
        }
    }
    assert!(!texts.chars().any(|character| character.is_control() && character != '\n'), "{texts:?}");
    for name in ["run", "host", "kernel", "caller", "mapcomm", "holder", "census"] {
        assert!(texts.contains(&format!(r"\u{{1b}}]0;PWN-{name}")), "{name} is not shown:\n{texts}");
    }
}

#[test]
fn an_empty_viewer_says_that_it_waits() {
    insta::assert_snapshot!(shown(SMALL, Vec::new(), &[]));
}

#[test]
fn loss_and_missing_hooks_and_the_counted_clock_are_in_the_header() {
    insta::assert_snapshot!(shown(SMALL, troubled(), &[]));
}

#[test]
fn what_was_lost_is_not_known_before_the_first_report() {
    let frames = vec![Frame::Environment(environment()), Frame::Tick { at_ns: synthetic::BEGAN_NS }];
    let mut state = viewer(SMALL, frames, &[]);
    assert!(picture(SMALL, &state).contains("lost –"));
    state.update(Event::Frame(Frame::Loss(LossReport { at_ns: synthetic::BEGAN_NS, counters: Vec::new() })));
    assert!(picture(SMALL, &state).contains("lost 0"));
}

#[test]
fn how_much_is_held_is_in_the_header_and_not_known_without_a_ledger() {
    let header = |frames| shown(LARGE, frames, &[]).lines().take(2).collect::<Vec<_>>().join("\n");
    assert!(header(synthetic::frames(2)).contains("held –"));
    let held = header(with_ledger());
    assert!(held.contains("held 4 maps, 64 pages") && held.contains("LEAK SUSPECTS 2 (M: which)"), "{held}");
}

#[test]
fn a_reset_forgets_operations_and_not_what_is_held() {
    let top = shown(LARGE, with_ledger(), &[Command::Reset]);
    assert!(top.contains("held 4 maps, 64 pages"), "{top}");
}

#[test]
fn a_terminal_that_is_too_small_says_which_size_is_needed() {
    insta::assert_snapshot!(shown((50, 5), synthetic::frames(1), &[]));
}

#[test]
fn a_recording_that_was_cut_short_says_so() {
    let mut state = viewer(SMALL, synthetic::frames(2), &[]);
    state.update(Event::StreamEnded(Ended::CutShort("after 40 frames".to_owned())));
    state.update(Event::Tick(Duration::ZERO));
    let top = picture(SMALL, &state);
    insta::assert_snapshot!(top.lines().next().unwrap(), @"grantscope · CUT SHORT · lost 0 · errors 3 (E: which) · 4283 operations");
}

#[test]
fn a_paused_stream_that_is_silent_says_both() {
    let mut state = App::new(Origin::Live, Times::Corrected);
    synthetic::frames(2).into_iter().for_each(|frame| state.update(Event::Frame(frame)));
    state.update(Event::Tick(Duration::from_secs(1)));
    state.update(Event::Key(Command::Pause));
    state.update(Event::Tick(Duration::from_secs(8)));
    let top = picture(SMALL, &state);
    let expected = "grantscope · LIVE, silent for 7 s, PAUSED · lost 0 · errors 3 (E: which)";
    assert_eq!(top.lines().next(), Some(expected));
}

#[test]
fn loss_is_red_where_there_is_colour_and_a_word_where_there_is_none() {
    let state = viewer(LARGE, troubled(), &[]);
    let look = |theme: &Theme| {
        let terminal = terminal(LARGE, &state, theme);
        let cells = terminal.backend().buffer().content();
        let place = cells.windows(4).position(|cells| cells.iter().map(|cell| cell.symbol()).eq(["L", "O", "S", "T"]));
        let cell = &cells[place.expect("the word is on the screen")];
        (cell.fg, cell.modifier)
    };
    assert_eq!(look(&Theme::colourful()), (Color::Red, Modifier::BOLD));
    assert_eq!(look(&Theme::plain()), (Color::Reset, Modifier::BOLD));
}

#[test]
fn without_colour_no_cell_has_one() {
    for commands in VIEWS.iter().map(|row| row.key.map(|key| key.command)) {
        let state = viewer(LARGE, troubled(), commands.as_slice());
        let terminal = terminal(LARGE, &state, &Theme::plain());
        let coloured = |cell: &&ratatui::buffer::Cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset);
        assert_eq!(terminal.backend().buffer().content().iter().filter(coloured).count(), 0, "{commands:?}");
    }
}

#[test]
fn every_screen_can_be_drawn_at_every_size() {
    let of_views = VIEWS.iter().map(|row| row.key.map(|key| key.command).into_iter().collect::<Vec<_>>());
    let screens: Vec<_> = of_views.chain([vec![Command::NextPane]]).collect();
    let sizes = [
        (1, 1),
        (20, 50),
        LEAST,
        (41, 13),
        (40, 60),
        (400, 12),
        (60, 16),
        (61, 17),
        (79, 23),
        (80, 24),
        (100, 30),
        (121, 16),
        (60, 100),
        (300, 100),
    ];
    for (frames, commands) in [Vec::new(), troubled()].iter().flat_map(|frames| screens.iter().map(move |s| (frames, s))) {
        let mut state = viewer(SMALL, frames.clone(), commands);
        for (width, height) in sizes {
            state.update(Event::Resize(Size { columns: width.into(), lines: height.into() }));
            state.update(Event::Tick(Duration::ZERO));
            let picture = picture((width, height), &state);
            assert!(!picture.trim().is_empty(), "{commands:?} at {width}×{height}");
        }
    }
}

#[test]
fn the_header_says_which_times_are_shown() {
    let exported = operations(vec![export(Buffer::Wc, 1, 10_000)]);
    let header = |frames: Vec<Vec<Frame>>, commands: &[Command]| {
        let frames = [vec![Frame::Environment(environment())], frames.concat()].concat();
        let picture = shown(LARGE, frames, commands);
        let chips: Vec<_> = picture.lines().take(3).flat_map(|line| line.split(" · ")).map(str::to_owned).collect();
        chips.into_iter().find(|chip| chip.contains("corrected by") || chip.contains("RAW"))
    };
    let said = |frames, commands| header(frames, commands).unwrap_or_default();
    let calibrated = vec![vec![calibration(3_200)], exported.clone()];
    assert_eq!(said(calibrated.clone(), &[]), "corrected by 3.20 µs an operation ± 100 ns");
    assert_eq!(said(calibrated, &[Command::OtherTimes]), "RAW times");
    let late = vec![exported.clone(), vec![calibration(3_200)], exported.clone()];
    assert_eq!(said(late, &[]), "1 of 2 corrected by 3.20 µs an operation ± 100 ns");
    assert_eq!(said(vec![exported], &[]), "RAW times: no calibration");
    assert_eq!(header(vec![vec![calibration(3_200)]], &[]), None);
}

#[test]
fn a_kind_of_buffer_has_the_same_colour_in_every_view_and_is_named_there() {
    let theme = Theme::new(Colours::Indexed, Palette::default(), Characters::Unicode);
    for open in [None, Some(COMPARE), Some(WHERE)] {
        let mut state = viewer(LARGE, sweep(), &[]);
        "/export".chars().for_each(|letter| state.update(Event::Typed(KeyCode::Char(letter).into())));
        state.update(Event::Typed(KeyCode::Enter.into()));
        open.into_iter().for_each(|command| state.update(Event::Key(command)));
        let terminal = terminal(LARGE, &state, &theme);
        let cells = terminal.backend().buffer().content();
        for kind in [Buffer::Pages, Buffer::Wc, Buffer::Coherent] {
            let name = kind.name();
            let is_its = |cells: &[ratatui::buffer::Cell]| {
                let text: String = cells.iter().map(|cell| cell.symbol()).collect();
                text == name && cells.iter().all(|cell| Some(cell.fg) == theme.kind(Some(kind)).fg)
            };
            assert!(cells.windows(name.len()).any(is_its), "{name} in {open:?}\n{}", picture(LARGE, &state));
        }
    }
}
