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
/// With fewer columns a hook has a name and sentences in place of a row.
const COLUMNS_OF_TABLE: usize = 80;
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
    let is_table = columns >= COLUMNS_OF_TABLE;
    let heading = ["passed", "at entry", "at return", "lost"].map(str::to_owned);
    if is_table {
        text.put(Tone::Heading, line(columns, ["hook", "means", "function"], &heading, "in all"));
    }
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
        if is_table {
            text.put(tone, hook.line(columns));
        } else {
            text.entry_below(tone, hook.status.hook.name(), &hook.sentence());
        }
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

    fn means(&self) -> &str {
        self.status.attached_by.as_deref().unwrap_or("NONE")
    }

    /// How often it was passed, what it costs at entry and at return, and what it lost.
    fn numbers(&self) -> [String; 4] {
        let known = |count: Option<u64>| count.map_or_else(|| UNKNOWN.to_owned(), text::count);
        [known(self.passed.map(|ends| ends.entry.max(ends.back))), cost(self.entry), cost(self.back), known(self.lost)]
    }

    /// What the row says, and what it says on a wide terminal alone.
    fn sentence(&self) -> String {
        let [passed, entry, back, lost] = self.numbers();
        let all = units::maybe_duration(self.all_ns);
        let function = self.status.symbol.as_deref().unwrap_or(UNKNOWN);
        format!(
            "{}, passed {passed}, at entry {entry}, at return {back}, lost {lost}, in all {all}, function {}",
            self.means(),
            Shown(function)
        )
    }

    fn line(&self, columns: usize) -> String {
        let function = self.status.symbol.as_deref().unwrap_or(UNKNOWN);
        let means = self.means();
        let numbers = self.numbers();
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
