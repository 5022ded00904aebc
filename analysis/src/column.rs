//! The one table of columns: CSV, the screen's table and the table in `docs/results.md` are made from it.
//!
//! A new column is a row of [`COLUMNS`], with its words in `docs/results.md` (a test says how to write them). Names in files never change.

use std::borrow::Cow;
use std::fmt;

use grantscope_wire::Op;

use crate::model::{DmaSums, Environment, status_list};
use crate::quantile::{Estimate, P50, P90, P99, P999, QUANTILES, Quantile};
use crate::series::{Aggregate, Buckets, RecorderUse, Series, SeriesKey};
use crate::shown::Shown;
use crate::units;

/// A fact about a series.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The name in files, unit included where there is one.
    pub name: &'static str,
    /// The short heading on a screen.
    pub heading: &'static str,
    /// What it counts or measures; empty: it is no number.
    pub unit: &'static str,
    /// What it is, as the documents have it.
    pub about: &'static str,
    /// At which edge of its column a value stands.
    pub align: Align,
    /// Its value for a series.
    pub value: for<'a> fn(Row<'a>) -> Cell<'a>,
}

/// At which edge of a column its values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// What a column reads its value from.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The recording that the series belongs to.
    pub recording: &'a Aggregate,
    /// The common properties of the operations of the series.
    pub key: &'a SeriesKey,
    /// Their durations.
    pub series: &'a Series,
}

/// A value, with its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Words.
    Text(Cow<'a, str>),
    /// A time, in whole nanoseconds.
    Ns(u64),
    /// A sum of times, which can be more than any of them: exact.
    Sum(u128),
    /// A quantile of times, and whether there were enough operations for it.
    Quantile(Estimate),
    /// A number of something: the column's unit says of what.
    Count(u64),
    /// All durations. How it is packed is for the format to say.
    Histogram(&'a Buckets),
    /// Not known. Never written as 0.
    Unknown,
}

impl Cell<'_> {
    /// The number in it, for sorting and for quotients; `None`: it is none, or not known.
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::Ns(number) | Self::Count(number) | Self::Quantile(Estimate { ns: number, .. }) => Some(number as f64),
            Self::Sum(number) => Some(number as f64),
            Self::Text(_) | Self::Histogram(_) | Self::Unknown => None,
        }
    }

    /// Whether there were enough operations for it: of a quantile; of what is exact, always.
    pub fn is_carried(&self) -> bool {
        !matches!(self, Self::Quantile(Estimate { is_carried: false, .. }))
    }
}

/// For a screen: times with a unit and three digits, a mark before a quantile of too few operations, a dash for what is not known.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Shown(text).fmt(f),
            Self::Ns(ns) => f.pad(&units::duration(*ns as f64)),
            Self::Sum(ns) => f.pad(&units::duration(*ns as f64)),
            Self::Quantile(estimate) => estimate.fmt(f),
            Self::Count(count) => f.pad(&count.to_string()),
            Self::Histogram(histogram) => f.pad(&format!("{} durations", histogram.count())),
            Self::Unknown => f.pad(units::UNKNOWN),
        }
    }
}

/// A column of words.
const fn words(name: &'static str, about: &'static str, value: for<'a> fn(Row<'a>) -> Cell<'a>) -> Column {
    Column { name, heading: name, unit: "", about, align: Align::Left, value }
}

/// A column of numbers.
const fn numbers(name: &'static str, unit: &'static str, about: &'static str, value: for<'a> fn(Row<'a>) -> Cell<'a>) -> Column {
    Column { name, heading: name, unit, about, align: Align::Right, value }
}

/// A metric of the durations.
const fn metric(
    name: &'static str,
    heading: &'static str,
    about: &'static str,
    value: for<'a> fn(Row<'a>) -> Cell<'a>,
) -> Column {
    Column { name, heading, unit: "ns", about, align: Align::Right, value }
}

/// All columns, in the order of the files.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    words("run", "name of the run", |row| of_environment(row, |environment| text(&environment.run))),
    words("kernel", "kernel release (`uname -r`)", |row| of_environment(row, |environment| text(&environment.kernel))),
    words("xen", "Xen version as `/sys/hypervisor/version` has it", |row| of_environment(row, |environment| maybe(environment.xen.as_deref()))),
    words("arch", "machine (`uname -m`)", |row| of_environment(row, |environment| text(&environment.arch))),
    numbers("page_size", "bytes", "of this kernel; a grant is always 4,096", |row| of_environment(row, |environment| Cell::Count(environment.page_size.into()))),
    words("clock", "`wall`: the machine's monotonic clock; `counted`: instructions counted by an emulator, 2 ns each, which is not time on silicon", |row| of_environment(row, |environment| text(environment.clock.name()))),
    Column { heading: "operation", ..words("op", "operation, see below", |row| text(row.key.op.name())) },
    words("buffer", "`pages`, `wc`, `coherent`, or `foreign` (a dma-buf of another driver)", |row| maybe(row.key.buffer.map(|buffer| buffer.name()))),
    numbers("pages", "grant references", "that the operation was about; `1024-2047`: of as many, because there are more series than `--max-series`", |row| pages(row.key)),
    numbers("domid", "", "the other domain: the one that granted the pages, or that they are granted to", |row| row.key.domid.map_or(Cell::Unknown, |domid| Cell::Count(domid.into()))),
    words("outcome", "`ok`, or the errno's name", |row| Cell::Text(row.key.outcome.name())),
    words("started_by", "of a `teardown`: the operation that requested it", |row| maybe(row.key.started_by.map(Op::name))),
    words("cause", "why it failed, if the errno has several possible causes, see below; empty: not known, or the outcome says it all", |row| maybe(row.key.cause.map(|cause| cause.name()))),
    Column { unit: "grant references", ..words("statuses", "that Xen refused in all operations of the series, by grant status: `bad_gntref:3;no_space:1`; empty: none; `unread`: the status could not be read; `others`: there are more of them than are told apart", |row| Cell::Text(status_list(row.recording.statuses(row.key), ":", ";").into())) },
    words("caller", "of `map_refs`, `unmap_refs`, `batch_map` and `batch_copy`: the kernel function that called, with its module if it is in one: `xen_blkbk_map [xen_blkback]`", |row| maybe(row.key.caller.as_ref().map(AsRef::as_ref))),
    numbers("from_cma", "operations", "of those in the series whose DMA buffer got its memory from the contiguous memory allocator (CMA); the others got it from the buddy allocator; empty: no DMA buffer was allocated, or not known", |row| dma(row, |sums| sums.from_cma)),
    numbers("entries", "scatter-list entries", "of all buffers that were mapped for devices in the operations of the series; empty: none was, or not known", |row| dma(row, |sums| sums.entries)),
    numbers("bounces", "scatter-list entries", "of those: that were mapped by way of a bounce buffer, or were to be; empty: likewise", |row| dma(row, |sums| sums.bounces)),
    numbers("bounced_bytes", "bytes", "in them", |row| dma(row, |sums| sums.bounced_bytes)),
    words("stage", "`total`: the whole operation; else the stage's self time", |row| text(row.key.stage_name())),
    numbers("count", "operations", "in this series; for a stage: operations that entered it", |row| Cell::Count(row.series.count())),
    numbers("lost", "operations", "lost at the hook that reports this operation: an upper bound for the row", |row| Cell::Count(row.recording.lost(row.key.op))),
    words("filter", "what an operation had to be to be recorded, in words; empty: everything was recorded", |row| Cell::Text(row.recording.filtered().map(|report| report.filter.to_string()).unwrap_or_default().into())),
    words("phase", "of a benchmark that says its phases: the only one that is in the file, besides operations of threads that say none; `all`: every operation; empty: nobody said a phase", |row| maybe(row.recording.left_out().map(|_| row.recording.wanted().phases.name()))),
    numbers("left_out", "operations", "in the whole recording that are in no row, because they are of another phase; empty: nobody said a phase", |row| row.recording.left_out().map_or(Cell::Unknown, |left_out| Cell::Count(left_out.all()))),
    numbers("without_row", "operations", "in the whole recording that are in no row, because there are more kinds of them than `--max-series` leaves room for", |row| Cell::Count(row.recording.unkept().left_out)),
    numbers("recorder_cpu_ns", "ns", "processor time that the recorder itself used while it recorded; empty: not known", |row| row.recording.recorder().and_then(RecorderUse::cpu_ns).map_or(Cell::Unknown, Cell::Ns)),
    numbers("recorder_memory_bytes", "bytes", "the most memory that the recorder itself had at once; empty: not known", |row| row.recording.recorder().map_or(Cell::Unknown, |used| Cell::Count(used.most_memory_bytes()))),
    words("quantiles_carried", "the quantiles that `count` is large enough for, by their columns: `p50_ns;p90_ns`; empty: none, see below", |row| Cell::Text(carried(row.series).into())),
    words("times", "`corrected`: without the probes' own time; `partly`: only some operations are without it; `raw`: as measured, the probes' own time included", |row| row.series.extent().map_or(Cell::Unknown, |extent| text(extent.name()))),
    Column { heading: "own", ..numbers("own_ns", "ns", "the probes' own time that was subtracted, per operation on average: with `mean_ns` it is the mean as measured; empty: none was", |row| of_one_size(row, |series| rounded(series.mean_own_ns()))) },
    Column { heading: "own ±", ..numbers("own_error_ns", "ns", "how far off `own_ns` may be; empty: nothing was subtracted", |row| of_one_size(row, |series| rounded(series.mean_own_error_ns()))) },
    metric("min_ns", "min", "the shortest", |row| of_one_size(row, Series::min_ns)),
    metric("p50_ns", "p50", "half are at most this", |row| quantile(row, &P50)),
    metric("p90_ns", "p90", "90 % are at most this", |row| quantile(row, &P90)),
    metric("p99_ns", "p99", "99 % are at most this", |row| quantile(row, &P99)),
    metric("p999_ns", "p99.9", "99.9 % are at most this", |row| quantile(row, &P999)),
    metric("max_ns", "max", "the longest", |row| of_one_size(row, Series::max_ns)),
    metric("mean_ns", "mean", "sum divided by count", |row| of_one_size(row, |series| rounded(series.mean_ns()))),
    metric("sum_ns", "sum", "all together", |row| Cell::Sum(row.series.sum_ns())),
    words("hdr", "the histogram, in HdrHistogram's V2 compressed form, base64; 3 significant digits", |row| Cell::Histogram(row.series.buckets())),
];

/// The columns that are metrics of the durations.
pub const METRICS: &[Column] = COLUMNS.split_at(place(COLUMNS, "hdr")).0.split_at(place(COLUMNS, "min_ns")).1;

/// Where the column of this name stands; a name that none has does not compile where this is asked of a constant.
pub const fn place(columns: &[Column], name: &str) -> usize {
    let mut i = 0;
    while i < columns.len() {
        if equal(columns[i].name, name) {
            return i;
        }
        i += 1;
    }
    panic!("no column has this name");
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

fn of_environment<'a>(row: Row<'a>, value: impl Fn(&'a Environment) -> Cell<'a>) -> Cell<'a> {
    row.recording.environment().map_or(Cell::Unknown, value)
}

fn dma(row: Row<'_>, value: fn(DmaSums) -> Option<u64>) -> Cell<'_> {
    row.recording.dma(row.key).and_then(value).map_or(Cell::Unknown, Cell::Count)
}

fn text(text: &str) -> Cell<'_> {
    Cell::Text(text.into())
}

fn pages(key: &SeriesKey) -> Cell<'_> {
    match (key.pages, key.page_range) {
        (Some(pages), _) => Cell::Count(pages.into()),
        (None, Some(range)) => Cell::Text(range.to_string().into()),
        (None, None) => Cell::Unknown,
    }
}

fn maybe(words: Option<&str>) -> Cell<'_> {
    words.map_or(Cell::Unknown, text)
}

/// Unknown for a mixture: no such number of it is true of one of its sizes.
fn of_one_size<'a>(row: Row<'a>, ns: impl Fn(&Series) -> Option<u64>) -> Cell<'a> {
    ns(row.series).filter(|_| !row.series.is_mixture()).map_or(Cell::Unknown, Cell::Ns)
}

fn rounded(mean_ns: Option<f64>) -> Option<u64> {
    mean_ns.map(|mean| mean.round_ties_even() as u64)
}

fn quantile<'a>(row: Row<'a>, quantile: &Quantile) -> Cell<'a> {
    row.series.quantile(quantile).map_or(Cell::Unknown, Cell::Quantile)
}

fn carried(series: &Series) -> String {
    let carried = QUANTILES.iter().filter(|quantile| quantile.is_carried_by(series.count()) && !series.is_mixture());
    carried.map(|quantile| quantile.column).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Cause, Stage};

    use super::*;
    use crate::fixtures::export;
    use crate::model::STATUSES;

    const DOCUMENT: &str = include_str!("../../docs/results.md");

    #[test]
    fn the_table_of_columns_in_the_documents_is_this_one() {
        let row = |column: &Column| format!("| `{}` | {} | {} |\n", column.name, column.unit, column.about);
        let rows: String = COLUMNS.iter().map(row).collect();
        let table = format!("| column | unit | meaning |\n| --- | --- | --- |\n{}\n", rows.replace("|  |", "| |"));
        assert!(
            DOCUMENT.contains(&table),
            "docs/results.md has another table of columns than COLUMNS in analysis/src/column.rs: put this in its place\n\n{table}"
        );
    }

    #[test]
    fn every_operation_stage_and_cause_is_documented_with_its_own_words() {
        let lists =
            Op::ALL.iter().map(|op| (op.name(), op.about())).chain(Stage::ALL.iter().map(|stage| (stage.name(), stage.about())));
        let lists = lists.chain(Cause::ALL.iter().map(|cause| (cause.name(), cause.about())));
        for (name, about) in lists {
            // Not by name: an operation may be called as the stage that it mostly consists of.
            let expected = format!("| `{name}` | {about} |");
            assert!(
                DOCUMENT.lines().any(|line| line == expected),
                "docs/results.md differs from probes/wire, it needs: {expected}"
            );
        }
    }

    #[test]
    fn every_grant_status_is_documented_with_its_number_and_its_meaning() {
        for (number, name, about) in STATUSES {
            let minus = if number < 0 { "−" } else { "" };
            let expected = format!("| `{name}` | {minus}{} | {about} |", number.abs());
            assert!(
                DOCUMENT.lines().any(|line| line.starts_with(&expected)),
                "docs/results.md differs from STATUSES in analysis/src/model/status.rs, it needs: {expected}"
            );
        }
    }

    #[test]
    fn every_quantile_is_a_metric_with_its_name() {
        for quantile in QUANTILES {
            let metric = METRICS.iter().find(|metric| metric.name == quantile.column);
            assert_eq!(metric.map(|metric| metric.heading), Some(quantile.name));
        }
    }

    #[test]
    fn of_a_mixture_only_the_sum_of_all_times_is_known() {
        let mut series = Series::default();
        (0..2_000).for_each(|ns| series.record(ns));
        let (recording, key) = (&Aggregate::default(), &SeriesKey::total(&export(Buffer::Wc, 1), None));
        let known = |series: &Series| {
            let known = METRICS.iter().filter(|metric| (metric.value)(Row { recording, key, series }) != Cell::Unknown);
            known.map(|metric| metric.name).collect::<Vec<_>>()
        };
        assert_eq!((known(&series).len(), carried(&series)), (METRICS.len(), "p50_ns;p90_ns;p99_ns;p999_ns".to_owned()));
        series.mix();
        assert_eq!((known(&series), carried(&series)), (vec!["sum_ns"], String::new()));
    }

    #[test]
    fn metrics_are_all_times_of_operations() {
        let metrics: Vec<_> = METRICS.iter().map(|column| column.name).collect();
        assert!(metrics.iter().all(|name| name.ends_with("_ns")) && metrics.len() == 8, "{metrics:?}");
        let times = COLUMNS.iter().filter(|column| column.unit == "ns").map(|column| column.name);
        assert!(times.eq(["recorder_cpu_ns", "own_ns", "own_error_ns"].into_iter().chain(metrics)));
    }
}
