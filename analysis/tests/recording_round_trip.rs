//! Any frames are read as they were written, whatever is in them.

use grantscope_analysis::model::{
    Clock, Detail, Environment, Filter, FilterReport, HeldBy, Holder, HookStatus, LiveMap, LossCounter, LossReport, MapState,
    MapsReport, Operation, Outcome, StageSpan,
};
use grantscope_analysis::recording::{Frame, Reader, Writer};
use grantscope_wire::{Buffer, Cause, HOOKS, HookId, LossKind, Op, Stage};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

proptest! {
    #[test]
    fn what_is_written_is_read_again(frames in vec(frame(), 0..8)) {
        let mut writer = Writer::begin(Vec::new(), &Environment::default()).expect("a Vec takes everything");
        frames.iter().for_each(|frame| writer.write(frame).expect("a Vec takes everything"));
        writer.write(&END).expect("a Vec takes everything");
        let bytes = writer.into_inner();
        let mut reader = Reader::open(&bytes[..]).expect("a recording");
        let mut read = std::iter::from_fn(|| reader.next_frame().expect("a whole frame"));
        prop_assert_eq!(read.next(), Some(Frame::Environment(Environment::default())));
        prop_assert_eq!(read.collect::<Vec<_>>(), [frames, vec![END]].concat());
    }
}

const END: Frame = Frame::End { at_ns: 0 };

/// Any frame but the end.
fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        environment().prop_map(Frame::Environment),
        vec(operation(), 0..4).prop_map(Frame::Operations),
        loss().prop_map(Frame::Loss),
        any::<u64>().prop_map(|at_ns| Frame::Tick { at_ns }),
        maps().prop_map(Frame::Maps),
        filtered().prop_map(Frame::Filtered),
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
    ) -> Environment {
        Environment { run, host, kernel, xen, arch, page_size, clock, tool, started_unix_ms, hooks }
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
        (pages, domid, map_generation_ns, stages_incomplete) in any::<(Option<u32>, Option<u16>, Option<u64>, bool)>(),
        op in select(Op::ALL),
        buffer in buffer(),
        outcome in prop_oneof![Just(Outcome::Ok), any::<i32>().prop_map(Outcome::Errno)],
        stages in vec(stage_span(), 0..4),
        details in vec(detail(), 0..4),
    ) -> Operation {
        Operation {
            start_ns, duration_ns, op, buffer, pages, outcome, domid, tgid, tid, comm, map_generation_ns, log: Vec::new(),
            is_sounded: false,
            stages_incomplete,
            stages, details,
        }
    }
}

prop_compose! {
    fn stage_span()(
        stage in select(Stage::ALL),
        (self_ns, first_offset_ns, calls) in any::<(u64, u32, u16)>(),
    ) -> StageSpan {
        StageSpan { stage, self_ns, first_offset_ns, calls }
    }
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
    fn maps()(at_ns: u64, changed in vec(live_map(), 0..4), gone: Vec<u64>, no_census in text()) -> MapsReport {
        MapsReport { at_ns, changed, gone, no_census }
    }
}

prop_compose! {
    fn live_map()(
        (id, allocated_ns, owner, comm) in any::<(u64, Option<u64>, Option<u32>, String)>(),
        (domid, pages, owner_gone_ns) in any::<(Option<u16>, u32, Option<u64>)>(),
        buffer in buffer(),
        state in map_state(),
        holders in vec(holder(), 0..4),
    ) -> LiveMap {
        LiveMap { id, allocated_ns, owner, comm, domid, buffer, pages, state, owner_gone_ns, holders }
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
