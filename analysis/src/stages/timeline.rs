//! How an operation's stages followed each other: one that is entered again is there again.

use grantscope_wire::{Detail, Op, Stage};

use super::{Plan, Way};
use crate::model::Operation;

/// A time in one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which.
    pub stage: Stage,
    /// When it began, counted from the operation's start.
    pub begin_ns: u64,
    /// How long it lasted. All segments of a stage together are its self time.
    pub ns: u64,
}

/// The time line of an operation in a recording of this detail (`None`: not known), from its log.
///
/// Where the log does not give the stages that the operation has, as in recordings before version 4 and of a deferred teardown, each stage is
/// there once, from when it was first entered: one that was interrupted by others then ends later than it says.
pub fn timeline(detail: Option<Detail>, operation: &Operation) -> Vec<Segment> {
    let from_log = detail.and_then(|detail| of_log(detail, operation));
    from_log.filter(|segments| add_up_to_stages(segments, operation)).unwrap_or_else(|| of_stages(operation))
}

fn of_log(detail: Detail, operation: &Operation) -> Option<Vec<Segment>> {
    if operation.op == Op::Teardown {
        return None;
    }
    let plan = Plan::new(detail, operation.op, 0, operation.log.iter().map(|event| event.code_of()));
    let Way::Hooks { stages, places } = plan.way else { return None };
    let duration_ns = operation.duration_ns;
    let ends = operation.log.iter().map(|event| event.offset_ns().min(duration_ns)).chain([duration_ns]);
    let mut segments: Vec<Segment> = Vec::new();
    let mut begin_ns = 0;
    for (end_ns, place) in ends.zip(places) {
        let (stage, ns) = (stages[usize::from(place)].stage, end_ns.saturating_sub(begin_ns));
        match segments.last_mut() {
            Some(last) if last.stage == stage => last.ns += ns,
            _ if ns == 0 => {}
            _ => segments.push(Segment { stage, begin_ns, ns }),
        }
        begin_ns = begin_ns.max(end_ns);
    }
    Some(segments)
}

fn add_up_to_stages(segments: &[Segment], operation: &Operation) -> bool {
    let in_stage = |stage| segments.iter().filter(|segment| segment.stage == stage).map(|segment| segment.ns).sum::<u64>();
    let all: u64 = segments.iter().map(|segment| segment.ns).sum();
    all == operation.duration_ns && operation.stages.iter().all(|span| in_stage(span.stage) == span.self_ns)
}

fn of_stages(operation: &Operation) -> Vec<Segment> {
    let spans = operation.stages.iter();
    let mut segments: Vec<_> =
        spans.map(|span| Segment { stage: span.stage, begin_ns: span.first_offset_ns.into(), ns: span.self_ns }).collect();
    segments.sort_by_key(|segment| segment.begin_ns);
    segments
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Edge, HookId};

    use super::*;
    use crate::fixtures::{export, passing};
    use crate::stages;

    fn segments(detail: Option<Detail>, operation: &Operation) -> Vec<(Stage, u64, u64)> {
        timeline(detail, operation).iter().map(|segment| (segment.stage, segment.begin_ns, segment.ns)).collect()
    }

    fn twice_in_the_balloon() -> Operation {
        let balloon = HookId::XenmemReservationDecrease;
        let [entered, returned] = [Edge::Entry, Edge::Return];
        let hooks = [(balloon, entered, 10), (balloon, returned, 30), (balloon, entered, 45), (balloon, returned, 50)];
        let operation = passing(export(Buffer::Wc, 100), &hooks);
        let stages = stages::of(Detail::Stages, Op::Export, 100, 0, &operation.log).stages;
        Operation { stages, ..operation }
    }

    #[test]
    fn a_stage_that_is_entered_again_is_there_again() {
        let [copy, balloon] = [Stage::ArgumentCopy, Stage::BalloonOut];
        let expected = [(copy, 0, 10), (balloon, 10, 20), (copy, 30, 15), (balloon, 45, 5), (copy, 50, 50)];
        assert_eq!(segments(Some(Detail::Stages), &twice_in_the_balloon()), expected);
    }

    #[test]
    fn without_a_log_that_gives_its_stages_each_is_there_once() {
        let operation = twice_in_the_balloon();
        let once = [(Stage::ArgumentCopy, 0, 75), (Stage::BalloonOut, 10, 25)];
        assert_eq!(segments(None, &operation), once);
        assert_eq!(segments(Some(Detail::Stages), &Operation { log: Default::default(), ..operation }), once);
    }
}
