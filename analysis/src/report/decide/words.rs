//! The words of a comparison, in every format the same.

use super::decision::Decision;
use crate::decide::{Comparison, More, Outcome, Remark, Row, Side, Verdict};
use crate::select::written;
use crate::shown::{counted, escaped, number};
use crate::units;

/// What a row is about, as a selector.
pub fn subject(row: &Row) -> String {
    escaped(&written(&row.key, row.shows_domain)).into_owned()
}

/// `+6.1 % [5.8, 6.4]`, `[-3.1, …]` where there is no upper end.
pub fn change(row: &Row) -> String {
    let percent = |quotient: f64| (quotient - 1.0) * 100.0;
    let (low, high) = row.interval;
    let high = high.map_or("…".to_owned(), |high| format!("{:.1}", percent(high)));
    let low = if low > 0.0 { format!("{:.1}", percent(low)) } else { "…".to_owned() };
    let change = row.quotient().map_or(units::UNKNOWN.to_owned(), |quotient| format!("{:+.1} %", percent(quotient)));
    format!("{change} [{low}, {high}]")
}

/// As of a side that has both modes, and not one mode on each.
const MIXED: std::ops::RangeInclusive<f64> = 0.05..=0.95;

/// Why it is so, or what would decide it; empty: there is nothing to say.
pub fn why(row: &Row) -> String {
    let mut parts = Vec::new();
    if let Some(explained) = row.explained {
        parts.push(format!("{} {} of {}", explained.stage.name(), signed(explained.change_ns), signed(explained.of_ns)));
    }
    if let Some(modes) = row.modes.filter(|modes| modes.parts_below.iter().any(|part| MIXED.contains(part))) {
        let [base, head] = modes.parts_below.map(|part| format!("{:.0} %", part * 100.0));
        let [short, long] = [modes.short_ns, modes.long_ns].map(|ns| units::duration(ns as f64));
        parts.push(format!("two modes, {short} and {long}: {base} of base and {head} of head are in the first"));
    }
    match row.more {
        Some(More::Operations(count)) => {
            parts.push(format!("about {} on each side would decide it", counted(count, "operation")))
        }
        Some(More::Runs) => parts.push("runs differ too much among themselves: more of them would decide it".to_owned()),
        Some(More::Nothing) => parts.push(format!("it is at its limit of {}: more operations hardly decide it", row.limit)),
        None => {}
    }
    parts.join("; ")
}

/// What is not decided, each with what would decide it.
pub fn undecided(comparisons: &[Comparison]) -> Vec<String> {
    let rows = comparisons.iter().flat_map(|comparison| &comparison.rows).filter(|row| row.verdict == Verdict::Inconclusive);
    rows.map(|row| format!("{} {} ({})", subject(row), row.metric, why(row))).collect()
}

/// `+1.31 µs`.
pub fn signed(ns: i64) -> String {
    let sign = if ns < 0 { "−" } else { "+" };
    format!("{sign}{}", units::duration(ns.unsigned_abs() as f64))
}

/// One remark in a line, with the option that allows it.
pub fn remark(decision: &Decision<'_>, remark: &Remark) -> String {
    let Comparison { names, is_of_ways, .. } = decision.comparison;
    // Two ways of one run are no base and head.
    let name = |side: Side| if *is_of_ways { names[side as usize].as_str() } else { side.name() };
    let values = |values: &std::collections::BTreeSet<String>| {
        let each: Vec<_> = values.iter().map(|value| if value.is_empty() { "none" } else { value }).collect();
        if each.is_empty() { "not known".to_owned() } else { each.join(" and ") }
    };
    let series = |key| written(key, true);
    let text = match remark {
        Remark::Differs { by, values: [base, head] } => {
            let (is_mixed, word) = (base.len().max(head.len()) > 1, by.word());
            let [base, head] =
                [(Side::Base, base), (Side::Head, head)].map(|(side, all)| format!("{} {}", name(side), values(all)));
            if is_mixed {
                format!("runs of one side differ in {word}: {base}, {head}; --by {word} keeps them apart")
            } else {
                format!("another {word}: {base}, {head}")
            }
        }
        Remark::Group { group, side, runs } => {
            let other = if *runs == 0 { String::new() } else { format!(", of which the other side has {runs}") };
            format!("{} has no run of the group ({group}){other}", name(*side))
        }
        Remark::Missing { key, side, count } => {
            format!("{} has no {}, of which the other side has {}", name(*side), series(key), counted(*count, "operation"))
        }
        Remark::Outcome { key, side, count } => {
            format!("{} of {} failed as none did on the other side: {}", counted(*count, "operation"), name(*side), series(key))
        }
        Remark::Lost { op, side, count } => {
            format!("{} lost up to {} of kind {}", name(*side), counted(*count, "operation"), op.name())
        }
        Remark::WithoutRow { side, count } => {
            format!("{} of {} are in no series: there were too many (--max-series)", number(*count), name(*side))
        }
        Remark::Unmatched { selector } => format!("no series is meant by the limit for `{selector}`"),
        Remark::Nothing => "there is nothing to compare: no series that is to be judged is on both sides".to_owned(),
    };
    let text = escaped(&text).into_owned();
    match remark {
        Remark::Nothing => text,
        _ if decision.allows(remark) => format!("{text} (allowed)"),
        _ => format!("{text} (--allow {})", escaped(&remark.name())),
    }
}

/// What was compared, in a line.
pub fn heading(comparison: &Comparison) -> String {
    let runs = |place: usize| match comparison.runs[place] {
        0 => " (no run)".to_owned(),
        1 => String::new(),
        runs => format!(" ({runs} runs)"),
    };
    let name = |place: usize| escaped(&comparison.names[place]).into_owned();
    let group = group(comparison).map(|group| format!("{group}: ")).unwrap_or_default();
    if comparison.is_of_ways {
        return format!("{group}{}{} compared with {}{}", name(1), runs(1), name(0), runs(0));
    }
    let side = |place: usize, side: Side| match name(place) {
        name if name == side.name() => format!("{name}{}", runs(place)),
        name => format!("{} {name}{}", side.name(), runs(place)),
    };
    format!("{group}{}, {}", side(0, Side::Base), side(1, Side::Head))
}

/// Which of several groups it is of; `None`: of all runs.
pub fn group(comparison: &Comparison) -> Option<String> {
    let group = comparison.group.to_string();
    (!group.is_empty()).then(|| escaped(&group).into_owned())
}

/// What is said of a row: of two ways of one run, neither is the older one.
pub fn verdict(comparison: &Comparison, row: Verdict) -> &'static str {
    match row {
        Verdict::Regressed if comparison.is_of_ways => "slower",
        Verdict::Improved if comparison.is_of_ways => "faster",
        other => other.name(),
    }
}

/// `1 regressed, 2 inconclusive, 61 equivalent`.
pub fn verdicts(comparison: &Comparison) -> String {
    let each = comparison.verdicts().into_iter().filter(|(_, count)| *count > 0);
    let each: Vec<_> =
        each.map(|(verdict, count)| format!("{} {}", number(count as u64), self::verdict(comparison, verdict))).collect();
    if each.is_empty() { "nothing was judged".to_owned() } else { each.join(", ") }
}

/// How sure all of it is.
pub fn certainty(comparison: &Comparison) -> String {
    let several = comparison.runs.iter().any(|&runs| runs > 1);
    let runs = if several { "" } else { "; with one run on each side, what varies between runs is not in the intervals" };
    let chance = significant(comparison.error_rate * 100.0);
    match comparison.rows.len() {
        1 => format!("the verdict is wrong with a chance of at most {chance} %{runs}"),
        count => format!("all {} together are wrong with a chance of at most {chance} %{runs}", counted(count as u64, "verdict")),
    }
}

/// Two digits that say something.
fn significant(number: f64) -> String {
    let decimals = (1 - number.log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What follows.
pub fn outcome(decision: &Decision<'_>) -> String {
    let why = match decision.outcome {
        Outcome::Pass => "nothing is slower by more than its limit",
        Outcome::Regressed => "something is slower by more than its limit",
        Outcome::Undecided => "it is not known whether anything is slower, or like was not compared with like",
    };
    format!("{}: {why}", decision.outcome.name())
}

/// Rows that are worth a line of their own.
pub fn is_told(row: &Row) -> bool {
    row.verdict != Verdict::Equivalent
}
