//! From the hooks that an operation passed to its stages: which began where, and how long each took itself.
//!
//! At every hook the time since the last one goes to the stage that was current. So the self times add up to the operation's duration by
//! construction, whatever hooks are missing. What the functions do and in which order: docs/ARCHITECTURE.md, and `probes/wire/src/hook.rs`.

mod plans;
mod timeline;

pub use self::plans::Plans;
pub use self::timeline::{Segment, timeline};

use grantscope_wire::hook::HOOK_IDS;
use grantscope_wire::stage::STAGE_IDS;
use grantscope_wire::{Detail, Edge, Event, HookId, Op, Stage};
use smallvec::smallvec;

use crate::model::{StageSpan, Stages};

/// What became of an operation's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The stages, in the order in which they were first entered.
    pub stages: Stages,
    /// Functions that returned without having been entered, or whose callees' returns are missing: stages may be charged to the one around
    /// them.
    pub unmatched: Vec<HookId>,
}

/// The stages of an operation in a recording of this detail. `attempts`: of a teardown, those after the first.
pub fn of(detail: Detail, op: Op, duration_ns: u64, attempts: u16, log: &[Event]) -> Folded {
    let plan = Plan::new(detail, op, attempts, log.iter().map(|event| event.code_of()));
    Folded { stages: plan.stages(duration_ns, log), unmatched: plan.unmatched }
}

/// How stages are made of the logs of operations that pass the same hooks in the same order, whenever that is.
#[derive(Clone, Debug)]
pub struct Plan {
    way: Way,
    /// As of [`Folded`].
    unmatched: Vec<HookId>,
}

#[derive(Clone, Debug)]
enum Way {
    /// All the time is the remainder: what is passed inside tells nothing of stages where these are not watched.
    Remainder,
    /// As [`fold_teardown`] has it.
    Teardown { attempts: u16 },
    /// The stages, and for each event, and for the end, which of them has the time before it.
    Hooks { stages: Vec<Planned>, places: Vec<u8> },
}

/// A stage of a plan.
#[derive(Clone, Debug)]
struct Planned {
    stage: Stage,
    /// Events before it is first entered.
    entered: usize,
    calls: u16,
}

impl Plan {
    /// The plan for operations in a recording of this detail, whose events have these codes. `attempts`: as for [`of`].
    pub fn new(detail: Detail, op: Op, attempts: u16, codes: impl Iterator<Item = u8>) -> Self {
        match (op, detail) {
            (Op::Teardown, _) => Self { way: Way::Teardown { attempts }, unmatched: Vec::new() },
            (_, Detail::Operations) => Self { way: Way::Remainder, unmatched: Vec::new() },
            _ => planned(op, codes),
        }
    }

    /// Of these operations, what [`Folded`] has of each.
    pub fn unmatched(&self) -> &[HookId] {
        &self.unmatched
    }

    /// The stages of one of these operations.
    pub fn stages(&self, duration_ns: u64, log: &[Event]) -> Stages {
        match &self.way {
            Way::Remainder => {
                smallvec![StageSpan { stage: Stage::Remainder, self_ns: duration_ns, first_offset_ns: 0, calls: 1 }]
            }
            Way::Teardown { attempts } => fold_teardown(duration_ns, *attempts, log.last().map_or(0, |event| event.offset_ns())),
            Way::Hooks { stages, places } => spans(stages, places, duration_ns, log),
        }
    }
}

/// The spans of planned stages: each time between two events goes to the one that it is planned for.
fn spans(stages: &[Planned], places: &[u8], duration_ns: u64, log: &[Event]) -> Stages {
    let offset_of = |event: Option<&Event>| event.map_or(0, |event| offset(event.offset_ns()));
    let begun = |planned: &Planned| StageSpan {
        stage: planned.stage,
        self_ns: 0,
        first_offset_ns: offset_of(planned.entered.checked_sub(1).and_then(|last| log.get(last))),
        calls: planned.calls,
    };
    let mut spans: Stages = stages.iter().map(begun).collect();
    let times = log.iter().map(|event| event.offset_ns().min(duration_ns)).chain([duration_ns]);
    let mut mark_ns = 0;
    for (at_ns, place) in times.zip(places) {
        spans[usize::from(*place)].self_ns += at_ns.saturating_sub(mark_ns);
        mark_ns = mark_ns.max(at_ns);
    }
    spans
}

fn planned(op: Op, codes: impl Iterator<Item = u8>) -> Plan {
    let mut folding = Folding::new(op);
    let mut events = 0;
    for code in codes {
        events += 1;
        let event = Event(code.into());
        // A hook of a newer version is no boundary of ours.
        let Some(hook) = HookId::from_id(event.hook()) else { continue };
        match event.edge() {
            Edge::Entry => folding.enter(hook, events),
            Edge::Return => folding.leave(hook, events),
            Edge::Mark => {}
        }
    }
    folding.end(events + 1)
}

/// The stages of a teardown: it waits until its last attempt, and unmaps then. Without attempts after the first it does not wait.
pub fn fold_teardown(duration_ns: u64, attempts: u16, last_attempt_ns: u64) -> Stages {
    let waited = if attempts == 0 { 0 } else { last_attempt_ns.min(duration_ns) };
    let unmapping =
        StageSpan { stage: Stage::Unmapping, self_ns: duration_ns - waited, first_offset_ns: offset(waited), calls: 1 };
    if attempts == 0 {
        return smallvec![unmapping];
    }
    smallvec![StageSpan { stage: Stage::Deferred, self_ns: waited, first_offset_ns: 0, calls: attempts }, unmapping]
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

/// A log as far as it is planned. Where there is an `at`, it is a number of events: the first is 1, and 0 the operation's start.
struct Folding {
    op: Op,
    stages: Vec<Planned>,
    /// For each stage its place in `stages`.
    place_of: [Option<u8>; STAGE_IDS],
    /// Functions that were entered, and the places to go back to when they return. At the bottom the operation's own.
    frames: Vec<(HookId, u8)>,
    /// For each hook its frames, without the operation's own.
    frames_of: [usize; HOOK_IDS],
    current: u8,
    /// For each event up to the last hook that mattered, the place of the time before it.
    places: Vec<u8>,
    unmatched: Vec<HookId>,
}

impl Folding {
    fn new(op: Op) -> Self {
        let mut folding = Self {
            op,
            stages: Vec::with_capacity(8),
            place_of: [None; STAGE_IDS],
            frames: Vec::with_capacity(8),
            frames_of: [0; HOOK_IDS],
            current: 0,
            places: Vec::new(),
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

    fn enter(&mut self, hook: HookId, at: usize) {
        self.end_free(hook, at);
        match self.meaning(hook) {
            Meaning::Stage(stage) => self.push(hook, stage, at),
            Meaning::Boundary(stage) => self.switch(stage, at),
            Meaning::BoundaryAndStage(boundary, stage) => {
                self.switch(boundary, at);
                self.push(hook, stage, at);
            }
            Meaning::AfterFree(before, stage) => {
                self.freed(before, at);
                self.push(hook, stage, at);
            }
            Meaning::Before(before) => self.reassign(before, at),
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
            HookId::CmaAlloc => stage(Stage::CmaAlloc),
            HookId::ArchDmaPrepCoherent => stage(Stage::DmaPrep),
            HookId::DmaCommonContiguousRemap => stage(Stage::DmaRemap),
            // It has more callers than this one.
            HookId::Vunmap if self.innermost() == HookId::GnttabDmaFreePages => stage(Stage::DmaUnremap),
            HookId::CmaRelease => stage(Stage::CmaRelease),
            HookId::DmaMapSgtable => stage(Stage::DmaMap),
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
    fn freed(&mut self, stage: Stage, at: usize) -> bool {
        let freeing = self.innermost() == HookId::GntdevFreeMap;
        if freeing {
            self.reassign(stage, at);
        }
        freeing
    }

    /// Where only the entry of gntdev_free_map is watched, it lasts until something comes that it does not call: it is the last thing that
    /// happens to a map, but a close goes on to the next one.
    fn end_free(&mut self, next: HookId, at: usize) {
        let is_inside = matches!(
            next,
            HookId::GnttabFreePages | HookId::GnttabDmaFreePages | HookId::XenmemReservationIncrease | HookId::ContentionBegin
        );
        if self.innermost() == HookId::GntdevFreeMap && !is_inside {
            self.account(at);
            self.pop(HookId::GntdevFreeMap);
        }
    }

    /// The time since the last hook is this stage's, and then the current one goes on.
    fn reassign(&mut self, stage: Stage, at: usize) {
        let around = self.current;
        self.current = self.place(stage);
        self.account(at);
        self.current = around;
    }

    fn leave(&mut self, hook: HookId, at: usize) {
        // A tracepoint ends what another began.
        let hook = if hook == HookId::ContentionEnd { HookId::ContentionBegin } else { hook };
        if self.frames_of[usize::from(hook.id())] == 0 {
            return self.leave_unentered(hook, at);
        }
        if self.innermost() != hook {
            self.end_free(hook, at);
        }
        if self.innermost() != hook {
            self.unmatched.push(hook);
        }
        self.account(at);
        self.pop(hook);
        if hook == HookId::GntdevAllocMap && matches!(self.op, Op::Map | Op::Export) {
            self.switch(Stage::Remainder, at);
        }
    }

    fn leave_unentered(&mut self, hook: HookId, at: usize) {
        let is_known = match hook {
            HookId::GnttabFreePages => self.freed(Stage::PageFree, at),
            HookId::GnttabDmaFreePages => self.freed(Stage::DmaFree, at),
            // It slept for something else than Xen.
            HookId::Msleep => true,
            // Something else of this kernel's was unmapped.
            HookId::Vunmap => true,
            _ => false,
        };
        if !is_known {
            self.unmatched.push(hook);
        }
    }

    fn push(&mut self, hook: HookId, stage: Stage, at: usize) {
        self.frames.push((hook, self.current));
        self.frames_of[usize::from(hook.id())] += 1;
        self.switch(stage, at);
    }

    /// Back to what was before the last entry of this function. It has a frame.
    fn pop(&mut self, hook: HookId) {
        while let Some((entered, around)) = self.frames.pop() {
            self.frames_of[usize::from(entered.id())] -= 1;
            if entered == hook {
                self.current = around;
                return;
            }
        }
    }

    fn switch(&mut self, stage: Stage, at: usize) {
        self.account(at);
        self.current = self.place(stage);
    }

    /// The time since the last hook is the current stage's.
    fn account(&mut self, at: usize) {
        self.places.resize(at, self.current);
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
        self.stages.push(Planned { stage, entered: self.places.len(), calls: 1 });
        place
    }

    fn end(mut self, end: usize) -> Plan {
        self.account(end);
        Plan { way: Way::Hooks { stages: self.stages, places: self.places }, unmatched: self.unmatched }
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

    fn fold(op: Op, duration_ns: u64, events: &[Event]) -> Folded {
        of(Detail::Full, op, duration_ns, 0, events)
    }

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
    fn a_map_is_freed_until_something_else_happens_where_only_the_entry_is_watched() {
        let unmapped = |at_ns| [entered(GnttabUnmapRefs, at_ns), returned(GnttabUnmapRefs, at_ns + 5)];
        let freed = |at_ns| [entered(GntdevFreeMap, at_ns), returned(GnttabFreePages, at_ns + 2)];
        let events = [unmapped(1), freed(7), unmapped(10), freed(16)].concat();
        let folded = fold(Op::Close, 20, &events);
        let expected = [
            (Stage::Remainder, 1 + 1 + 1, 0, 1),
            (Stage::UnmapHypercall, 5 + 5, 1, 2),
            (Stage::PageArrayFree, 1 + 2, 7, 2),
            (Stage::PageFree, 2 + 2, 7, 2),
        ];
        assert_eq!((spans(&folded), &folded.unmatched[..]), (expected.to_vec(), &[][..]));
    }

    #[test]
    fn events_behind_the_end_or_out_of_order_have_no_time() {
        let events = [entered(GnttabMapRefs, 8), returned(GnttabMapRefs, 3), entered(GnttabMapRefs, 20)];
        let folded = fold(Op::Mmap, 9, &events);
        assert_eq!(spans(&folded), [(Stage::Remainder, 9, 0, 1), (Stage::MapHypercall, 0, 8, 2)]);
    }

    #[test]
    fn where_only_operations_are_watched_all_is_the_remainder() {
        let folded = of(Detail::Operations, Op::Mmap, 9, 0, &[entered(GnttabMapRefs, 3)]);
        assert_eq!(spans(&folded), [(Stage::Remainder, 9, 0, 1)]);
        let folded = of(Detail::Operations, Op::Teardown, 9, 2, &[entered(GnttabUnmapWork, 3)]);
        assert_eq!(spans(&folded), [(Stage::Deferred, 3, 0, 2), (Stage::Unmapping, 6, 3, 1)]);
    }

    #[test]
    fn a_long_log_without_any_matches_is_folded_in_no_time() {
        let halves = |number| if number < 200_000 { entered(GnttabMapRefs, number) } else { returned(DmaBufExport, number) };
        let folded = fold(Op::Mmap, 400_000, &(0..400_000).map(halves).collect::<Vec<_>>());
        assert_eq!((folded.stages.len(), folded.unmatched.len()), (2, 200_000));
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
