//! Compares, and finds every difference.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::truth::{self, Call, Teardowns, Truth};
use crate::model::{Operation, status_list};
use crate::series::Aggregate;
use crate::shown::Shown;
use grantscope_wire::Op;

/// Differences of one kind that are shown; the rest is counted.
const MOST_SHOWN: usize = 8;

/// What a recording and a truth file agree and differ on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Series whose counts were compared.
    pub series: usize,
    /// Operations that were compared one by one.
    pub operations: usize,
    /// What is wrong. Empty: nothing.
    pub differences: Vec<Difference>,
}

impl Judgement {
    /// Whether recording and truth agree on everything.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A series has another count.
    Count {
        /// Operation, buffer, pages, outcome.
        series: String,
        /// In the recording.
        recorded: u64,
        /// In the truth.
        truth: u64,
    },
    /// Something was lost.
    Lost(String),
    /// The recording left operations out on purpose.
    Filtered(String),
    /// Neither side has anything to compare.
    Nothing,
    /// The recording was cut short, or the workload did not finish.
    Unfinished(&'static str),
    /// Stages do not add up to the duration.
    DoesNotAddUp {
        /// Which operation.
        operation: String,
        /// Sum of its stages.
        stages_ns: u64,
    },
    /// The stack overflowed, or a return was unmatched.
    StagesIncomplete(String),
    /// The operation does not lie within the call that asked for it.
    OutsideCall {
        /// Which operation.
        operation: String,
        /// The nearest call of its kind in that thread, if there is one.
        call: String,
    },
    /// More of the kind above.
    More(usize),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { series, recorded, truth } => write!(f, "{series}: recorded {recorded}, truth {truth}"),
            Self::Lost(what) => write!(f, "lost: {what}"),
            Self::Filtered(what) => write!(f, "the recording is not of everything ({what}): record without a filter to compare"),
            Self::Unfinished(what) => f.write_str(what),
            Self::DoesNotAddUp { operation, stages_ns } => write!(f, "{operation}: its stages add up to {stages_ns} ns"),
            Self::StagesIncomplete(operation) => write!(f, "{operation}: its stages are incomplete"),
            Self::OutsideCall { operation, call } => write!(f, "{operation} does not lie within its call ({call})"),
            Self::Nothing => f.write_str("neither the recording nor the truth has an operation: nothing was compared"),
            Self::More(count) => write!(f, "… and {count} more like this"),
        }
    }
}

/// Compares them.
pub fn judge(aggregate: &Aggregate, operations: &[Operation], truth: &Truth) -> Judgement {
    let expected: Vec<Call> = truth.operations().collect();
    let counts = Counts::of(operations, &expected, truth.teardowns.as_deref());
    let mut differences = unfinished(aggregate, truth);
    if truth.calls.is_empty() && counts.0.is_empty() && operations.is_empty() {
        differences.push(Difference::Nothing);
    }
    differences.extend(aggregate.filtered().map(|report| Difference::Filtered(report.to_string())));
    differences.extend(lost(aggregate));
    differences.extend(few(counts.differences()));
    differences.extend(few(counts.of_causes(operations, &expected).differences()));
    differences.extend(few(operations.iter().filter(|operation| !operation.adds_up()).map(does_not_add_up)));
    differences.extend(few(operations
        .iter()
        .filter(|operation| operation.stages_incomplete)
        .map(describe)
        .map(Difference::StagesIncomplete)));
    differences.extend(few(outside_calls(operations, &expected)));
    Judgement { series: counts.0.len(), operations: operations.len(), differences }
}

fn few(differences: impl Iterator<Item = Difference>) -> Vec<Difference> {
    let mut differences: Vec<_> = differences.collect();
    let more = differences.len().saturating_sub(MOST_SHOWN);
    if more > 0 {
        differences.truncate(MOST_SHOWN);
        differences.push(Difference::More(more));
    }
    differences
}

fn unfinished(aggregate: &Aggregate, truth: &Truth) -> Vec<Difference> {
    let recording = (!aggregate.ended()).then_some("the recording was cut short");
    let workload = (!truth.is_complete()).then_some("the workload did not finish: see `ending` in the truth file");
    recording.into_iter().chain(workload).map(Difference::Unfinished).collect()
}

fn lost(aggregate: &Aggregate) -> impl Iterator<Item = Difference> {
    aggregate
        .loss()
        .counters
        .iter()
        .map(|counter| Difference::Lost(format!("{} × {} at {}", counter.count, counter.kind.name(), counter.hook.name())))
}

/// Operation, buffer, pages, outcome: counted on both sides.
struct Counts(BTreeMap<String, (u64, u64)>);

impl Counts {
    fn of(operations: &[Operation], expected: &[Call], teardowns: Option<&[Teardowns]>) -> Self {
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for operation in operations.iter().filter(|operation| operation.op != Op::Teardown || teardowns.is_some()) {
            counts.entry(series(operation)).or_default().0 += 1;
        }
        for teardowns in teardowns.into_iter().flatten() {
            let truth = &mut counts.entry(teardowns.series()).or_default().1;
            *truth = truth.saturating_add(teardowns.count);
        }
        for call in expected {
            counts.entry(call.series()).or_default().1 += 1;
        }
        Self(counts)
    }

    /// The same with causes and statuses, of the series whose counts agree and all of whose calls are explained.
    fn of_causes(&self, operations: &[Operation], expected: &[Call]) -> Self {
        let mut unexplained: BTreeSet<String> = expected.iter().filter(|call| call.why.is_none()).map(Call::series).collect();
        unexplained.extend(self.0.iter().filter(|(_, (recorded, truth))| recorded != truth).map(|(series, _)| series.clone()));
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for operation in operations.iter().filter(|operation| operation.op != Op::Teardown) {
            let series = series(operation);
            if !unexplained.contains(&series) {
                counts.entry(explained(&series, cause(operation), &statuses(operation))).or_default().0 += 1;
            }
        }
        for call in expected {
            let series = call.series();
            if let Some((cause, statuses)) = call.why.as_ref().filter(|_| !unexplained.contains(&series)) {
                counts.entry(explained(&series, cause, statuses)).or_default().1 += 1;
            }
        }
        Self(counts)
    }

    fn differences(&self) -> impl Iterator<Item = Difference> {
        let unequal = self.0.iter().filter(|(_, (recorded, truth))| recorded != truth);
        unequal.map(|(series, &(recorded, truth))| Difference::Count { series: series.clone(), recorded, truth })
    }
}

fn series(operation: &Operation) -> String {
    let buffer = operation.buffer.map(|buffer| buffer.name());
    truth::series(operation.op.name(), buffer, operation.pages, &operation.outcome.name())
}

fn explained(series: &str, cause: &str, statuses: &str) -> String {
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { Shown(text).to_string() };
    format!("{series}, cause {}, refused {}", or_none(cause), or_none(statuses))
}

fn cause(operation: &Operation) -> &'static str {
    operation.cause().map_or("", |cause| cause.name())
}

/// As in the CSV.
fn statuses(operation: &Operation) -> String {
    status_list(&operation.statuses().map(|(status, count)| (status, u64::from(count))).collect(), ":", ";")
}

fn describe(operation: &Operation) -> String {
    let Operation { start_ns, duration_ns, tid, .. } = operation;
    format!("{} at {start_ns} ns for {duration_ns} ns in thread {tid}", series(operation))
}

fn does_not_add_up(operation: &Operation) -> Difference {
    Difference::DoesNotAddUp {
        operation: describe(operation),
        stages_ns: operation.stages.iter().map(|stage| stage.self_ns).fold(0, u64::saturating_add),
    }
}

/// Operations that no call that makes one of their kind, in their thread, surrounds.
fn outside_calls<'a>(operations: &'a [Operation], expected: &'a [Call]) -> impl Iterator<Item = Difference> + 'a {
    let mut calls: HashMap<(u32, &str), Vec<&Call>> = HashMap::new();
    for call in expected {
        calls.entry((call.tid, &call.op)).or_default().push(call);
    }
    for calls in calls.values_mut() {
        calls.sort_by_key(|call| call.start_ns);
    }
    // A teardown may end long after the call that asked for it.
    operations.iter().filter(|operation| operation.op != Op::Teardown).filter_map(move |operation| {
        let calls = calls.get(&(operation.tid, operation.op.name())).map_or(&[][..], Vec::as_slice);
        let after = calls.partition_point(|call| call.start_ns <= operation.start_ns);
        let call = after.checked_sub(1).map(|index| calls[index]);
        let inside =
            call.is_some_and(|call| end(operation.start_ns, operation.duration_ns) <= end(call.start_ns, call.duration_ns));
        let call =
            call.map_or_else(|| "there is none".to_owned(), |call| format!("{} ns for {} ns", call.start_ns, call.duration_ns));
        (!inside).then(|| Difference::OutsideCall { operation: describe(operation), call })
    })
}

/// Of times that add up to more than a number holds, the sum is comparable all the same.
fn end(start_ns: u64, duration_ns: u64) -> u128 {
    u128::from(start_ns) + u128::from(duration_ns)
}
