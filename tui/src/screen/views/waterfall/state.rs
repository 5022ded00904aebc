//! The stages of the selected operation, as values.

use grantscope_analysis::compare::{self, KINDS};
use grantscope_analysis::quantile::{Estimate, P50};
use grantscope_analysis::series::{Group, Pages};
use grantscope_wire::{Buffer, Stage};

use crate::screen::command::Command;
use crate::screen::model::common::Common;

/// Where the time goes.
#[derive(Clone, Debug, Default)]
pub struct Waterfall {
    /// By what stages are sorted.
    pub order: Order,
    chosen: Option<Stage>,
    /// What is looked at; `None`: nothing was recorded.
    pub subject: Option<Subject>,
}

/// By what stages are sorted, the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// How much they differ between the first two kinds; of one kind alone, how long they take.
    #[default]
    Difference,
    /// How long they take.
    Time,
}

/// One operation, of one page count, in every kind that was recorded.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What it is about, of the selected kind.
    pub group: Group,
    /// Whether another row differs from it by its domain alone.
    pub shows_domain: bool,
    /// The kinds, at most three, the selected one alone where it is not compared.
    pub sides: Vec<Side>,
    /// Stages, sorted.
    pub stages: Vec<Line>,
    /// The page counts that the operation was recorded with, of this kind.
    pub all_pages: Vec<Pages>,
}

/// One kind.
#[derive(Clone, Debug)]
pub struct Side {
    /// Which; `None`: of no kind.
    pub buffer: Option<Buffer>,
    /// Operations.
    pub count: u64,
    /// Their mean, which the means of the stages add up to; `None`: they are of several sizes.
    pub mean_ns: Option<f64>,
    /// Half of them took at most this.
    pub p50: Option<Estimate>,
}

/// A stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which.
    pub stage: Stage,
    /// Mean self time per operation of each side; `None`: never entered.
    pub means_ns: Vec<Option<f64>>,
}

impl Line {
    /// How much longer it takes on one side than on another: what is never entered takes no time.
    pub fn difference_ns(&self, of: usize, base: usize) -> f64 {
        let on = |side: usize| self.means_ns.get(side).copied().flatten().unwrap_or(0.0);
        on(of) - on(base)
    }

    fn longest_ns(&self) -> f64 {
        self.means_ns.iter().flatten().copied().fold(0.0, f64::max)
    }
}

impl Waterfall {
    /// Moves among the stages, or sorts them.
    pub fn command(&mut self, command: Command, common: &Common) {
        match command {
            Command::Sort => {
                self.order = match self.order {
                    Order::Difference => Order::Time,
                    Order::Time => Order::Difference,
                }
            }
            command => {
                let Some(subject) = &self.subject else { return };
                let page = common.body_lines.into();
                let moved = self.selected().and_then(|place| command.moved(place, subject.stages.len(), page, |_| false));
                self.chosen = moved.map_or(self.chosen, |place| Some(subject.stages[place].stage));
            }
        }
    }

    /// Looks at the selected operation.
    pub fn refresh(&mut self, common: &Common) {
        self.subject = subject(common);
        if let Some(subject) = &mut self.subject {
            let has_two = subject.sides.len() > 1 && self.order == Order::Difference;
            let weight = |line: &Line| if has_two { line.difference_ns(1, 0).abs() } else { line.longest_ns() };
            subject.stages.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.stage.cmp(&b.stage)));
        }
    }

    /// Which stage is selected.
    pub fn selected(&self) -> Option<usize> {
        let stages = &self.subject.as_ref()?.stages;
        let chosen = stages.iter().position(|line| Some(line.stage) == self.chosen);
        (!stages.is_empty()).then(|| chosen.unwrap_or(0))
    }
}

fn subject(common: &Common) -> Option<Subject> {
    let (data, listing) = (common.data(), &common.listing);
    let row = &listing.rows()[listing.selected()?];
    let all_pages = listing.pages_of(&row.group);
    let compared = data.beside_other_kinds(&row.group);
    let (sides, stages) = match compared {
        Some(compared) => sides(common, &compared),
        None => alone(common)?,
    };
    Some(Subject { group: row.group, shows_domain: row.shows_domain, sides, stages, all_pages })
}

fn sides(common: &Common, row: &compare::Row) -> (Vec<Side>, Vec<Line>) {
    let kinds: Vec<usize> = (0..KINDS.len()).filter(|&kind| row.cells[kind].is_some()).collect();
    let side = |&kind: &usize| {
        let series = &row.cells[kind].as_ref()?.series;
        let mean_ns = series.mean_ns().filter(|_| !row.is_mixture());
        Some(Side { buffer: Some(KINDS[kind]), count: series.count(), mean_ns, p50: series.quantile(&P50) })
    };
    let lines = compare::stages(&common.data().aggregate, row)
        .into_iter()
        .map(|stage| Line { stage: stage.stage, means_ns: kinds.iter().map(|&kind| stage.means_ns[kind]).collect() });
    (kinds.iter().filter_map(side).collect(), lines.collect())
}

/// The selected row alone.
fn alone(common: &Common) -> Option<(Vec<Side>, Vec<Line>)> {
    let detail = common.listing.detail()?;
    let mean_ns = detail.total.mean_ns().filter(|_| !detail.total.is_mixture());
    let side = Side { buffer: detail.group.buffer, count: detail.total.count(), mean_ns, p50: detail.total.quantile(&P50) };
    let lines = detail.stages.iter().filter(|stage| stage.mean_ns.is_some());
    let lines = lines.map(|stage| Line { stage: stage.stage, means_ns: vec![stage.mean_ns] });
    Some((vec![side], lines.collect()))
}
