//! Any frames are read as they were written, whatever is in them.

use grantscope_analysis::model::{
    Calibration, Clock, Cost, Crossing, Detail, Environment, Filter, FilterReport, Frames, HeldBy, Holder, HookStatus, LiveMap,
    LossCounter, LossReport, MOST_MARK_BYTES, MapState, MapsReport, Mark, Operation, Outcome, Phase, RecorderReport, Stages,
};
use grantscope_analysis::recording::{Frame, Reader, Writer};
use grantscope_analysis::stages;
use grantscope_wire::{Allocator, Buffer, Cause, Detail as Watched, Edge, Event, HOOKS, HookId, LossKind, Op};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

proptest! {
    #[test]
    fn what_is_written_is_read_again(environment in environment(), mut frames in vec(frame(), 0..8)) {
        frames.iter_mut().for_each(|frame| fold(frame, environment.detail));
        let mut writer = Writer::begin(Vec::new(), &environment).expect("a Vec takes everything");
        frames.iter().for_each(|frame| writer.write(frame).expect("a Vec takes everything"));
        writer.write(&END).expect("a Vec takes everything");
        let bytes = writer.into_inner();
        let mut reader = Reader::open(&bytes[..]).expect("a recording");
        let mut read = std::iter::from_fn(|| reader.next_frame().expect("a whole frame"));
        prop_assert_eq!(read.next(), Some(Frame::Environment(environment)));
        prop_assert_eq!(read.collect::<Vec<_>>(), [frames, vec![END]].concat());
    }
}

/// Gives operations the stages that their logs make. A teardown's number of attempts is any.
fn fold(frame: &mut Frame, detail: Option<Watched>) {
    let Frame::Operations(operations) = frame else { return };
    for operation in operations {
        let Operation { op, duration_ns, ref log, tid, .. } = *operation;
        operation.stages = stages::of(detail.unwrap_or_default(), op, duration_ns, tid as u16, log).stages;
    }
}

const END: Frame = Frame::End { at_ns: 0 };

/// Any frame but the environment and the end.
fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        vec(operation(), 0..4).prop_map(Frame::Operations),
        loss().prop_map(Frame::Loss),
        any::<u64>().prop_map(|at_ns| Frame::Tick { at_ns }),
        maps().prop_map(Frame::Maps),
        filtered().prop_map(Frame::Filtered),
        calibration().prop_map(Frame::Calibration),
        recorder().prop_map(Frame::Recorder),
        mark().prop_map(Frame::Mark),
    ]
}

fn hook() -> impl Strategy<Value = HookId> {
    select(HOOKS).prop_map(|hook| hook.id)
}

fn buffer() -> impl Strategy<Value = Option<Buffer>> {
    of(select(Buffer::ALL))
}

fn text() -> impl Strategy<Value = Option<String>> {
    of(any::<String>())
}

prop_compose! {
    fn environment()(
        (run, host, kernel, arch, tool) in any::<(String, String, String, String, String)>(),
        (page_size, started_unix_ms) in any::<(u32, u64)>(),
        xen in text(),
        clock in select(Clock::ALL),
        hooks in vec(hook_status(), 0..4),
        detail in of(select(Watched::ALL)),
    ) -> Environment {
        Environment { run, host, kernel, xen, arch, page_size, clock, tool, started_unix_ms, hooks, detail }
    }
}

prop_compose! {
    fn hook_status()(hook in hook(), attached_by in text(), symbol in text(), problem in text()) -> HookStatus {
        HookStatus { hook, attached_by, symbol, problem }
    }
}

prop_compose! {
    fn operation()(
        (start_ns, duration_ns, tgid, tid, comm) in any::<(u64, u64, u32, u32, String)>(),
        (pages, domid, map_generation_ns) in any::<(Option<u32>, Option<u16>, Option<u64>)>(),
        (stages_incomplete, is_sounded) in any::<(bool, bool)>(),
        op in select(Op::ALL),
        buffer in buffer(),
        outcome in prop_oneof![Just(Outcome::Ok), any::<i32>().prop_map(Outcome::Errno)],
        log in log(),
        details in vec(detail(), 0..4),
        phase in of(select(Phase::ALL)),
    ) -> Operation {
        Operation {
            start_ns, duration_ns, op, buffer, pages, outcome, domid, tgid, tid, comm: comm.into(), map_generation_ns, stages_incomplete,
            stages: Stages::new(), log: log.into(), is_sounded, phase, details,
        }
    }
}

/// Events with any times, also earlier than the one before. A mark has the time of the event before it.
fn log() -> impl Strategy<Value = Vec<Event>> {
    let edge = select(&[Edge::Entry, Edge::Return, Edge::Mark]);
    vec((hook(), edge, 0..1_u64 << 56), 0..6).prop_map(|events| {
        let mut at_ns = 0;
        let event = |(hook, edge, offset_ns)| {
            at_ns = if edge == Edge::Mark { at_ns } else { offset_ns };
            Event::new(Event::code(hook, edge), at_ns)
        };
        events.into_iter().map(event).collect()
    })
}

fn detail() -> impl Strategy<Value = Detail> {
    prop_oneof![
        select(Op::ALL).prop_map(Detail::StartedBy),
        any::<String>().prop_map(Detail::Caller),
        select(Cause::ALL).prop_map(Detail::Cause),
        any::<(i16, u32)>().prop_map(|(status, count)| Detail::Status { status, count }),
    ]
}

prop_compose! {
    fn loss()(at_ns: u64, counters in vec(loss_counter(), 0..4)) -> LossReport {
        LossReport { at_ns, counters }
    }
}

prop_compose! {
    fn loss_counter()(hook in hook(), kind in select(LossKind::ALL), count: u64) -> LossCounter {
        LossCounter { hook, kind, count }
    }
}

prop_compose! {
    fn maps()(
        (at_ns, gone, direct_mapped) in any::<(u64, Vec<u64>, Option<bool>)>(),
        changed in vec(live_map(), 0..4),
        no_census in text(),
    ) -> MapsReport {
        MapsReport { at_ns, changed, gone, no_census, direct_mapped }
    }
}

prop_compose! {
    fn live_map()(
        (id, allocated_ns, owner, comm) in any::<(u64, Option<u64>, Option<u32>, String)>(),
        (domid, pages, owner_gone_ns) in any::<(Option<u16>, u32, Option<u64>)>(),
        buffer in buffer(),
        state in map_state(),
        holders in vec(holder(), 0..4),
        frames in of(frames()),
        allocator in select(&[None, Some(Allocator::Buddy), Some(Allocator::Cma)]),
    ) -> LiveMap {
        // What cannot be is read as unknown.
        let frames = frames.filter(|frames| frames.are_of(pages));
        LiveMap { id, allocated_ns, owner, comm, domid, buffer, pages, state, owner_gone_ns, holders, frames, allocator }
    }
}

prop_compose! {
    fn frames()(
        (pfn_runs, bfn_runs, longest_split_pages) in any::<(u16, u16, u16)>(),
        (split_runs, same_pages) in any::<(u8, Option<u16>)>(),
    ) -> Frames {
        let [pfn_runs, bfn_runs, longest_split_pages] = [pfn_runs, bfn_runs, longest_split_pages].map(u32::from);
        Frames { pfn_runs, bfn_runs, split_runs: split_runs.into(), longest_split_pages, same_pages: same_pages.map(u32::from) }
    }
}

fn map_state() -> impl Strategy<Value = MapState> {
    prop_oneof![
        select(&[MapState::Allocated, MapState::Mapped, MapState::Exported, MapState::Unmapped]),
        any::<(u64, u8)>().prop_map(|(since_ns, by)| MapState::TearingDown { since_ns, by }),
    ]
}

prop_compose! {
    fn holder()(
        (tgid, comm) in any::<(u32, String)>(),
        by in select(&[HeldBy::Descriptor, HeldBy::Memory, HeldBy::DmaBuf]),
    ) -> Holder {
        Holder { tgid, comm, by }
    }
}

prop_compose! {
    fn filtered()(at_ns: u64, filter in filter(), left_out: u64) -> FilterReport {
        FilterReport { at_ns, filter, left_out }
    }
}

prop_compose! {
    fn filter()(
        (pid, comm, domid) in any::<(Option<u32>, Option<String>, Option<u16>)>(),
        buffers in vec(select(Buffer::ALL), 0..4),
        (min_duration_ns, errors_only) in any::<(u64, bool)>(),
    ) -> Filter {
        Filter { pid, comm, domid, buffers, min_duration_ns, errors_only }
    }
}

prop_compose! {
    fn calibration()(at_ns: u64, crossings in vec(crossing(), 0..4)) -> Calibration {
        Calibration { at_ns, crossings }
    }
}

prop_compose! {
    fn recorder()((at_ns, cpu_ns, memory_bytes, most_memory_bytes) in any::<(u64, u64, Option<u64>, u64)>()) -> RecorderReport {
        RecorderReport { at_ns, cpu_ns, memory_bytes, most_memory_bytes }
    }
}

prop_compose! {
    // Also names that are too long.
    fn mark()(at_ns: u64, name: String, times in 1..MOST_MARK_BYTES) -> Mark {
        Mark::new(at_ns, &name.repeat(times))
    }
}

prop_compose! {
    fn crossing()(
        hook in hook(),
        edge in select(&[Edge::Entry, Edge::Return, Edge::Mark]),
        op in of(select(Op::ALL)),
        buffer in buffer(),
        cost in cost(),
        sounded in cost(),
        count: u32,
    ) -> Crossing {
        Crossing { hook, edge, op, buffer, cost, sounded, count }
    }
}

prop_compose! {
    fn cost()((before_ps, after_ps, error_ps) in any::<(i32, i32, u32)>()) -> Cost {
        Cost { before_ps, after_ps, error_ps }
    }
}
