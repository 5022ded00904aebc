//! What the tests of the screen share: viewers with some frames, and their pictures as text.

use std::time::Duration;

use grantscope_analysis::model::{Calibration, Clock, Cost, Crossing, Detail, Environment, Operation, Outcome};
use grantscope_analysis::model::{Frames, HeldBy, Holder, LiveMap, MapState, MapsReport};
use grantscope_analysis::recording::{Frame, Reader};
use grantscope_analysis::series::{Group, Pages, SeriesKey, Times, Wanted};
use grantscope_wire::{Allocator, Buffer, Cause, Edge, HookId, LossKind, Op, Stage};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::screen::app::App;
use crate::screen::command::Command;
use crate::screen::draw::draw;
use crate::screen::event::{Event, Size};
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::views;
use crate::source::frames::{Input, Origin};
use crate::source::pace::Speed;
use crate::support::builder::{environment, loss, not_attached, operation};
use crate::support::synthetic;

/// A second.
pub const S: u64 = 1_000_000_000;

/// A viewer that has read these frames.
pub fn state(frames: Vec<Frame>) -> App {
    let mut state = App::new(Origin::Live, Times::Corrected);
    state.update(Event::Resize(Size { columns: 100, lines: 30 }));
    state.update(Event::Frame(environment_frame()));
    feed(&mut state, frames);
    state
}

/// The first frame of a recording.
pub fn environment_frame() -> Frame {
    Frame::Environment(environment())
}

/// A viewer that plays a recording of this length that has been read up to a time.
pub fn replay(length_ns: Option<u64>, at_ns: u64) -> App {
    let source = Box::new(std::sync::mpsc::channel().1);
    let input = Input {
        origin: Origin::Replay,
        name: Some("a\u{1b}b.gsr".to_owned()),
        end_ns: length_ns.map(|ns| S + ns),
        again: None,
        source,
        tee: None,
    };
    let mut app = App::new(Origin::Replay, Times::Corrected).about(&input, Speed::Times(1.0));
    app.update(Event::Resize(Size { columns: 100, lines: 30 }));
    feed(&mut app, vec![environment_frame(), Frame::Tick { at_ns: S }, Frame::Tick { at_ns }]);
    app
}

/// Reads more frames.
pub fn feed(state: &mut App, frames: Vec<Frame>) {
    frames.into_iter().for_each(|frame| state.update(Event::Frame(frame)));
    state.update(Event::Tick(Duration::ZERO));
}

/// Gives these commands.
pub fn press(state: &mut App, commands: &[Command]) {
    commands.iter().for_each(|&command| state.update(Event::Key(command)));
}

/// An export that takes this long.
pub fn export(buffer: Buffer, pages: u32, ns: u64) -> Operation {
    operation(Op::Export, buffer, pages, S, &[(Stage::Remainder, ns)])
}

/// What a row of exports of dom1 is about.
pub fn group(buffer: Buffer, pages: Pages) -> Group {
    Group { pages, ..Group::of(&SeriesKey::total(&export(buffer, 1, 1), None), false) }
}

/// What the probes cost: this much in an export, up to 100 ns more or less.
pub fn calibration(ns: i32) -> Frame {
    let cost = Cost { before_ps: 0, after_ps: 0, error_ps: 100_000 };
    let [entry, back] = [Cost { after_ps: ns * 1_000, ..cost }, cost];
    let of = |edge, cost| Crossing { hook: HookId::GntdevIoctl, edge, op: None, buffer: None, cost, sounded: cost, count: 1 };
    Frame::Calibration(Calibration { at_ns: S, crossings: vec![of(Edge::Entry, entry), of(Edge::Return, back)] })
}

/// A frame of these operations.
pub fn operations(operations: Vec<Operation>) -> Vec<Frame> {
    vec![Frame::Operations(operations)]
}

/// What all views share, after these frames.
pub fn common(frames: Vec<Frame>) -> Common {
    let mut common = Common::new(Origin::Live, Times::Corrected, views::keys());
    common.size = Size { columns: 100, lines: 30 };
    common.add(&Frame::Environment(environment()));
    frames.iter().for_each(|frame| common.add(frame));
    common.refresh();
    common
}

/// A viewer of this size that has read these frames, and was given these commands.
pub fn viewer(size: (u16, u16), frames: Vec<Frame>, commands: &[Command]) -> App {
    viewer_of(Wanted::default(), size, frames, commands)
}

/// The same, of what is wanted.
pub fn viewer_of(wanted: Wanted, size: (u16, u16), frames: Vec<Frame>, commands: &[Command]) -> App {
    let mut state = App::new(Origin::Replay, wanted);
    state.update(Event::Resize(Size { columns: size.0.into(), lines: size.1.into() }));
    frames.into_iter().for_each(|frame| state.update(Event::Frame(frame)));
    state.update(Event::Tick(Duration::ZERO));
    commands.iter().for_each(|&command| state.update(Event::Key(command)));
    state
}

pub fn terminal(size: (u16, u16), state: &App, theme: &Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|canvas| draw(canvas, state, theme)).unwrap();
    terminal
}

/// What the screen shows, line by line.
pub fn picture(size: (u16, u16), state: &App) -> String {
    let terminal = terminal(size, state, &Theme::plain());
    let cells = terminal.backend().buffer().content();
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    cells.chunks(size.0.into()).map(|cells| line(cells).trim_end().to_owned() + "\n").collect()
}

/// A picture of these frames after these commands.
pub fn shown(size: (u16, u16), frames: Vec<Frame>, commands: &[Command]) -> String {
    picture(size, &viewer(size, frames, commands))
}

/// The least there is room for: a serial console, a split pane.
pub const LEAST: (u16, u16) = (40, 12);
/// The least that most people use.
pub const SMALL: (u16, u16) = (80, 24);
/// A window on a large screen.
pub const LARGE: (u16, u16) = (120, 40);

/// As wide and high as a large screen has room for.
pub const HUGE: (u16, u16) = (160, 48);

/// A recording of the lab: a benchmark of all kinds of buffers.
pub fn sweep() -> Vec<Frame> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
    let mut reader = Reader::open(std::io::BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
    std::iter::from_fn(|| reader.next_frame().unwrap()).collect()
}

/// Hooks missing, operations lost, instructions counted.
pub fn troubled() -> Vec<Frame> {
    let mut environment = Environment { clock: Clock::Counted, xen: None, ..environment() };
    environment.hooks[13] = not_attached(HookId::GnttabMapRefs, "the kernel has no such function");
    let mut frames = synthetic::frames(3);
    frames[0] = Frame::Environment(environment);
    frames.push(loss(synthetic::BEGAN_NS, HookId::GntdevIoctl, LossKind::RingFull, 12));
    frames
}

/// Operations of one row that failed for two reasons.
pub fn failing() -> Vec<Frame> {
    let failed = |details| Operation {
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

/// One mapping of each sort: from before the tool, in use, and two that look like leaks.
pub fn with_ledger() -> Vec<Frame> {
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
        frames: (state != MapState::Allocated).then_some(Frames {
            pfn_runs: 1,
            bfn_runs: 12,
            split_runs: 1,
            longest_split_pages: 2,
            same_pages: Some(0),
        }),
        allocator: (buffer == Buffer::Wc).then_some(Allocator::Cma),
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
    frames.push(Frame::Maps(MapsReport { at_ns: began + 5_000_000_000, changed, gone: vec![], ..MapsReport::default() }));
    frames
}
