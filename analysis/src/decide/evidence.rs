//! One quantile on both sides: what is claimed of it, and the chance that the claim is wrong.

use super::modes::{self, Modes};
use super::ranks::Ranks;
use super::sample::Sample;
use super::spread::Spread;
use super::{Limit, Verdict};

/// Between two modes a quantile says how many values are in each: so many of all may be in another one. Less where fewer are beyond it.
const MOST_SLACK: f64 = 0.05;
/// A claim is made of two that each hold for a side, and either of two claims can be wrong.
const LN_CLAIMS: f64 = 2.0 * std::f64::consts::LN_2;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Which quantile.
    pub quantile: f64,
    /// Up to what a change is none.
    pub limit: Limit,
    /// How far off the difference may be because of what was subtracted from it.
    pub error_ns: u64,
}

impl Question {
    /// The least that is more than the limit allows of this, whatever the correction's error.
    fn far(&self, ns: u64) -> u64 {
        self.limit.above(ns).saturating_add(self.error_ns)
    }

    /// The most that is surely within the limit.
    fn near(&self, ns: u64) -> u64 {
        self.limit.above(ns).saturating_sub(self.error_ns)
    }
}

/// What both sides say.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    question: Question,
    base: Sample<'a>,
    head: Sample<'a>,
    spread: Option<Spread>,
    /// The quantiles.
    base_ns: u64,
    head_ns: u64,
    /// Where the quantile lies between two modes.
    modes: Option<Modes>,
    /// The evidence of operations for each verdict that decides something.
    strengths: [f64; 3],
}

/// What would decide a question that is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// So many operations on each side.
    Operations(u64),
    /// More runs: they differ too much among themselves.
    Runs,
    /// Nothing in sight: what was seen is right at the limit.
    Nothing,
}

/// Verdicts that decide something, in the order of the strengths.
const DECIDED: [Verdict; 3] = [Verdict::Regressed, Verdict::Improved, Verdict::Equivalent];
/// More operations than a thousand times as many are none that somebody will wait for.
const MOST_MORE: f64 = 1_000.0;

impl<'a> Evidence<'a> {
    /// Of a series on both sides.
    pub fn of(question: Question, [base, head]: [Sample<'a>; 2]) -> Self {
        let quantile = question.quantile;
        let slack = MOST_SLACK.min((1.0 - quantile) / 2.0).min(quantile / 2.0);
        let modes = modes::between(&base.all, &head.all, (quantile - slack)..=(quantile + slack), question.limit);
        Self {
            base_ns: base.quantile_ns(quantile),
            head_ns: head.quantile_ns(quantile),
            spread: Spread::of(&base.quantiles_of_runs_ns(quantile), &head.quantiles_of_runs_ns(quantile)),
            strengths: strengths(question, &base.ranks, &head.ranks, if modes.is_some() { slack } else { 0.0 }),
            modes,
            question,
            base,
            head,
        }
    }

    /// The logarithm of the chance that this verdict is wrong: of what operations say, and of what runs say, the larger.
    fn ln_chance(&self, place: usize) -> f64 {
        let of_operations = LN_CLAIMS - self.strengths[place];
        let of_runs = self.spread.as_ref().map_or(f64::NEG_INFINITY, |spread| (2.0 * self.chance_of_runs(spread, place)).ln());
        of_operations.max(of_runs)
    }

    fn chance_of_runs(&self, spread: &Spread, place: usize) -> f64 {
        let far = |ns: u64| factor(ns, self.question.far(ns));
        let near = |ns: u64| factor(ns, self.question.near(ns));
        match place {
            0 => spread.chance_below(far(self.base_ns)),
            1 => spread.chance_above(1.0 / far(self.head_ns)),
            // Runs that differ only in how many of their operations are in which mode have another quantile each.
            _ if self.modes.is_some() => 0.0,
            _ => spread.chance_above(near(self.base_ns)).max(spread.chance_below(1.0 / near(self.head_ns))),
        }
    }

    /// The verdict that has the least chance to be wrong, with the logarithm of that.
    pub fn best(&self) -> (Verdict, f64) {
        let all = DECIDED.iter().enumerate().map(|(place, &verdict)| (verdict, self.ln_chance(place)));
        all.min_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((Verdict::Inconclusive, 0.0))
    }

    /// The quantile on both sides.
    pub fn quantiles_ns(&self) -> [u64; 2] {
        [self.base_ns, self.head_ns]
    }

    /// Operations on both sides.
    pub fn counts(&self) -> [u64; 2] {
        [self.base.all.count(), self.head.all.count()]
    }

    /// Between which quotients head's quantile lies to base's, each end wrong with half of this chance; `None`: there is no upper end.
    pub fn interval(&self, chance: f64) -> (f64, Option<f64>) {
        let [base, head] = self.ends(chance);
        let quotient = |head: u64, base: u64| head as f64 / base as f64;
        let error_ns = self.question.error_ns;
        let low = base.1.map_or(0.0, |base| quotient(head.0.saturating_sub(error_ns), base.max(1)));
        let high = head.1.filter(|_| base.0 > 0).map(|head| quotient(head.saturating_add(error_ns), base.0));
        match &self.spread {
            Some(spread) => {
                let (of_runs_low, of_runs_high) = spread.interval(chance / 2.0);
                (low.min(of_runs_low), high.map(|high| high.max(of_runs_high)))
            }
            None => (low, high),
        }
    }

    /// The modes that the quantile lies between.
    pub fn between(&self) -> Option<Modes> {
        self.modes
    }

    /// The same, or those that what is known of it with this chance to be wrong goes over.
    pub fn modes(&self, chance: f64) -> Option<Modes> {
        let parts = |ns: u64| [&self.base, &self.head].map(|side| side.ranks.part_at_most(ns));
        let (mut low, mut high) = (1.0_f64, 0.0_f64);
        for (least, most) in self.ends(chance) {
            low = parts(least).into_iter().fold(low, f64::min);
            high = most.map_or([1.0; 2], parts).into_iter().fold(high, f64::max);
        }
        self.modes.or_else(|| modes::between(&self.base.all, &self.head.all, low..=high, self.question.limit))
    }

    /// Between which times the quantile of each side lies, with this chance to be wrong.
    fn ends(&self, chance: f64) -> [(u64, Option<u64>); 2] {
        let nats = LN_CLAIMS - chance.ln();
        [&self.base, &self.head].map(|side| side.ranks.interval(self.question.quantile, nats))
    }

    /// What would decide it, with this chance to be wrong.
    pub fn more(&self, chance: f64) -> More {
        let needed = LN_CLAIMS - chance.ln();
        let strongest = self.strengths.iter().copied().fold(0.0, f64::max);
        if strongest >= needed {
            return More::Runs;
        }
        let factor = needed / strongest;
        if factor > MOST_MORE {
            return More::Nothing;
        }
        let [base, head] = self.counts();
        More::Operations((base.max(head) as f64 * factor).ceil() as u64)
    }
}

/// The evidence of all operations for each verdict that decides something, where `slack` of them may be in another mode.
fn strengths(question: Question, base: &Ranks, head: &Ranks, slack: f64) -> [f64; 3] {
    let (quantile, far, near) = (question.quantile, |ns| question.far(ns), |ns| question.near(ns));
    [
        base.is_below(quantile, head, far),
        head.is_below(quantile, base, far),
        base.is_not_below(quantile, slack, head, near).min(head.is_not_below(quantile, slack, base, near)),
    ]
}

fn factor(ns: u64, shifted_ns: u64) -> f64 {
    shifted_ns.max(1) as f64 / ns.max(1) as f64
}
