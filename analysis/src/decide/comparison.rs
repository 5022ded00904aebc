//! Two sides, series by series: what is judged, what could not be, and how many verdicts may be wrong together.

use std::collections::HashSet;

use grantscope_wire::Stage;

use super::evidence::{Evidence, More, Question};
use super::pair::{BySide, Pair, pairs};
use super::remark::{self, Remark};
use super::rules::limits_of;
use super::sample::Sample;
use super::{Limit, Metric, Modes, Rule, Verdict};
use crate::runs::{Fact, Run, RunGroup};
use crate::series::{Series, SeriesKey};

/// What two sides are.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How the sides are called.
    pub names: [String; 2],
    /// Everything that was judged, the worst first.
    pub rows: Vec<Row>,
    /// What keeps it from being a comparison of like with like.
    pub remarks: Vec<Remark>,
    /// The chance that any of the verdicts is wrong.
    pub error_rate: f64,
    /// Runs of each side.
    pub runs: [usize; 2],
    /// Whether the sides are two ways in which one run did the same: then neither is the older one.
    pub is_of_ways: bool,
    /// What all its runs have in common, where it is one of several groups.
    pub group: RunGroup,
}

/// One quantile of one series on both sides.
#[derive(Clone, Debug)]
pub struct Row {
    /// What its operations have in common; no domain where they were of several numbers.
    pub key: SeriesKey,
    /// Whether another row differs from it by its domain alone.
    pub shows_domain: bool,
    /// What was judged.
    pub metric: Metric,
    /// By which limit.
    pub limit: Limit,
    /// The quantile on each side.
    pub quantiles_ns: [u64; 2],
    /// Operations on each side.
    pub counts: [u64; 2],
    /// Between which quotients head lies to base; `None`: there is no upper end.
    pub interval: (f64, Option<f64>),
    /// What is said of it.
    pub verdict: Verdict,
    /// What would decide it, where nothing is.
    pub more: Option<More>,
    /// The stage that explains a change.
    pub explained: Option<Explained>,
    /// The modes that it lies between.
    pub modes: Option<Modes>,
}

/// The stage that changed the most in the direction in which the operation did, by the same quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explained {
    /// Which.
    pub stage: Stage,
    /// By how much.
    pub change_ns: i64,
    /// Of how much.
    pub of_ns: i64,
}

impl Row {
    /// Head's quantile divided by base's; `None`: base's is 0.
    pub fn quotient(&self) -> Option<f64> {
        let [base, head] = self.quantiles_ns.map(|ns| ns as f64);
        (base > 0.0).then(|| head / base)
    }

    /// How much longer head's quantile is.
    pub fn change_ns(&self) -> i64 {
        difference(self.quantiles_ns)
    }
}

/// What follows from a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing became slower by more than its limit.
    Pass,
    /// Something did.
    Regressed,
    /// It is not known, or like was not compared with like.
    Undecided,
}

impl Outcome {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Regressed => "regressed",
            Self::Undecided => "undecided",
        }
    }
}

impl Comparison {
    /// How often each verdict was given, the worst first.
    pub fn verdicts(&self) -> [(Verdict, usize); 4] {
        Verdict::ALL.map(|verdict| (verdict, self.rows.iter().filter(|row| row.verdict == verdict).count()))
    }

    /// What follows from it, where these remarks are allowed, and where what is not decided passes or does not.
    pub fn outcome(&self, allowed: &[String], inconclusive_passes: bool) -> Outcome {
        let has = |verdict| self.rows.iter().any(|row| row.verdict == verdict);
        if has(Verdict::Regressed) {
            return Outcome::Regressed;
        }
        let is_kept_apart = self.remarks.iter().any(|remark| !remark.is_among(allowed));
        if is_kept_apart || (has(Verdict::Inconclusive) && !inconclusive_passes) { Outcome::Undecided } else { Outcome::Pass }
    }
}

/// Compares two sides, each of one or several runs, by these rules. All verdicts together are wrong with at most this chance.
pub fn compare(names: [String; 2], base: &[Run], head: &[Run], rules: &[Rule], error_rate: f64) -> Comparison {
    let pairs = pairs(base, head);
    let mut remarks = remark::of(base, head, rules, &pairs);
    let judged = judged(&pairs, rules, has_common_probes(base, head));
    if judged.is_empty() {
        remarks.push(Remark::Nothing);
    }
    let mut rows = decided(judged, error_rate);
    let told_apart = told_apart(&pairs);
    rows.iter_mut().for_each(|row| row.shows_domain = told_apart.contains(&SeriesKey { domid: None, ..row.key }));
    rows.sort_by(|a, b| (a.verdict, weight(b)).partial_cmp(&(b.verdict, weight(a))).unwrap_or(std::cmp::Ordering::Equal));
    let runs = [base.len(), head.len()];
    Comparison { names, rows, remarks, error_rate, runs, is_of_ways: false, group: RunGroup::default() }
}

/// What there are several domains of.
fn told_apart(pairs: &[Pair<'_>]) -> HashSet<SeriesKey> {
    let mut seen = HashSet::new();
    pairs.iter().map(|pair| SeriesKey { domid: None, ..pair.key }).filter(|key| !seen.insert(*key)).collect()
}

/// Whether what the probes cost is as wrong on one side as on the other.
fn has_common_probes(base: &[Run], head: &[Run]) -> bool {
    let of = |run: &Run| [Fact::Kernel, Fact::Attach, Fact::Detail].map(|fact| run.facts.0.get(&fact).cloned());
    let mut all = base.iter().chain(head).map(of);
    let Some(first) = all.next() else { return false };
    first.iter().all(Option::is_some) && all.all(|other| other == first)
}

struct Judged<'a> {
    key: SeriesKey,
    metric: Metric,
    limit: Limit,
    evidence: Evidence<'a>,
    explained: Option<Explained>,
}

fn judged<'a>(pairs: &[Pair<'a>], rules: &[Rule], has_common_probes: bool) -> Vec<Judged<'a>> {
    let mut all = Vec::new();
    for pair in pairs {
        for (metric, limit) in limits_of(rules, &pair.key) {
            let samples = pair.sides.each_ref().map(|side| Sample::of(of_metric(side, metric.stage)));
            // Of a range of page counts there are no quantiles.
            if samples.iter().any(|side| side.all.count() == 0 || side.all.is_mixture()) || pair.key.page_range.is_some() {
                continue;
            }
            let error_ns = correction_error_ns(samples.each_ref().map(|side| &side.all), has_common_probes);
            let evidence = Evidence::of(Question { quantile: metric.quantile, limit, error_ns }, samples);
            let explained = explained(pair, metric, evidence.quantiles_ns());
            all.push(Judged { key: pair.key, metric, limit, evidence, explained });
        }
    }
    all
}

fn of_metric<'a>(side: &[BySide<'a>], stage: Option<Stage>) -> Vec<&'a Series> {
    let of = |one: &BySide<'a>| match stage {
        Some(stage) => one.stage(stage),
        None => Some(one.series),
    };
    side.iter().filter_map(of).filter(|series| series.count() > 0).collect()
}

/// What is said of one quantile of two series of one run, and between which quotients it lies, with this chance to be wrong.
pub fn judge(base: &Series, head: &Series, quantile: f64, limit: Limit, chance: f64) -> (Verdict, (f64, Option<f64>)) {
    let error_ns = correction_error_ns([base, head], true);
    let samples = [base, head].map(|series| Sample::of(vec![series]));
    let evidence = Evidence::of(Question { quantile, limit, error_ns }, samples);
    let (verdict, ln_chance) = evidence.best();
    let verdict = if ln_chance <= chance.ln() { verdict } else { Verdict::Inconclusive };
    (verdict, evidence.interval(chance))
}

/// How far off the difference may be. What both sides have in common is not in it: then only what was subtracted from one more than from the
/// other can be off, in the same proportion.
fn correction_error_ns(sides: [&Series; 2], has_common_probes: bool) -> u64 {
    let [base, head] = sides.map(|side| side.mean_own_ns().zip(side.mean_own_error_ns()));
    let (Some((base_ns, base_error_ns)), Some((head_ns, head_error_ns))) = (base, head) else {
        // Where neither was corrected, nothing can be off; where one was, that is a circumstance that differs.
        return base.or(head).map_or(0, |(_, error_ns)| error_ns.ceil() as u64);
    };
    if !has_common_probes {
        return (base_error_ns + head_error_ns).ceil() as u64;
    }
    let proportion = (base_error_ns / base_ns.max(1.0)).max(head_error_ns / head_ns.max(1.0));
    ((base_ns - head_ns).abs() * proportion).ceil() as u64
}

/// Holm's procedure: the surest verdict has to be as sure as if all were to be wrong together, the next as if one fewer were, until one is
/// not sure enough (<https://en.wikipedia.org/wiki/Holm%E2%80%93Bonferroni_method>).
fn decided(judged: Vec<Judged<'_>>, error_rate: f64) -> Vec<Row> {
    let mut all: Vec<_> = judged.into_iter().map(|judged| (judged.evidence.best(), judged)).collect();
    all.sort_by(|((_, one), _), ((_, other), _)| one.total_cmp(other));
    let mut left = all.len();
    let mut is_over = false;
    let row = |((verdict, ln_chance), judged): ((Verdict, f64), Judged<'_>)| {
        let chance = error_rate / left.max(1) as f64;
        is_over |= ln_chance > chance.ln();
        if !is_over {
            left -= 1;
        }
        row(judged, if is_over { Verdict::Inconclusive } else { verdict }, chance)
    };
    all.into_iter().map(row).collect()
}

fn row(judged: Judged<'_>, verdict: Verdict, chance: f64) -> Row {
    let Judged { key, metric, limit, evidence, explained } = judged;
    let is_open = verdict == Verdict::Inconclusive;
    Row {
        key,
        shows_domain: false,
        metric,
        limit,
        quantiles_ns: evidence.quantiles_ns(),
        counts: evidence.counts(),
        interval: evidence.interval(chance),
        verdict,
        more: is_open.then(|| evidence.more(chance)),
        explained: explained.filter(|_| matches!(verdict, Verdict::Regressed | Verdict::Improved)),
        modes: if is_open { evidence.modes(chance) } else { evidence.between() },
    }
}

fn explained(pair: &Pair<'_>, metric: Metric, quantiles_ns: [u64; 2]) -> Option<Explained> {
    if metric.stage.is_some() {
        return None;
    }
    let of_ns = difference(quantiles_ns);
    let quantile_ns = |side: &[BySide<'_>], stage| {
        let series = Series::together(of_metric(side, Some(stage)));
        let operations: u64 = side.iter().map(|one| one.series.count()).sum();
        // A stage that most operations have not is 0 in most of them.
        if series.count() * 2 > operations { series.buckets().quantile(metric.quantile) } else { 0 }
    };
    let changes = Stage::ALL.iter().map(|&stage| {
        let change_ns = difference(pair.sides.each_ref().map(|side| quantile_ns(side, stage)));
        Explained { stage, change_ns, of_ns }
    });
    let found = changes.max_by_key(|change| change.change_ns.saturating_mul(of_ns.signum()))?;
    (found.change_ns.signum() == of_ns.signum() && of_ns != 0).then_some(found)
}

fn difference([base, head]: [u64; 2]) -> i64 {
    i64::try_from(i128::from(head) - i128::from(base)).unwrap_or(if head > base { i64::MAX } else { i64::MIN })
}

/// How large a change is, whichever way.
fn weight(row: &Row) -> f64 {
    row.quotient().map_or(0.0, |quotient| quotient.max(f64::MIN_POSITIVE).ln().abs())
}
