//! Plans that were made before: operations mostly pass the same hooks in the same order.

use grantscope_wire::{Detail, Event, Op};

use super::Plan;
use crate::by_path::ByPath;

/// Plans by what they are made of.
#[derive(Debug, Default)]
pub struct Plans {
    detail: Detail,
    known: ByPath<Plan>,
}

impl Plans {
    /// For operations in a recording of this detail.
    pub fn new(detail: Detail) -> Self {
        Self { detail, ..Self::default() }
    }

    /// As [`Plan::new`], for an operation with this log.
    pub fn of(&mut self, op: Op, attempts: u16, log: &[Event]) -> &Plan {
        let [low, high] = attempts.to_ne_bytes();
        let codes = || log.iter().map(|event| event.code_of());
        self.known.of(&[op.id(), low, high], log, || Plan::new(self.detail, op, attempts, codes()))
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Edge, HookId};

    use super::*;
    use crate::by_path::MOST_PATHS;
    use crate::stages;

    fn log(hook: HookId, times_ns: [u64; 2]) -> Vec<Event> {
        let [entered_ns, returned_ns] = times_ns;
        vec![Event::new(Event::code(hook, Edge::Entry), entered_ns), Event::new(Event::code(hook, Edge::Return), returned_ns)]
    }

    #[test]
    fn a_plan_that_is_known_gives_what_one_of_its_own_would_give() {
        let mut plans = Plans::new(Detail::Stages);
        let hooks = [HookId::GntdevAllocMap, HookId::GnttabMapRefs, HookId::GntdevAllocMap];
        let logs = hooks.iter().zip([[1, 5], [2, 7], [3, 4]]).map(|(&hook, times_ns)| log(hook, times_ns));
        for log in logs {
            for (op, attempts) in [(Op::Map, 0), (Op::Mmap, 0), (Op::Teardown, 0), (Op::Teardown, 3)] {
                let fresh = stages::of(Detail::Stages, op, 9, attempts, &log);
                let plan = plans.of(op, attempts, &log);
                assert_eq!((plan.stages(9, &log), plan.unmatched()), (fresh.stages, &fresh.unmatched[..]));
            }
        }
        assert_eq!(plans.known.len(), 8);
    }

    #[test]
    fn no_more_plans_are_remembered_than_there_is_room_for() {
        let mut plans = Plans::new(Detail::Stages);
        for attempts in 0..=MOST_PATHS as u16 {
            plans.of(Op::Teardown, attempts, &[]);
        }
        assert_eq!(plans.known.len(), 1);
    }
}
