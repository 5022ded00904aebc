//! The rows of the table: numbers, not yet text.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use grantscope_analysis::column::{self, COLUMNS, Cell};
use grantscope_analysis::select::Selector;
use grantscope_analysis::series::activity::{self, SECONDS};
use grantscope_analysis::series::{
    Group, Pages, Range, SeriesKey, are_mixture, cost_per_page, groups, merged, told_apart_by_domain,
};
use grantscope_analysis::shown::escaped;

use crate::screen::model::data::Data;

/// The value of each column of `COLUMNS`.
pub type Cells = Arc<[Cell<'static>]>;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is about.
    pub group: Group,
    /// Whether another row differs from it by its domain alone.
    pub shows_domain: bool,
    /// The series that it is made of.
    pub members: Vec<SeriesKey>,
    /// Operations.
    pub count: u64,
    /// Operations per second; `None`: too early to say.
    pub rate: Option<f64>,
    /// Everything that files have of it, but not its histogram.
    pub cells: Cells,
    /// The median of each of its sizes, divided by the pages; `None`: not known.
    pub per_page: Option<Range>,
    /// Whether it is of several sizes: then no quantile of it says anything.
    pub is_mixture: bool,
    /// Operations in each of the last 60 seconds.
    pub minute: [u64; SECONDS],
}

/// Remembers the cells of rows in which nothing happened: walking a histogram is the expensive part of a row.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    numbers: HashMap<Group, (u64, Numbers)>,
}

/// What is computed from histograms.
#[derive(Clone, Debug)]
struct Numbers {
    cells: Cells,
    per_page: Option<Range>,
}

/// All rows that are wanted.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// How many a filter hides.
    pub hidden: usize,
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// One row for all page counts.
    pub merged: bool,
    /// But for these, in which it is the other way round.
    pub others: &'a BTreeSet<Group>,
    /// The recording is over: rates are means over all of it.
    pub over: bool,
    /// What is shown alone; `None`: all is.
    pub filter: Option<&'a Selector>,
}

/// All rows, in the order of their groups.
pub fn rows(data: &Data, wanted: Wanted, cache: &mut Cache) -> Rows {
    let mut groups = grouped(data, wanted);
    let apart = told_apart_by_domain(groups.keys().copied());
    let all = groups.len();
    if let Some(filter) = wanted.filter {
        groups.values_mut().for_each(|members| members.retain(|key| filter.selects(key)));
        groups.retain(|_, members| !members.is_empty());
    }
    let hidden = all - groups.len();
    let rows = groups.into_iter().map(|(group, members)| row(data, wanted, cache, &apart, group, members)).collect();
    Rows { rows, hidden }
}

/// Series by the rows that they are in.
fn grouped(data: &Data, wanted: Wanted) -> BTreeMap<Group, Vec<SeriesKey>> {
    if wanted.others.is_empty() {
        return groups(&data.aggregate, wanted.merged);
    }
    let mut all: BTreeMap<Group, Vec<SeriesKey>> = BTreeMap::new();
    for (group, members) in groups(&data.aggregate, false) {
        let whole = Group { pages: Pages::All, ..group };
        let is_merged = wanted.merged != wanted.others.contains(&whole);
        all.entry(if is_merged { whole } else { group }).or_default().extend(members);
    }
    all
}

fn row(data: &Data, wanted: Wanted, cache: &mut Cache, apart: &HashSet<Group>, group: Group, members: Vec<SeriesKey>) -> Row {
    let count =
        members.iter().filter_map(|key| data.aggregate.get(key)).map(|series| series.count()).fold(0, u64::saturating_add);
    let minute = minute(data, &members);
    let rate = if wanted.over { data.mean_rate(count) } else { recent_rate(data, &minute) };
    let Numbers { cells, per_page } = cache.numbers(group, count, || numbers(data, &group, &members));
    let (shows_domain, is_mixture) = (apart.contains(&group), are_mixture(&members));
    Row { group, shows_domain, members, count, rate, cells, per_page, is_mixture, minute }
}

impl Row {
    /// Whether some of it is meant.
    pub fn is_meant_by(&self, selector: &Selector) -> bool {
        self.members.iter().any(|key| selector.selects(key))
    }

    /// What it is about, by name; with its domain where that is all that tells it from another row.
    pub fn name(&self) -> String {
        escaped(&self.group.label(self.shows_domain)).into_owned()
    }
}

impl Cache {
    /// Counts only ever grow (a reset empties the cache), so that an equal count means that nothing was added.
    fn numbers(&mut self, group: Group, count: u64, compute: impl FnOnce() -> Numbers) -> Numbers {
        match self.numbers.get(&group) {
            Some((known, numbers)) if *known == count => numbers.clone(),
            _ => {
                let numbers = compute();
                self.numbers.insert(group, (count, numbers.clone()));
                numbers
            }
        }
    }
}

/// The numbers of these series together.
fn numbers(data: &Data, group: &Group, members: &[SeriesKey]) -> Numbers {
    let (recording, key) = (&data.aggregate, group.key());
    let series = merged(recording, members, None);
    let row = column::Row { recording, key: &key, series: &series };
    let cells = COLUMNS.iter().map(|column| kept((column.value)(row))).collect();
    Numbers { cells, per_page: cost_per_page(recording, members) }
}

/// The cell without what it borrows.
fn kept(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Text(text) => Cell::Text(text.into_owned().into()),
        Cell::Ns(ns) => Cell::Ns(ns),
        Cell::Sum(ns) => Cell::Sum(ns),
        Cell::Quantile(estimate) => Cell::Quantile(estimate),
        Cell::Count(count) => Cell::Count(count),
        // Pictures of it are drawn from the series.
        Cell::Histogram(_) | Cell::Unknown => Cell::Unknown,
    }
}

fn minute(data: &Data, members: &[SeriesKey]) -> [u64; SECONDS] {
    let now_ns = data.now_ns().unwrap_or(0);
    let pulses = members.iter().filter_map(|key| data.activity.pulse(key));
    activity::sum(pulses.map(|pulse| pulse.last_minute(now_ns)))
}

fn recent_rate(data: &Data, minute: &[u64; SECONDS]) -> Option<f64> {
    activity::rate(minute, data.began_ns()?, data.now_ns()?)
}
