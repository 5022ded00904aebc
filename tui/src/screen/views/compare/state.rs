//! Buffer kinds side by side: what can be compared so far, by which metric, and which row is selected.

use grantscope_analysis::column::{COLUMNS, Column, place};
use grantscope_analysis::compare::{Row, StageMeans, across_domains, rows, stages};
use grantscope_analysis::model::Outcome;
use grantscope_analysis::series::Group;

use crate::screen::command::Command;
use crate::screen::model::columns::comparable;
use crate::screen::model::data::Data;
use crate::screen::model::selection::Selection;

/// Buffer kinds side by side: by which metric, and which row is selected.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The metric by which kinds are compared: its place in `COLUMNS`.
    pub metric: usize,
    selected: Selection<Group>,
    /// What can be compared, and what cannot.
    pub comparison: Comparison,
    /// Stages of the selected row.
    pub stages: Vec<StageMeans>,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            metric: place(COLUMNS, "p50_ns"),
            selected: Selection::default(),
            comparison: Comparison::default(),
            stages: Vec::new(),
        }
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
        self.comparison = compare(data, merged_pages, &COLUMNS[self.metric]);
        let row = self.selected().map(|index| &self.comparison.rows[index]);
        self.stages = row.map(|row| stages(&data.aggregate, row)).unwrap_or_default();
    }

    /// Which row is selected.
    pub fn selected(&self) -> Option<usize> {
        self.selected.index(&self.subjects())
    }

    fn subjects(&self) -> Vec<Group> {
        self.comparison.rows.iter().map(|row| row.subject).collect()
    }
}

/// The metric after this one.
fn next_metric(metric: usize) -> usize {
    let metrics = comparable();
    let place = metrics.iter().position(|&other| other == metric).unwrap_or(0);
    metrics[(place + 1) % metrics.len()]
}

/// What can be compared, and what cannot.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Operations that were seen with several kinds: successful ones only, because a failure takes another way through the kernel.
    pub rows: Vec<Row>,
    /// Names of operations that were seen with one kind only.
    pub alone: Vec<String>,
    /// Those whose kinds are of different domains, and which.
    pub across: Vec<String>,
}

/// The comparison, by one metric.
fn compare(data: &Data, merged_pages: bool, metric: &Column) -> Comparison {
    let succeeded = rows(&data.aggregate, merged_pages, metric).into_iter();
    let succeeded = succeeded.filter(|row| row.subject.outcome == Outcome::Ok);
    let (rows, alone): (Vec<_>, Vec<_>) = succeeded.partition(|row| row.kinds() > 1);
    let names: Vec<_> = rows.iter().map(|row| row.name()).collect();
    let across = across_domains(&rows);
    let mut alone: Vec<_> = alone.into_iter().map(|row| row.name()).collect();
    alone.dedup();
    alone.retain(|name| !names.contains(name));
    Comparison { rows, alone, across }
}
