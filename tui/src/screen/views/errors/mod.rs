//! What failed: by operation, outcome, cause and grant status, and the last failures themselves. Answers that are no failures are apart.

use std::collections::BTreeMap;

use grantscope_analysis::history::Failure;
use grantscope_analysis::model::{Outcome, Statuses, answer, is_failure, status_list, status_name};
use grantscope_analysis::series::SeriesKey;
use grantscope_analysis::shown::{Shown, counted};
use grantscope_analysis::units;
use grantscope_wire::{Cause, Op};

use crate::screen::model::common::Common;
use crate::screen::model::data::Data;
use crate::screen::text;
use crate::screen::widgets::lines::{Line, Text, Tone};

/// Of a grant status that Xen has.
const INDENT: usize = 10;

/// All of it.
pub fn lines(common: &Common) -> Vec<Line> {
    let mut text = Text::new(common.size.columns);
    let data = common.data();
    let (failed, answers) = kinds(data);
    text.heading(&format!("{} failed", counted(data.errors, "operation")));
    if data.errors == 0 {
        text.wrapped("None of those that were recorded.");
    }
    for (what, kind) in &failed {
        of_kind(&mut text, what, kind);
    }
    let told: u64 = failed.iter().map(|(_, kind)| kind.count).sum();
    if let more @ 1.. = data.errors.saturating_sub(told) {
        text.wrapped(&format!("{more} more were in phases that are not shown, or before the last reset."));
    }
    if !answers.is_empty() {
        text.heading("Answers that are no failures");
        for (what, kind) in &answers {
            let about = answer(what.op, what.outcome).unwrap_or_default();
            text.entry(Tone::Plain, &kind.count.to_string(), INDENT, &format!("{} · {}: {about}", what.op.name(), what.outcome));
        }
    }
    the_last(&mut text, common);
    text.lines()
}

/// Operations that ended alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct What {
    op: Op,
    outcome: Outcome,
    cause: Option<Cause>,
}

#[derive(Clone, Debug, Default)]
struct Kind {
    count: u64,
    statuses: Statuses,
}

type Kinds = Vec<(What, Kind)>;

/// What failed, the most frequent first; and what did not succeed, and is an answer.
fn kinds(data: &Data) -> (Kinds, Kinds) {
    let mut all: BTreeMap<What, Kind> = BTreeMap::new();
    let totals = data.aggregate.series().filter(|(key, _)| key.stage.is_none());
    for (key, series) in totals {
        let SeriesKey { op, outcome, cause, .. } = *key;
        if outcome == Outcome::Ok && cause.is_none() {
            continue;
        }
        let kind = all.entry(What { op, outcome, cause }).or_default();
        kind.count = kind.count.saturating_add(series.count());
        for (&status, references) in data.aggregate.statuses(key) {
            *kind.statuses.entry(status).or_default() += references;
        }
    }
    let mut all: Kinds = all.into_iter().collect();
    all.sort_by_key(|(what, kind)| (std::cmp::Reverse(kind.count), *what));
    all.into_iter().partition(|(what, _)| is_failure(what.op, what.outcome, what.cause))
}

fn of_kind(text: &mut Text, what: &What, kind: &Kind) {
    let cause = what.cause.map_or_else(|| "cause not known".to_owned(), |cause| cause.name().to_owned());
    let name = format!("{} · {} · {cause}", what.op.name(), what.outcome);
    text.entry(Tone::Bad, &kind.count.to_string(), INDENT, &name);
    if !kind.statuses.is_empty() {
        let list = status_list(&kind.statuses, " ", ", ");
        text.entry(Tone::Plain, "", INDENT, &format!("references by Xen's grant status: {list}"));
    }
    if let Some(cause) = what.cause {
        text.entry(Tone::Plain, "", INDENT, cause.about());
    }
}

/// The last ones, the newest first.
fn the_last(text: &mut Text, common: &Common) {
    let failures = common.data().history.failures();
    if failures.len() == 0 {
        return;
    }
    text.heading(&format!("The last {}, the newest first", failures.len()));
    failures.rev().for_each(|failure| text.entry(Tone::Plain, &text::second(common, failure.start_ns), INDENT, &about(failure)));
}

fn about(failure: &Failure) -> String {
    let cause = failure.cause.map(|cause| cause.name().to_owned());
    let buffer = failure.key.and_then(|key| key.buffer).map(|buffer| buffer.name().to_owned());
    let statuses = failure.statuses.iter().map(|(status, references)| format!("{} {references}", status_name(*status)));
    let statuses: Vec<_> = statuses.collect();
    let facts = [
        Some(failure.op.name().to_owned()),
        buffer,
        Some(failure.outcome.to_string()),
        cause,
        (!statuses.is_empty()).then(|| statuses.join(", ")),
        Some(format!("{} pages of domain {}", text::maybe(failure.pages), text::maybe(failure.domid))),
        Some(format!("{} (pid {}, thread {})", Shown(&failure.comm), failure.tgid, failure.tid)),
        Some(units::duration(failure.measured_ns as f64)),
        failure.phase.map(|phase| format!("phase {}", phase.name())),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests;
