//! The rows of the table: numbers, not yet text.

use std::collections::HashMap;

use grantscope_analysis::report::metrics::METRICS;
use grantscope_analysis::series::aggregate::SeriesKey;

use crate::screen::model::activity;
use crate::screen::model::activity::SECONDS;
use crate::screen::model::data::Data;
use crate::screen::model::group::{Group, groups, merged};

/// One value per metric of `METRICS`; `None`: not known.
pub type Values = [Option<f64>; METRICS.len()];

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is about.
    pub group: Group,
    /// The series that it is made of.
    pub members: Vec<SeriesKey>,
    /// Operations.
    pub count: u64,
    /// Operations per second; `None`: too early to say.
    pub rate: Option<f64>,
    /// Latencies.
    pub values: Values,
    /// Operations in each of the last 60 seconds.
    pub minute: [u64; SECONDS],
}

/// Remembers the latencies of rows in which nothing happened: walking a histogram is the expensive part of a row.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    values: HashMap<Group, (u64, Values)>,
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// One row for all page counts.
    pub merged: bool,
    /// The recording is over: rates are means over all of it.
    pub over: bool,
}

/// All rows, in the order of their groups.
pub fn rows(data: &Data, wanted: Wanted, cache: &mut Cache) -> Vec<Row> {
    let groups = groups(&data.aggregate, wanted.merged);
    groups.into_iter().map(|(group, members)| row(data, wanted, cache, group, members)).collect()
}

fn row(data: &Data, wanted: Wanted, cache: &mut Cache, group: Group, members: Vec<SeriesKey>) -> Row {
    let count = members.iter().filter_map(|key| data.aggregate.get(key)).map(|series| series.count()).sum();
    let minute = minute(data, &members);
    let rate = if wanted.over { data.mean_rate(count) } else { recent_rate(data, &minute) };
    let values = cache.values(group, count, || values(data, &members));
    Row { group, members, count, rate, values, minute }
}

impl Cache {
    /// Counts only ever grow (a reset empties the cache), so that an equal count means that nothing was added.
    fn values(&mut self, group: Group, count: u64, compute: impl FnOnce() -> Values) -> Values {
        match self.values.get(&group) {
            Some((known, values)) if *known == count => *values,
            _ => {
                let values = compute();
                self.values.insert(group, (count, values));
                values
            }
        }
    }
}

fn values(data: &Data, members: &[SeriesKey]) -> Values {
    let of = |series: &_| std::array::from_fn(|i| (METRICS[i].value)(series));
    match members {
        [only] => data.aggregate.get(only).map_or([None; METRICS.len()], of),
        several => of(&merged(&data.aggregate, several, None)),
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
