//! What a thread did after a return of its that was not seen: taken for a part of that call, and counted here.

use grantscope_wire::record::Sounding;
use grantscope_wire::{Edge, Event, HookId, LossKind, Op, TeardownInside};

use grantscope_analysis::model::LossCounter;

/// How many operations, by the hook that reports them.
#[derive(Debug, Default)]
pub struct Swallowed(Vec<(HookId, u64)>);

impl Swallowed {
    /// Counts those in the log of a call that did not return as far as was seen; `None`: of one that is no operation. Where the call does
    /// such things itself it is not known whose they are: then only teardowns are counted, which are lost either way.
    pub fn add(&mut self, call: Option<Op>, log: &[Event]) {
        let attaches_itself = call.is_some_and(|call| DOES_SO_ITSELF.contains(&call));
        // A close releases and detaches what was left.
        let (mut next, mut is_closing) = (0, false);
        while let Some(&word) = log.get(next) {
            if TeardownInside::read(&log[next..]).is_some() {
                self.count(Op::Teardown);
                next += TeardownInside::WORDS;
                continue;
            }
            next += 1;
            if Sounding::read(word).is_some() {
                continue;
            }
            if !attaches_itself && !is_closing {
                shown_by(word).into_iter().for_each(|op| self.count(op));
            }
            if word.hook() == HookId::GntdevRelease.id() {
                is_closing = word.edge() == Edge::Entry;
            }
        }
    }

    /// The counters.
    pub fn counters(&self) -> impl Iterator<Item = LossCounter> {
        self.0.iter().map(|&(hook, count)| LossCounter { hook, kind: LossKind::Swallowed, count })
    }

    fn count(&mut self, op: Op) {
        let hook = op.reported_by();
        match self.0.iter_mut().find(|(known, _)| *known == hook) {
            Some((_, count)) => *count += 1,
            None => self.0.push((hook, 1)),
        }
    }
}

/// Operations within which dma-bufs are attached, mapped or released as a part of them.
const DOES_SO_ITSELF: [Op; 8] =
    [Op::Import, Op::ImportRelease, Op::Close, Op::Attach, Op::AttachmentMap, Op::AttachmentUnmap, Op::Detach, Op::Release];

/// The operation that gntdev serves at this event: its own functions show that it does.
fn shown_by(event: Event) -> Option<Op> {
    const SHOWN: [(HookId, Edge, Op); 6] = [
        (HookId::GntdevRelease, Edge::Entry, Op::Close),
        (HookId::DmabufExpOpsRelease, Edge::Entry, Op::Release),
        (HookId::DmabufExpOpsAttach, Edge::Mark, Op::Attach),
        (HookId::DmabufExpOpsMapDmaBuf, Edge::Mark, Op::AttachmentMap),
        (HookId::DmabufExpOpsUnmapDmaBuf, Edge::Mark, Op::AttachmentUnmap),
        (HookId::DmabufExpOpsDetach, Edge::Mark, Op::Detach),
    ];
    SHOWN.iter().find(|(hook, edge, _)| (hook.id(), *edge) == (event.hook(), event.edge())).map(|&(_, _, op)| op)
}

#[cfg(test)]
mod tests {
    use grantscope_wire::MapInfo;

    use super::*;

    fn event(hook: HookId, edge: Edge) -> Event {
        Event::new(Event::code(hook, edge), 5)
    }

    fn log() -> Vec<Event> {
        let detached = [event(HookId::DmaBufDetach, Edge::Entry), event(HookId::DmabufExpOpsDetach, Edge::Mark)];
        let released = [event(HookId::DmabufExpOpsRelease, Edge::Entry), event(HookId::GnttabUnmapRefs, Edge::Return)];
        let torn_down = TeardownInside { ret: 0, map: MapInfo::UNKNOWN }.words();
        let returned = [HookId::DmabufExpOpsRelease, HookId::DmaBufDetach].map(|hook| event(hook, Edge::Return));
        // Another driver's: gntdev does not show itself.
        let foreign = [Edge::Entry, Edge::Return].map(|edge| event(HookId::DmaBufDynamicAttach, edge));
        [&detached[..], &released, &torn_down, &returned, &foreign].concat()
    }

    fn counted(call: Option<Op>) -> Vec<(HookId, u64)> {
        let mut swallowed = Swallowed::default();
        swallowed.add(call, &log());
        swallowed.0
    }

    #[test]
    fn what_gntdev_served_meanwhile_is_counted_once() {
        let all = [Op::Detach, Op::Release, Op::Teardown].map(|op| (op.reported_by(), 1));
        assert_eq!(counted(Some(Op::WaitReleased)), all);
        assert_eq!(counted(None), all);
    }

    #[test]
    fn what_a_close_does_is_a_part_of_it() {
        let [closing, closed] = [Edge::Entry, Edge::Return].map(|edge| event(HookId::GntdevRelease, edge));
        let detached = event(HookId::DmabufExpOpsDetach, Edge::Mark);
        let mut swallowed = Swallowed::default();
        swallowed.add(Some(Op::WaitReleased), &[closing, detached, closed, detached]);
        assert_eq!(swallowed.0, [Op::Close, Op::Detach].map(|op| (op.reported_by(), 1)));
    }

    #[test]
    fn of_a_call_that_does_such_things_itself_only_teardowns_are_counted() {
        assert_eq!(counted(Some(Op::Import)), [(Op::Teardown.reported_by(), 1)]);
    }
}
