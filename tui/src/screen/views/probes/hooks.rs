//! Every hook: its means, how often it was passed, what it costs, what it lost, and what it is for.

use grantscope_analysis::model::HookStatus;
use grantscope_analysis::own::MeanCost;
use grantscope_analysis::shown::Shown;
use grantscope_analysis::units::{self, UNKNOWN};
use grantscope_wire::{Edge, HOOKS, HookId};

use crate::screen::model::common::Common;
use crate::screen::model::data::Data;
use crate::screen::model::passed::Ends;
use crate::screen::text;
use crate::screen::widgets::lines::{Text, Tone};

/// As wide as the longest name of a hook.
pub const NAME: usize = 29;
const MEANS: usize = 9;
const NUMBER: usize = 9;
const COST: usize = 12;
/// With fewer columns there is no room for what a hook costs in all, or for its function.
const COLUMNS_WITH_SUM: usize = 92;
const COLUMNS_WITH_FUNCTION: usize = 130;

/// A line each, those that cost most in all first.
pub fn table(text: &mut Text, common: &Common) {
    let data = common.data();
    let Some(environment) = data.aggregate.environment() else { return };
    let (attached, all) = environment.hooks_attached();
    text.heading(&format!("Hooks: {attached} of {all} attached; the dearest in all first, cost of one run"));
    let columns = common.size.columns;
    let heading = ["passed", "at entry", "at return", "lost"].map(str::to_owned);
    text.put(Tone::Heading, line(columns, ["hook", "means", "function"], &heading, "in all"));
    let mut hooks: Vec<_> = environment.hooks.iter().map(|status| Costing::of(status, data)).collect();
    // Those of which nothing is known come last.
    hooks.sort_by(|a, b| b.all_ns.unwrap_or(-1.0).total_cmp(&a.all_ns.unwrap_or(-1.0)));
    for hook in &hooks {
        let tone = if hook.lost.is_some_and(|lost| lost > 0) {
            Tone::Bad
        } else if hook.status.attached_by.is_none() {
            Tone::Missing
        } else {
            Tone::Plain
        };
        text.put(tone, hook.line(columns));
    }
    let about = "passed: in the operations that were recorded. A cost is the mean over all kinds of operation in which it was \
                 measured; in all: of both ends, as often as each was passed.";
    text.wrapped(about);
}

/// What is missing without each: that is what it is for.
pub fn meaning(text: &mut Text, common: &Common) {
    let Some(environment) = common.data().aggregate.environment() else { return };
    text.heading("What is missing without each hook");
    for status in &environment.hooks {
        text.entry(Tone::Plain, status.hook.name(), NAME, without(status.hook));
    }
}

/// What is missing without it.
pub fn without(id: HookId) -> &'static str {
    HOOKS.iter().find(|hook| hook.id == id).map_or(UNKNOWN, |hook| hook.without)
}

/// A hook, and what is known of its runs.
struct Costing<'a> {
    status: &'a HookStatus,
    passed: Option<Ends>,
    entry: Option<MeanCost>,
    back: Option<MeanCost>,
    all_ns: Option<f64>,
    /// `None`: no report has come.
    lost: Option<u64>,
}

impl<'a> Costing<'a> {
    fn of(status: &'a HookStatus, data: &Data) -> Self {
        let costs = data.aggregate.costs();
        let [entry, back] = [Edge::Entry, Edge::Return].map(|edge| costs.mean(status.hook, edge));
        let passed = data.passed.of(status.hook);
        let of_end = |runs: u64, cost: Option<MeanCost>| cost.map(|cost| runs as f64 * cost.ns);
        let all_ns = passed.and_then(|ends| {
            let each = [of_end(ends.entry, entry), of_end(ends.back, back)];
            each.into_iter().flatten().reduce(|all, ns| all + ns)
        });
        let loss = data.aggregate.loss();
        let of_it = loss.counters.iter().filter(|counter| counter.hook == status.hook).map(|counter| counter.count);
        Self {
            status,
            passed,
            entry,
            back,
            all_ns,
            lost: (loss.at_ns > 0 || !loss.counters.is_empty()).then(|| of_it.fold(0, u64::saturating_add)),
        }
    }

    fn line(&self, columns: usize) -> String {
        let known = |count: Option<u64>| count.map_or_else(|| UNKNOWN.to_owned(), text::count);
        let function = self.status.symbol.as_deref().unwrap_or(UNKNOWN);
        let means = self.status.attached_by.as_deref().unwrap_or("NONE");
        let numbers =
            [known(self.passed.map(|ends| ends.entry.max(ends.back))), cost(self.entry), cost(self.back), known(self.lost)];
        let all = units::maybe_duration(self.all_ns);
        line(columns, [self.status.hook.name(), means, function], &numbers, &all)
    }
}

/// `135 ± 4 ns`.
fn cost(cost: Option<MeanCost>) -> String {
    cost.map_or_else(|| UNKNOWN.to_owned(), |cost| format!("{:.0} ± {:.0} ns", cost.ns, cost.error_ns))
}

fn line(columns: usize, names: [&str; 3], numbers: &[String; 4], all: &str) -> String {
    let [name, means, function] = names.map(Shown);
    let [passed, entry, back, lost] = numbers;
    let mut line = format!("  {name:<NAME$} {means:<MEANS$.MEANS$}{passed:>NUMBER$}{entry:>COST$}{back:>COST$}{lost:>6}");
    if columns >= COLUMNS_WITH_SUM {
        line.push_str(&format!("{all:>11}"));
    }
    if columns >= COLUMNS_WITH_FUNCTION {
        let room = columns - COLUMNS_WITH_SUM;
        line.push_str(&format!("  {function:.room$}"));
    }
    line.trim_end().to_owned()
}
