//! Pictures, as text: how the screens look at the sizes people have.

use std::time::Duration;

use grantscope_analysis::live::ledger::{HeldBy, Holder, LiveMap, MapState, MapsReport};
use grantscope_analysis::model::{Clock, Environment, LossReport};
use grantscope_analysis::recording::{Frame, Reader};
use grantscope_wire::{Buffer, HookId, LossKind, Op};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::{Theme, draw};
use crate::keys::Command;
use crate::state::event::{Ended, Event};
use crate::state::{Origin, Size, State};
use crate::support::builder::{environment, loss, not_attached, operation};
use crate::support::synthetic;

/// A viewer of some size that has been told these frames, and given these commands.
fn viewer(size: (u16, u16), frames: Vec<Frame>, commands: &[Command]) -> State {
    let mut state = State::new(Origin::Replay);
    state.update(Event::Resize(Size { columns: size.0.into(), lines: size.1.into() }));
    frames.into_iter().for_each(|frame| state.update(Event::Frame(frame)));
    state.update(Event::Tick(Duration::ZERO));
    commands.iter().for_each(|&command| state.update(Event::Key(command)));
    state
}

fn terminal(size: (u16, u16), state: &State, theme: &Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|canvas| draw(canvas, state, theme)).unwrap();
    terminal
}

/// What the screen shows, line by line.
fn picture(size: (u16, u16), state: &State) -> String {
    let terminal = terminal(size, state, &Theme::plain());
    let cells = terminal.backend().buffer().content();
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    cells.chunks(size.0.into()).map(|cells| line(cells).trim_end().to_owned() + "\n").collect()
}

fn shown(size: (u16, u16), frames: Vec<Frame>, commands: &[Command]) -> String {
    picture(size, &viewer(size, frames, commands))
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);

/// Hooks missing, operations lost, instructions counted.
fn troubled() -> Vec<Frame> {
    let mut environment = Environment { clock: Clock::Counted, xen: None, ..environment() };
    environment.hooks[13] = not_attached(HookId::GnttabMapRefs, "the kernel has no such function");
    let mut frames = synthetic::frames(3);
    frames[0] = Frame::Environment(environment);
    frames.push(loss(synthetic::BEGAN_NS, HookId::GntdevIoctl, LossKind::RingFull, 12));
    frames
}

/// Operations of one row that failed for two reasons.
fn failing() -> Vec<Frame> {
    use grantscope_analysis::model::{Detail, Outcome};
    use grantscope_wire::{Buffer, Cause, Op, Stage};
    let failed = |details| grantscope_analysis::model::Operation {
        outcome: Outcome::Errno(22),
        details,
        ..operation(Op::Mmap, Buffer::Pages, 16, synthetic::BEGAN_NS, &[(Stage::Remainder, 900), (Stage::MapHypercall, 9_000)])
    };
    let refused = vec![
        Detail::Cause(Cause::GrantsRefused),
        Detail::Status { status: -3, count: 2 },
        Detail::Status { status: -13, count: 1 },
    ];
    let operations = vec![failed(refused.clone()), failed(vec![Detail::Cause(Cause::AlreadyMapped)]), failed(refused)];
    vec![Frame::Environment(environment()), Frame::Operations(operations)]
}

#[test]
fn a_row_that_failed_says_why() {
    let screen = shown(SMALL, failing(), &[]);
    assert!(screen.contains("why: grants_refused 2 × (bad_gntref 4, no_space 2), already_mapped 1 ×"), "{screen}");
    let zoomed = shown(LARGE, failing(), &[Command::Zoom]);
    assert!(zoomed.contains("grants_refused 2 × (bad_gntref 4, no_space 2): Xen refused at least one grant"), "{zoomed}");
}

#[test]
fn an_empty_viewer_says_that_it_waits() {
    insta::assert_snapshot!(shown(SMALL, Vec::new(), &[]));
}

#[test]
fn the_table_at_80_columns() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[]));
}

#[test]
fn the_table_at_120_columns() {
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[]));
}

#[test]
fn the_table_at_200_columns() {
    insta::assert_snapshot!(shown((200, 50), synthetic::frames(6), &[Command::MergePages]));
}

#[test]
fn the_table_at_the_smallest_size() {
    insta::assert_snapshot!(shown((60, 16), synthetic::frames(6), &[]));
}

#[test]
fn another_row_is_selected_and_sorted_by_p99() {
    let commands = [Command::Sort, Command::Sort, Command::Sort, Command::Sort, Command::Sort, Command::Down, Command::Down];
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &commands));
}

#[test]
fn the_stages_alone_below_the_table() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[Command::NextPane, Command::NextPane]));
}

#[test]
fn the_selected_row_alone() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[Command::Zoom]));
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[Command::Last, Command::Zoom]));
}

#[test]
fn buffer_kinds_side_by_side() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[Command::Compare]));
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[Command::Compare, Command::Down]));
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
fn the_info_screen_names_what_is_lost_and_what_is_missing() {
    insta::assert_snapshot!(shown(SMALL, troubled(), &[Command::Info]));
    insta::assert_snapshot!(shown(LARGE, troubled(), &[Command::Info]));
}

#[test]
fn the_help_names_all_keys() {
    insta::assert_snapshot!(shown(SMALL, Vec::new(), &[Command::Help]));
    insta::assert_snapshot!(shown(LARGE, Vec::new(), &[Command::Help]));
}

/// One mapping of each sort: from before the tool, in use, and two that look like leaks.
fn with_ledger() -> Vec<Frame> {
    let began = synthetic::BEGAN_NS;
    let map = |id, allocated_ns, buffer, state| LiveMap {
        id,
        allocated_ns,
        owner: Some(70 + id as u32),
        comm: "backend".to_owned(),
        domid: Some(1),
        buffer: Some(buffer),
        pages: 16,
        state,
        owner_gone_ns: None,
        holders: Vec::new(),
    };
    let torn = MapState::TearingDown { since_ns: began + 500_000_000, by: Op::Close.id() };
    let heir = Holder { tgid: 99, comm: "gpu".to_owned(), by: HeldBy::DmaBuf };
    let changed = vec![
        LiveMap { domid: None, ..map(1, None, Buffer::Pages, MapState::Mapped) },
        map(2, Some(began + 2_000_000_000), Buffer::Wc, MapState::Exported),
        map(3, Some(began), Buffer::Pages, torn),
        LiveMap {
            owner_gone_ns: Some(began + 1_000_000_000),
            holders: vec![heir],
            ..map(4, Some(began), Buffer::Coherent, MapState::Exported)
        },
    ];
    let mut frames = synthetic::frames(6);
    frames.push(Frame::Maps(MapsReport { at_ns: began + 5_000_000_000, changed, gone: vec![], no_census: None }));
    frames
}

#[test]
fn live_mappings_are_listed_by_age_and_suspects_are_marked() {
    insta::assert_snapshot!(shown(SMALL, with_ledger(), &[Command::Maps]));
    insta::assert_snapshot!(shown(LARGE, with_ledger(), &[Command::Maps]));
}

#[test]
fn how_much_is_held_is_in_the_header_and_not_known_without_a_ledger() {
    let header = |frames| shown(LARGE, frames, &[]).lines().take(2).collect::<Vec<_>>().join("\n");
    assert!(header(synthetic::frames(2)).contains("held –"));
    let held = header(with_ledger());
    assert!(held.contains("held 4 maps, 64 pages") && held.contains("LEAK SUSPECTS 2 (l: which)"), "{held}");
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
    insta::assert_snapshot!(top.lines().next().unwrap(), @"grantscope · CUT SHORT · lost 0 · errors 3 · 4283 operations");
}

#[test]
fn a_paused_stream_that_is_silent_says_both() {
    let mut state = State::new(Origin::Live);
    synthetic::frames(2).into_iter().for_each(|frame| state.update(Event::Frame(frame)));
    state.update(Event::Tick(Duration::from_secs(1)));
    state.update(Event::Key(Command::Pause));
    state.update(Event::Tick(Duration::from_secs(8)));
    let top = picture(SMALL, &state);
    let expected = "grantscope · LIVE, silent for 7 s, PAUSED · lost 0 · errors 3 · 4283 operations";
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
    for commands in [&[][..], &[Command::Zoom], &[Command::Compare], &[Command::Info], &[Command::Help]] {
        let state = viewer(LARGE, troubled(), commands);
        let terminal = terminal(LARGE, &state, &Theme::plain());
        let coloured = |cell: &&ratatui::buffer::Cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset);
        assert_eq!(terminal.backend().buffer().content().iter().filter(coloured).count(), 0, "{commands:?}");
    }
}

#[test]
fn every_screen_can_be_drawn_at_every_size() {
    let screens = [
        &[][..],
        &[Command::Zoom],
        &[Command::Compare],
        &[Command::Info],
        &[Command::Maps],
        &[Command::Help],
        &[Command::NextPane],
    ];
    let sizes = [(1, 1), (20, 50), (60, 16), (61, 17), (79, 23), (80, 24), (100, 30), (121, 16), (60, 100), (300, 100)];
    for (frames, commands) in [Vec::new(), troubled()].into_iter().flat_map(|frames| screens.map(|s| (frames.clone(), s))) {
        let mut state = viewer(SMALL, frames, commands);
        for (width, height) in sizes {
            state.update(Event::Resize(Size { columns: width.into(), lines: height.into() }));
            state.update(Event::Tick(Duration::ZERO));
            let picture = picture((width, height), &state);
            assert!(!picture.trim().is_empty(), "{commands:?} at {width}×{height}");
        }
    }
}

/// The recording in the documents, shown to its end.
#[test]
fn the_picture_in_the_readme_is_what_is_shown() {
    const SIZE: (u16, u16) = (104, 30);
    let mut reader = Reader::open(&include_bytes!("../../../docs/recordings/sweep.gsr")[..]).unwrap();
    let frames: Vec<Frame> = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
    let mut state = viewer(SIZE, frames, &[]);
    state.update(Event::StreamEnded(Ended::Complete));
    state.update(Event::Key(Command::MergePages));
    for _ in 0..6 {
        state.update(Event::Key(Command::Down));
    }
    let shown = picture(SIZE, &state);
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&format!("```text\n{shown}```")), "README.md shows another picture than this:\n{shown}");
}
