//! From the hooks that an operation passed to its stages: which began where, and how long each took itself.
//!
//! At every hook the time since the last one goes to the stage that was current. So the self times add up to the operation's duration by
//! construction, whatever hooks are missing. What the functions do and in which order: docs/ARCHITECTURE.md, and `probes/wire/src/hook.rs`.

use grantscope_wire::stage::STAGE_IDS;
use grantscope_wire::{Detail, Edge, Event, HookId, Op, Stage};

use crate::model::StageSpan;

/// What became of an operation's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The stages, in the order in which they were first entered.
    pub stages: Vec<StageSpan>,
    /// Functions that returned without having been entered, or whose callees' returns are missing: stages may be charged to the one around
    /// them.
    pub unmatched: Vec<HookId>,
}

/// The stages of an operation in a recording of this detail. `attempts`: of a teardown, those after the first.
pub fn of(detail: Detail, op: Op, duration_ns: u64, attempts: u16, log: &[Event]) -> Folded {
    let matched = |stages| Folded { stages, unmatched: Vec::new() };
    if op == Op::Teardown {
        let last_attempt_ns = log.last().map_or(0, |event| event.offset_ns());
        return matched(fold_teardown(duration_ns, attempts, last_attempt_ns));
    }
    if detail == Detail::Operations {
        // What is passed inside tells nothing of stages where these are not watched.
        return matched(vec![StageSpan { stage: Stage::Remainder, self_ns: duration_ns, first_offset_ns: 0, calls: 1 }]);
    }
    fold(op, duration_ns, log)
}

/// Makes stages of the events of an operation.
pub fn fold(op: Op, duration_ns: u64, events: &[Event]) -> Folded {
    let mut folding = Folding::new(op, duration_ns);
    for event in events {
        // A hook of a newer version is no boundary of ours.
        let Some(hook) = HookId::from_id(event.hook()) else { continue };
        match event.edge() {
            Edge::Entry => folding.enter(hook, event.offset_ns()),
            Edge::Return => folding.leave(hook, event.offset_ns()),
            Edge::Mark => {}
        }
    }
    folding.end()
}

/// The stages of a teardown: it waits until its last attempt, and unmaps then. Without attempts after the first it does not wait.
pub fn fold_teardown(duration_ns: u64, attempts: u16, last_attempt_ns: u64) -> Vec<StageSpan> {
    let waited = if attempts == 0 { 0 } else { last_attempt_ns.min(duration_ns) };
    let unmapping =
        StageSpan { stage: Stage::Unmapping, self_ns: duration_ns - waited, first_offset_ns: offset(waited), calls: 1 };
    if attempts == 0 {
        return vec![unmapping];
    }
    vec![StageSpan { stage: Stage::Deferred, self_ns: waited, first_offset_ns: 0, calls: attempts }, unmapping]
}

/// The stage that an operation begins in.
const fn first_stage(op: Op) -> Stage {
    match op {
        Op::Map | Op::Export | Op::Import => Stage::ArgumentCopy,
        Op::WaitReleased => Stage::Wait,
        Op::Attach => Stage::DmabufAttach,
        Op::AttachmentMap => Stage::AttachmentMap,
        Op::AttachmentUnmap => Stage::AttachmentUnmap,
        Op::Detach => Stage::DmabufDetach,
        Op::Teardown => Stage::Unmapping,
        Op::MapRefs | Op::BatchMap => Stage::MapHypercall,
        Op::UnmapRefs => Stage::UnmapHypercall,
        Op::BatchCopy => Stage::GrantCopy,
        Op::Mmap | Op::Munmap | Op::Unmap | Op::Release | Op::ImportRelease | Op::Copy | Op::Grant | Op::Ungrant | Op::Close => {
            Stage::Remainder
        }
    }
}

/// What the entry of a function means.
enum Meaning {
    /// The function is a stage until it returns.
    Stage(Stage),
    /// From here on, until the function around it returns, it is another stage.
    Boundary(Stage),
    /// The same, and the function is a stage of the operation around it.
    BoundaryAndStage(Stage, Stage),
    /// The function is a stage, and what came before it since gntdev_free_map was entered was another.
    AfterFree(Stage, Stage),
    /// What came before it since the last hook was another stage.
    Before(Stage),
    /// Nothing.
    None,
}

struct Folding {
    op: Op,
    duration_ns: u64,
    stages: Vec<StageSpan>,
    /// For each stage its place in `stages`.
    place_of: [Option<u8>; STAGE_IDS],
    /// Functions that were entered, and the places to go back to when they return. At the bottom the operation's own.
    frames: Vec<(HookId, u8)>,
    current: u8,
    mark_ns: u64,
    unmatched: Vec<HookId>,
}

impl Folding {
    fn new(op: Op, duration_ns: u64) -> Self {
        let mut folding = Self {
            op,
            duration_ns,
            stages: Vec::with_capacity(8),
            place_of: [None; STAGE_IDS],
            frames: Vec::with_capacity(8),
            current: 0,
            mark_ns: 0,
            unmatched: Vec::new(),
        };
        folding.frames.push((op.reported_by(), 0));
        folding.current = folding.place(first_stage(op));
        folding
    }

    fn innermost(&self) -> HookId {
        // The operation's own frame is never taken away.
        self.frames[self.frames.len() - 1].0
    }

    fn enter(&mut self, hook: HookId, at_ns: u64) {
        match self.meaning(hook) {
            Meaning::Stage(stage) => self.push(hook, stage, at_ns),
            Meaning::Boundary(stage) => self.switch(stage, at_ns),
            Meaning::BoundaryAndStage(boundary, stage) => {
                self.switch(boundary, at_ns);
                self.push(hook, stage, at_ns);
            }
            Meaning::AfterFree(before, stage) => {
                self.freed(before, at_ns);
                self.push(hook, stage, at_ns);
            }
            Meaning::Before(before) => self.reassign(before, at_ns),
            Meaning::None => {}
        }
    }

    fn meaning(&self, hook: HookId) -> Meaning {
        let stage = |stage| Meaning::Stage(stage);
        let boundary = |is: bool, stage| if is { Meaning::Boundary(stage) } else { Meaning::None };
        match hook {
            HookId::GntdevAllocMap => stage(Stage::PageArrayAlloc),
            HookId::GnttabAllocPages => stage(Stage::PageAlloc),
            HookId::GnttabDmaAllocPages => stage(Stage::DmaAlloc),
            HookId::XenmemReservationDecrease => stage(Stage::BalloonOut),
            // In gntdev_free_map only gnttab_dma_free_pages asks Xen for frames.
            HookId::XenmemReservationIncrease if self.innermost() == HookId::GntdevFreeMap => {
                Meaning::AfterFree(Stage::DmaFree, Stage::BalloonIn)
            }
            HookId::XenmemReservationIncrease => stage(Stage::BalloonIn),
            HookId::GnttabMapRefs | HookId::GnttabBatchMap => stage(Stage::MapHypercall),
            HookId::GnttabUnmapRefs => stage(Stage::UnmapHypercall),
            HookId::GnttabBatchCopy => stage(Stage::GrantCopy),
            HookId::VmMapPagesZero => stage(Stage::VmaInsert),
            HookId::GntdevFreeMap => stage(Stage::PageArrayFree),
            HookId::GnttabFreePages => stage(Stage::PageFree),
            HookId::GnttabDmaFreePages => stage(Stage::DmaFree),
            HookId::DmaBufExport => stage(Stage::DmabufExport),
            HookId::DmaBufMapAttachment => stage(Stage::AttachmentMap),
            HookId::DmaBufDetach => stage(Stage::DmabufDetach),
            HookId::ContentionBegin => stage(Stage::LockWait),
            HookId::DmabufExpOpsRelease | HookId::GntdevRelease => stage(Stage::Remainder),
            // What an import copied before it attaches is over.
            HookId::DmaBufDynamicAttach if self.op == Op::Import => {
                Meaning::BoundaryAndStage(Stage::Remainder, Stage::DmabufAttach)
            }
            HookId::DmaBufDynamicAttach => stage(Stage::DmabufAttach),
            // The revocation is over: what is left of the import's release is its remainder.
            HookId::DmaBufUnmapAttachment if self.op == Op::ImportRelease => {
                Meaning::BoundaryAndStage(Stage::Remainder, Stage::AttachmentUnmap)
            }
            HookId::DmaBufUnmapAttachment => stage(Stage::AttachmentUnmap),
            HookId::Msleep if self.asks_xen() => stage(Stage::EagainSleep),
            // A map copies its references behind the allocation, where an export has done so before.
            HookId::GntdevAddMap if self.op == Op::Map => Meaning::Before(Stage::ArgumentCopy),
            HookId::SetForeignP2mMapping => boundary(self.innermost() == HookId::GnttabMapRefs, Stage::P2mUpdate),
            HookId::ClearForeignP2mMapping => boundary(self.innermost() == HookId::GnttabUnmapRefs, Stage::P2mUpdate),
            HookId::GnttabAllocGrantReferences => boundary(self.innermost() == HookId::GntdevIoctl, Stage::GrantAccess),
            HookId::DmabufImpRelease => boundary(self.op == Op::ImportRelease, Stage::GrantRevoke),
            HookId::GntdevVmaClose => boundary(self.op == Op::Munmap, Stage::VmaClose),
            _ => Meaning::None,
        }
    }

    /// Whether the innermost function is one that sleeps while Xen says that a page is not there yet.
    fn asks_xen(&self) -> bool {
        matches!(self.innermost(), HookId::GnttabMapRefs | HookId::GnttabBatchMap | HookId::GnttabBatchCopy)
    }

    /// The function that frees a map's pages is the first thing that gntdev_free_map calls: where only its return is watched, the time since
    /// that was entered is its own.
    fn freed(&mut self, stage: Stage, at_ns: u64) -> bool {
        let freeing = self.innermost() == HookId::GntdevFreeMap;
        if freeing {
            self.reassign(stage, at_ns);
        }
        freeing
    }

    /// The time since the last hook is this stage's, and then the current one goes on.
    fn reassign(&mut self, stage: Stage, at_ns: u64) {
        let around = self.current;
        self.current = self.place(stage);
        self.account(at_ns);
        self.current = around;
    }

    fn leave(&mut self, hook: HookId, at_ns: u64) {
        // A tracepoint ends what another began.
        let hook = if hook == HookId::ContentionEnd { HookId::ContentionBegin } else { hook };
        let own = 1;
        match self.frames.iter().skip(own).rposition(|(entered, _)| *entered == hook) {
            Some(place) => {
                if place + own + 1 != self.frames.len() {
                    self.unmatched.push(hook);
                }
                self.account(at_ns);
                self.current = self.frames[place + own].1;
                self.frames.truncate(place + own);
            }
            None if hook == HookId::GnttabFreePages && self.freed(Stage::PageFree, at_ns) => return,
            None if hook == HookId::GnttabDmaFreePages && self.freed(Stage::DmaFree, at_ns) => return,
            // It slept for something else than Xen.
            None if hook == HookId::Msleep => return,
            None => return self.unmatched.push(hook),
        }
        if hook == HookId::GntdevAllocMap && matches!(self.op, Op::Map | Op::Export) {
            self.switch(Stage::Remainder, at_ns);
        }
    }

    fn push(&mut self, hook: HookId, stage: Stage, at_ns: u64) {
        self.frames.push((hook, self.current));
        self.switch(stage, at_ns);
    }

    fn switch(&mut self, stage: Stage, at_ns: u64) {
        self.account(at_ns);
        self.current = self.place(stage);
    }

    /// The time since the last hook is the current stage's.
    fn account(&mut self, at_ns: u64) {
        self.stages[usize::from(self.current)].self_ns += at_ns.saturating_sub(self.mark_ns);
        self.mark_ns = self.mark_ns.max(at_ns);
    }

    /// Where this stage's time is kept; it is entered once more.
    fn place(&mut self, stage: Stage) -> u8 {
        if let Some(place) = self.place_of[usize::from(stage.id())] {
            let span = &mut self.stages[usize::from(place)];
            span.calls = span.calls.saturating_add(1);
            return place;
        }
        // There are fewer stages than that.
        let place = self.stages.len() as u8;
        self.place_of[usize::from(stage.id())] = Some(place);
        self.stages.push(StageSpan { stage, self_ns: 0, first_offset_ns: offset(self.mark_ns), calls: 1 });
        place
    }

    fn end(mut self) -> Folded {
        self.account(self.duration_ns);
        Folded { stages: self.stages, unmatched: self.unmatched }
    }
}

fn offset(ns: u64) -> u32 {
    u32::try_from(ns).unwrap_or(u32::MAX)
}

// A place is a byte.
const _: () = assert!(STAGE_IDS <= 1 << u8::BITS);

#[cfg(test)]
mod tests {
    use super::*;
    use HookId::*;

    fn entered(hook: HookId, at_ns: u64) -> Event {
        Event::new(Event::code(hook, Edge::Entry), at_ns)
    }

    fn returned(hook: HookId, at_ns: u64) -> Event {
        Event::new(Event::code(hook, Edge::Return), at_ns)
    }

    /// Stage, self time, first entered, calls.
    fn spans(folded: &Folded) -> Vec<(Stage, u64, u32, u16)> {
        folded.stages.iter().map(|span| (span.stage, span.self_ns, span.first_offset_ns, span.calls)).collect()
    }

    #[test]
    fn the_time_between_two_hooks_goes_to_the_stage_that_was_current() {
        let events = [
            entered(GnttabMapRefs, 10),
            entered(SetForeignP2mMapping, 30),
            returned(GnttabMapRefs, 35),
            entered(VmMapPagesZero, 36),
            returned(VmMapPagesZero, 50),
        ];
        let folded = fold(Op::Mmap, 52, &events);
        assert_eq!(
            spans(&folded),
            [
                (Stage::Remainder, 13, 0, 1),
                (Stage::MapHypercall, 20, 10, 1),
                (Stage::P2mUpdate, 5, 30, 1),
                (Stage::VmaInsert, 14, 36, 1)
            ]
        );
        assert_eq!(folded.unmatched, []);
    }

    #[test]
    fn a_stage_within_another_leaves_that_its_own_time_and_calls_are_added_up() {
        let events = [
            entered(GntdevAllocMap, 5),
            entered(GnttabAllocPages, 6),
            entered(XenmemReservationDecrease, 7),
            returned(XenmemReservationDecrease, 9),
            entered(XenmemReservationDecrease, 10),
            returned(XenmemReservationDecrease, 13),
            returned(GnttabAllocPages, 14),
            returned(GntdevAllocMap, 16),
        ];
        let folded = fold(Op::Map, 20, &events);
        assert_eq!(
            spans(&folded),
            [
                (Stage::ArgumentCopy, 5, 0, 1),
                (Stage::PageArrayAlloc, 3, 5, 1),
                (Stage::PageAlloc, 3, 6, 1),
                (Stage::BalloonOut, 5, 7, 2),
                (Stage::Remainder, 4, 16, 1)
            ]
        );
    }

    #[test]
    fn a_map_copies_its_references_behind_the_allocation_and_an_export_before() {
        let events = [entered(GntdevAllocMap, 1), returned(GntdevAllocMap, 3), entered(GntdevAddMap, 5)];
        let of = |op| spans(&fold(op, 9, &events));
        assert_eq!(of(Op::Map), [(Stage::ArgumentCopy, 3, 0, 2), (Stage::PageArrayAlloc, 2, 1, 1), (Stage::Remainder, 4, 3, 1)]);
        assert_eq!(
            of(Op::Export),
            [(Stage::ArgumentCopy, 1, 0, 1), (Stage::PageArrayAlloc, 2, 1, 1), (Stage::Remainder, 6, 3, 1)]
        );
    }

    #[test]
    fn a_boundary_counts_only_where_it_belongs() {
        let events = [entered(SetForeignP2mMapping, 1), entered(GntdevVmaClose, 2), entered(DmabufImpRelease, 3)];
        assert_eq!(spans(&fold(Op::Unmap, 9, &events)), [(Stage::Remainder, 9, 0, 1)]);
        assert_eq!(spans(&fold(Op::Munmap, 9, &events)), [(Stage::Remainder, 2, 0, 1), (Stage::VmaClose, 7, 2, 1)]);
        let refs = [entered(SetForeignP2mMapping, 4)];
        assert_eq!(spans(&fold(Op::MapRefs, 9, &refs)), [(Stage::MapHypercall, 4, 0, 1), (Stage::P2mUpdate, 5, 4, 1)]);
    }

    #[test]
    fn a_sleep_is_a_stage_only_where_xen_is_asked_again() {
        let slept = [entered(GnttabMapRefs, 1), entered(Msleep, 2), returned(Msleep, 7), returned(GnttabMapRefs, 8)];
        assert!(spans(&fold(Op::Mmap, 9, &slept)).contains(&(Stage::EagainSleep, 5, 2, 1)));
        let elsewhere = [entered(GnttabMapRefs, 1), returned(GnttabMapRefs, 2), entered(Msleep, 3), returned(Msleep, 7)];
        let folded = fold(Op::Mmap, 9, &elsewhere);
        assert_eq!(spans(&folded), [(Stage::Remainder, 8, 0, 1), (Stage::MapHypercall, 1, 1, 1)]);
        assert_eq!(folded.unmatched, []);
    }

    #[test]
    fn a_wait_for_a_lock_ends_at_the_other_tracepoint() {
        let events = [entered(ContentionBegin, 2), returned(ContentionEnd, 6)];
        assert_eq!(spans(&fold(Op::Unmap, 9, &events)), [(Stage::Remainder, 5, 0, 1), (Stage::LockWait, 4, 2, 1)]);
    }

    #[test]
    fn where_a_return_is_missing_the_time_goes_to_the_stage_around_and_that_is_said() {
        let inner_missing = [entered(GntdevAllocMap, 1), entered(GnttabAllocPages, 3), returned(GntdevAllocMap, 7)];
        let folded = fold(Op::Map, 9, &inner_missing);
        assert_eq!(
            spans(&folded),
            [
                (Stage::ArgumentCopy, 1, 0, 1),
                (Stage::PageArrayAlloc, 2, 1, 1),
                (Stage::PageAlloc, 4, 3, 1),
                (Stage::Remainder, 2, 7, 1)
            ]
        );
        assert_eq!(folded.unmatched, [GntdevAllocMap]);
        let folded = fold(Op::Map, 9, &[returned(GnttabFreePages, 4)]);
        assert_eq!((spans(&folded), folded.unmatched), (vec![(Stage::ArgumentCopy, 9, 0, 1)], vec![GnttabFreePages]));
    }

    #[test]
    fn whatever_the_events_the_stages_add_up_to_the_duration() {
        let ids = grantscope_wire::HOOKS;
        let mut seed = 1_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for round in 0..2_000 {
            let mut at_ns = 0;
            let events: Vec<_> = (0..random(200))
                .map(|_| {
                    at_ns += random(50) as u64;
                    let hook = ids[random(ids.len())].id;
                    if random(2) == 0 { entered(hook, at_ns) } else { returned(hook, at_ns) }
                })
                .collect();
            let op = Op::ALL[random(Op::ALL.len())];
            let folded = fold(op, at_ns + 3, &events);
            assert_eq!(
                folded.stages.iter().map(|span| span.self_ns).sum::<u64>(),
                at_ns + 3,
                "round {round}, {op:?}, {events:?}"
            );
        }
    }

    #[test]
    fn a_map_is_freed_from_its_pages_on_whether_their_entry_is_watched_or_not() {
        let pages = [entered(GntdevFreeMap, 1), returned(GnttabFreePages, 5), returned(GntdevFreeMap, 8)];
        let folded = fold(Op::Unmap, 9, &pages);
        let expected = [(Stage::Remainder, 2, 0, 1), (Stage::PageArrayFree, 3, 1, 1), (Stage::PageFree, 4, 1, 1)];
        assert_eq!((spans(&folded), &folded.unmatched[..]), (expected.to_vec(), &[][..]));
        let inner = [entered(XenmemReservationIncrease, 3), returned(XenmemReservationIncrease, 6)];
        let dma = |own: &[Event]| [&[entered(GntdevFreeMap, 1)], own, &inner, &[returned(GnttabDmaFreePages, 8)]].concat();
        let self_times = |events: &[Event]| {
            let folded = fold(Op::Release, 9, events);
            assert_eq!(folded.unmatched, []);
            let of = |stage| folded.stages.iter().filter(|span| span.stage == stage).map(|span| span.self_ns).sum::<u64>();
            [Stage::Remainder, Stage::PageArrayFree, Stage::DmaFree, Stage::BalloonIn].map(of)
        };
        assert_eq!(self_times(&dma(&[])), [1, 1, 4, 3]);
        assert_eq!(self_times(&dma(&[entered(GnttabDmaFreePages, 2)])), [1, 2, 3, 3]);
    }

    #[test]
    fn a_teardown_waits_until_its_last_attempt() {
        let spans = |attempts, at| {
            fold_teardown(100, attempts, at).iter().map(|span| (span.stage, span.self_ns, span.calls)).collect::<Vec<_>>()
        };
        assert_eq!(spans(0, 0), [(Stage::Unmapping, 100, 1)]);
        assert_eq!(spans(0, 90), [(Stage::Unmapping, 100, 1)]);
        assert_eq!(spans(3, 90), [(Stage::Deferred, 90, 3), (Stage::Unmapping, 10, 1)]);
    }
}
