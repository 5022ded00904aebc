//! How often operations passed each hook: their logs say it.

use grantscope_analysis::model::Operation;
use grantscope_wire::hook::HOOK_IDS;
use grantscope_wire::{Edge, HookId};

/// How often the programs of each hook ran in the operations that were recorded.
#[derive(Clone, Debug)]
pub struct Passed {
    ends: [Ends; HOOK_IDS],
    has_logs: bool,
}

/// How often each end of a hook was passed. Of some hooks only one is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Its entry, marks included.
    pub entry: u64,
    /// Its return.
    pub back: u64,
}

impl Default for Passed {
    fn default() -> Self {
        Self { ends: [Ends::default(); HOOK_IDS], has_logs: false }
    }
}

impl Passed {
    /// One more operation. The hook that reports it is not in its log.
    pub fn add(&mut self, operation: &Operation) {
        self.has_logs |= !operation.log.is_empty();
        let reporter = operation.op.reported_by().id();
        self.count(reporter, Edge::Entry);
        self.count(reporter, Edge::Return);
        operation.log.iter().for_each(|event| self.count(event.hook(), event.edge()));
    }

    fn count(&mut self, id: u8, edge: Edge) {
        let Some(ends) = self.ends.get_mut(usize::from(id)) else { return };
        let count = if matches!(edge, Edge::Return) { &mut ends.back } else { &mut ends.entry };
        *count = count.saturating_add(1);
    }

    /// How often; `None`: no operation says which hooks it passed, as in recordings of older versions.
    pub fn of(&self, hook: HookId) -> Option<Ends> {
        let ends = self.ends.get(usize::from(hook.id())).copied()?;
        (ends != Ends::default() || self.has_logs).then_some(ends)
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Event};

    use super::*;
    use crate::screen::fixtures::export;

    #[test]
    fn entries_with_marks_and_returns_are_counted_apart() {
        let mut passed = Passed::default();
        passed.add(&export(Buffer::Wc, 1, 100));
        // Its own hook is known without a log, and nothing of the others.
        let once = Some(Ends { entry: 1, back: 1 });
        assert_eq!((passed.of(HookId::GntdevIoctl), passed.of(HookId::GnttabMapRefs)), (once, None));
        let edges = [(HookId::GnttabMapRefs, Edge::Entry), (HookId::GnttabMapRefs, Edge::Return), (HookId::Msleep, Edge::Mark)];
        let log = edges.map(|(hook, edge)| Event::new(Event::code(hook, edge), 5)).into_iter().collect();
        passed.add(&Operation { log, ..export(Buffer::Wc, 1, 100) });
        let counts = [HookId::GntdevIoctl, HookId::GnttabMapRefs, HookId::Msleep, HookId::GntdevMmap].map(|hook| passed.of(hook));
        let ends = |entry, back| Some(Ends { entry, back });
        assert_eq!(counts, [ends(2, 2), ends(1, 1), ends(1, 0), ends(0, 0)]);
    }
}
