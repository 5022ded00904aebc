//! What each hook's program costs, in the operations that it was measured in.

use std::collections::{BTreeMap, HashMap};

use grantscope_analysis::model::{Calibration, Cost, Crossing, HookStatus};
use grantscope_wire::hook::Ends;
use grantscope_wire::{Buffer, Detail, Edge, HOOKS, Hook, HookId, Op};

use super::means::Means;
use super::samples::{Estimate, Samples};
use super::sounded::Sounded;
use super::twins::{Baseline, Kind, Split};
use crate::attach;

/// An end of a hook, in some operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    hook: HookId,
    edge: Edge,
    /// In which operations, and on what kind of buffer; `None`: in all.
    within: Option<(Op, Option<Buffer>)>,
}

/// What a program's own work took.
#[derive(Debug, Default)]
struct Work {
    before: Samples,
    after: Samples,
    /// How many had been measured when it was last told.
    told: usize,
}

/// What crossings cost, as far as that is known.
#[derive(Debug, Default)]
pub struct Costs {
    baselines: BTreeMap<Means, Baseline>,
    /// How each end that is watched is attached.
    ends: HashMap<(HookId, Edge), (Means, Kind)>,
    work: BTreeMap<Place, Work>,
    begun: bool,
}

impl Costs {
    /// Of hooks that are attached like this, where crossings by these means cost so much.
    pub fn new(status: &[HookStatus], detail: Detail, baselines: BTreeMap<Means, Baseline>) -> Self {
        let rows = status.iter().filter_map(|status| {
            let hook = HOOKS.iter().find(|hook| hook.id == status.hook)?;
            Some((hook, attach::means(status.attached_by.as_deref()?)))
        });
        let ends = rows.flat_map(|(hook, means)| {
            ends(hook, detail).into_iter().map(move |(edge, kind)| ((hook.id, edge), (means.unwrap_or(Means::Fentry), kind)))
        });
        Self { ends: ends.collect(), baselines, ..Self::default() }
    }

    /// By which means programs are attached.
    pub fn means(status: &[HookStatus]) -> Vec<Means> {
        let mut means: Vec<_> = status.iter().filter_map(|status| attach::means(status.attached_by.as_deref()?)).collect();
        means.sort_unstable();
        means.dedup();
        means
    }

    /// A program timed itself.
    pub fn add(&mut self, sounded: &Sounded) {
        let Sounded { op, buffer, event, sounding } = *sounded;
        let (hook, edge, (before, after)) = match event {
            // Before its time began.
            None => (op.reported_by(), Edge::Entry, (None, sounding.duration_ns as i64)),
            Some(event) => {
                let Some(hook) = HookId::from_id(event.hook()) else { return };
                match event.edge() {
                    Edge::Mark => (hook, Edge::Mark, (Some(sounding.duration_ns as i64), 0)),
                    edge => {
                        let (before, after) = sounding.around(event);
                        (hook, edge, (Some(before), after))
                    }
                }
            }
        };
        // The program that begins an operation is not the one that makes a stage of another.
        let all = event.is_some().then_some(None);
        for within in all.into_iter().chain([Some((op, buffer))]) {
            let work = self.work.entry(Place { hook, edge, within }).or_default();
            if let Some(before) = before {
                work.before.add(before);
            }
            work.after.add(after);
        }
    }

    /// What is known anew; `None`: nothing is.
    pub fn news(&mut self, at_ns: u64) -> Option<Calibration> {
        let mut crossings = Vec::new();
        if !self.begun {
            self.begun = true;
            crossings.extend(
                self.ends.keys().filter_map(|&(hook, edge)| self.crossing(Place { hook, edge, within: None }, &Work::default())),
            );
        }
        let mut told = Vec::new();
        for (place, work) in &self.work {
            // Each time that there are twice as many.
            if work.after.count() >= 2 * work.told {
                told.push(*place);
                crossings.extend(self.crossing(*place, work));
            }
        }
        for place in told {
            if let Some(work) = self.work.get_mut(&place) {
                work.told = work.after.count();
            }
        }
        (!crossings.is_empty()).then_some(Calibration { at_ns, crossings })
    }

    /// The simplest crossing of its kind, and what the program's own work takes longer than the simplest one's.
    fn crossing(&self, place: Place, work: &Work) -> Option<Crossing> {
        let (means, kind) = *self.ends.get(&(place.hook, place.edge))?;
        let baseline = self.baselines.get(&means)?;
        let simplest = baseline.work(kind);
        let more = |samples: &Samples, simplest: Estimate| samples.estimate().map_or(UNKNOWN, |work| work - simplest);
        let begins = work.after.count() > 0 && work.before.count() == 0;
        let before = if begins { Estimate::default() } else { more(&work.before, simplest.before) };
        let more = Split { before, after: more(&work.after, simplest.after) };
        let (op, buffer) = place.within.map_or((None, None), |(op, buffer)| (Some(op), buffer));
        Some(Crossing {
            hook: place.hook,
            edge: place.edge,
            op,
            buffer,
            cost: cost(baseline.ordinary(kind), more),
            sounded: cost(baseline.sounded(kind), more),
            count: work.after.count() as u32,
        })
    }
}

/// Of work that was not measured: as much as the simplest, give or take.
const UNKNOWN: Estimate = Estimate { ps: 0.0, error_ps: 50_000.0 };

fn cost(simplest: Split, more: Split) -> Cost {
    let (before, after) = (simplest.before + more.before, simplest.after + more.after);
    Cost {
        before_ps: before.ps.round() as i32,
        after_ps: after.ps.round() as i32,
        error_ps: (before + after).error_ps.round() as u32,
    }
}

/// The ends of a hook that have programs, and what they may be passed as.
fn ends(hook: &Hook, detail: Detail) -> Vec<(Edge, Kind)> {
    if hook.ends == Ends::Tracepoint {
        // It begins or ends a wait, and does as much as an entry.
        return vec![(Edge::Entry, Kind::Entry), (Edge::Return, Kind::Entry)];
    }
    match (hook.entry_is_watched_at(detail), hook.return_is_watched_at(detail)) {
        (true, true) => vec![(Edge::Entry, Kind::PairEntry), (Edge::Return, Kind::PairReturn)],
        (true, false) => vec![(Edge::Entry, Kind::Entry), (Edge::Mark, Kind::Mark)],
        (false, true) => vec![(Edge::Return, Kind::Return)],
        (false, false) => Vec::new(),
    }
}
