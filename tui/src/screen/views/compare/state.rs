//! Buffer kinds side by side: one row per operation and page count.

use std::collections::BTreeMap;

use grantscope_analysis::model::Outcome;
use grantscope_analysis::report::metrics::METRICS;
use grantscope_analysis::series::aggregate::SeriesKey;
use grantscope_wire::{Buffer, Op, Stage};

use crate::screen::command::Command;
use crate::screen::model::columns::{Column, P50, SORTABLE};
use crate::screen::model::data::Data;
use crate::screen::model::detail::stage_means;
use crate::screen::model::group::{Pages, groups, merged};
use crate::screen::model::selection::Selection;

/// Buffer kinds side by side: by which metric, and which row is selected.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The metric by which kinds are compared: its place in `METRICS`.
    pub metric: usize,
    selected: Selection<Subject>,
    /// What can be compared, and what cannot.
    pub comparison: Comparison,
    /// Stages of the selected row.
    pub stages: Vec<CompareStage>,
}

impl Default for Compare {
    fn default() -> Self {
        Self { metric: P50, selected: Selection::default(), comparison: Comparison::default(), stages: Vec::new() }
    }
}

impl Compare {
    /// Moves the selection, or compares by the next metric.
    pub fn command(&mut self, command: Command) {
        match command {
            Command::Metric => self.metric = next_metric(self.metric),
            command => {
                if let Some(rows) = command.step() {
                    self.selected.step(&self.subjects(), rows);
                }
            }
        }
    }

    /// Computes the comparison.
    pub fn refresh(&mut self, data: &Data, merged_pages: bool) {
        self.comparison = compare(data, merged_pages, self.metric);
        let row = self.selected().map(|index| &self.comparison.rows[index]);
        self.stages = row.map(|row| compare_stages(data, row)).unwrap_or_default();
    }

    /// Which row is selected.
    pub fn selected(&self) -> Option<usize> {
        self.selected.index(&self.subjects())
    }

    fn subjects(&self) -> Vec<Subject> {
        self.comparison.rows.iter().map(|row| row.subject).collect()
    }
}

/// Metrics to compare by: those that a table can be sorted by.
fn next_metric(metric: usize) -> usize {
    let metrics: Vec<usize> =
        SORTABLE.iter().filter_map(|column| if let Column::Metric(index) = column { Some(*index) } else { None }).collect();
    let place = metrics.iter().position(|&other| other == metric).unwrap_or(0);
    metrics[(place + 1) % metrics.len()]
}

/// The kinds that are compared, each a column. The first is what the others are measured by.
pub const KINDS: [Buffer; 3] = [Buffer::Pages, Buffer::Wc, Buffer::Coherent];

/// A value per kind of `KINDS`.
pub type PerKind<T> = [T; KINDS.len()];

/// What a row compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// What was asked for.
    pub op: Op,
    /// How many grants.
    pub pages: Pages,
}

/// One row: successful operations only, because a failure takes another way through the kernel.
#[derive(Clone, Debug)]
pub struct CompareRow {
    /// What it is about.
    pub subject: Subject,
    /// The series behind each kind.
    pub members: PerKind<Vec<SeriesKey>>,
    /// Operations of each kind.
    pub counts: PerKind<u64>,
    /// The chosen metric of each kind; `None`: nothing recorded.
    pub values: PerKind<Option<f64>>,
}

/// What can be compared, and what cannot.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Operations that were seen with several kinds.
    pub rows: Vec<CompareRow>,
    /// Operations that were seen with one kind only.
    pub alone: Vec<Op>,
}

impl CompareRow {
    /// One kind's value divided by another's; `None`: one of them is not known, or the divisor is 0.
    pub fn ratio(&self, over: Buffer, under: Buffer) -> Option<f64> {
        let value = |kind| self.values[place(kind)];
        let (over, under) = value(over).zip(value(under))?;
        (under > 0.0).then(|| over / under)
    }
}

fn place(kind: Buffer) -> usize {
    KINDS.iter().position(|&other| other == kind).expect("only kinds of KINDS are compared")
}

/// The comparison, by one metric of `METRICS`.
pub fn compare(data: &Data, merged_pages: bool, metric: usize) -> Comparison {
    let several = |members: &PerKind<Vec<_>>| members.iter().filter(|members| !members.is_empty()).count() > 1;
    let (comparable, alone): (Vec<_>, Vec<_>) =
        members(data, merged_pages).into_iter().partition(|(_, members)| several(members));
    let rows: Vec<_> = comparable.into_iter().map(|(subject, members)| row(data, subject, members, metric)).collect();
    let mut alone: Vec<_> = alone.into_iter().map(|(subject, _)| subject.op).collect();
    alone.dedup();
    alone.retain(|&op| rows.iter().all(|row| row.subject.op != op));
    Comparison { rows, alone }
}

fn members(data: &Data, merged_pages: bool) -> BTreeMap<Subject, PerKind<Vec<SeriesKey>>> {
    let mut subjects: BTreeMap<Subject, PerKind<Vec<SeriesKey>>> = BTreeMap::new();
    for (group, members) in groups(&data.aggregate, merged_pages) {
        let kind = group.buffer.and_then(|buffer| KINDS.iter().position(|&kind| kind == buffer));
        if let (Some(kind), Outcome::Ok) = (kind, group.outcome) {
            subjects.entry(Subject { op: group.op, pages: group.pages }).or_default()[kind] = members;
        }
    }
    subjects
}

fn row(data: &Data, subject: Subject, members: PerKind<Vec<SeriesKey>>, metric: usize) -> CompareRow {
    let series = members.each_ref().map(|members| merged(&data.aggregate, members, None));
    CompareRow {
        subject,
        counts: series.each_ref().map(|series| series.count()),
        values: series.each_ref().map(METRICS[metric].value),
        members,
    }
}

/// One stage in all kinds: mean self time per operation; `None`: never entered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareStage {
    /// Which.
    pub stage: Stage,
    /// Mean self time per operation, of each kind. A column adds up to the mean of the whole operation.
    pub means_ns: PerKind<Option<f64>>,
}

/// The stages of one row, the most expensive first.
pub fn compare_stages(data: &Data, row: &CompareRow) -> Vec<CompareStage> {
    let kinds = row.members.each_ref().map(|members| stage_means(&data.aggregate, members));
    let mean = |kind: &Vec<(Stage, f64)>, stage| kind.iter().find(|(other, _)| *other == stage).map(|&(_, mean)| mean);
    let all = Stage::ALL.iter().map(|&stage| CompareStage { stage, means_ns: kinds.each_ref().map(|kind| mean(kind, stage)) });
    let mut stages: Vec<_> = all.filter(|row| row.means_ns.iter().any(Option::is_some)).collect();
    let cost = |row: &CompareStage| row.means_ns.iter().flatten().copied().fold(0.0, f64::max);
    stages.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    stages
}
