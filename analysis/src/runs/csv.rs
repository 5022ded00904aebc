//! Runs from a results.csv (docs/results.md): the same series, histograms and circumstances as of the recording that it was made of.
//!
//! Columns are found by their names, so that files of other versions are read, and columns that somebody has added are passed over. What a
//! file does not say exactly: what was subtracted, of which it has the mean, and how it was recorded (`detail`, `attach`).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use grantscope_wire::{Buffer, Cause, Op, Stage};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use internment::Intern;
use thiserror::Error;

use super::{Fact, Facts, Run};
use crate::model::Outcome;
use crate::series::{Buckets, PageRange, Series, SeriesKey, Subtracted};
use crate::shown::Shown;

/// A run of 20,000 series is a file of 40 MB.
const MOST_BYTES: u64 = 1 << 28;
const MOST_ROWS: usize = 1_000_000;
/// A histogram of three digits has 56,320 counts, each of at most nine bytes.
const MOST_HISTOGRAM_BYTES: u64 = 1 << 19;
/// How HdrHistogram's V2 compressed form begins, and how long the header is of what is compressed
/// (<https://github.com/HdrHistogram/HdrHistogram_rust>, src/serialization).
const COMPRESSED_COOKIE: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();
const HEADER_BYTES: usize = 40;

/// What is wrong with a file.
#[derive(Debug, Error)]
pub enum CsvError {
    /// It is no CSV, or cannot be read.
    #[error("it is no results.csv: {0}")]
    Csv(#[from] csv::Error),

    /// It lacks columns.
    #[error("it is no results.csv: it has no column {}; `grantscope export` writes one", .0.join(", "))]
    Columns(Vec<&'static str>),

    /// A cell is none of what can stand there.
    #[error("line {line}, column {column}: {} is {problem}", Shown(.found))]
    Cell {
        /// Where.
        line: u64,
        /// In which column.
        column: &'static str,
        /// What is there.
        found: String,
        /// Why it cannot be.
        problem: String,
    },

    /// The same series twice.
    #[error(
        "line {line}: the same series is in an earlier line, of the same run; two files that were put together are to be given apart"
    )]
    Twice {
        /// Where.
        line: u64,
    },

    /// There is more than anybody has.
    #[error("it has more than {0}, which is more than a results.csv is read of")]
    TooMuch(String),
}

/// The columns that there have to be.
const NEEDED: [&str; 12] =
    ["run", "kernel", "op", "buffer", "pages", "outcome", "stage", "count", "min_ns", "max_ns", "sum_ns", "hdr"];
/// A cell that is not there is not known.
const OTHERS: [&str; 15] = [
    "xen",
    "arch",
    "page_size",
    "clock",
    "domid",
    "started_by",
    "cause",
    "caller",
    "lost",
    "filter",
    "phase",
    "without_row",
    "own_ns",
    "own_error_ns",
    "times",
];

/// Reads all runs of a file, in the order of their names and circumstances.
///
/// # Errors
/// It is no such file, or is damaged.
pub fn read(input: impl Read) -> Result<Vec<Run>, CsvError> {
    let mut input = input.take(MOST_BYTES + 1);
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(&mut input);
    let columns = Columns::of(reader.headers()?)?;
    let mut runs: BTreeMap<Vec<String>, Run> = BTreeMap::new();
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while reader.read_record(&mut record)? {
        rows += 1;
        if rows > MOST_ROWS {
            return Err(CsvError::TooMuch(format!("{MOST_ROWS} lines")));
        }
        let row = Row { columns: &columns, record: &record };
        let run = runs.entry(row.circumstances()).or_insert_with(|| row.run());
        row.add_to(run)?;
    }
    if reader.into_inner().limit() == 0 {
        return Err(CsvError::TooMuch(format!("{} MiB", MOST_BYTES >> 20)));
    }
    Ok(runs.into_values().map(with_times).collect())
}

/// Whether times are corrected is of all operations together.
fn with_times(mut run: Run) -> Run {
    let totals: Vec<_> = run.series.iter().filter(|(key, _)| key.stage.is_none()).map(|(_, series)| series).collect();
    let mut all = Subtracted::default();
    totals.iter().for_each(|series| all.add(series.subtracted()));
    let count = totals.iter().map(|series| series.count()).sum();
    if count > 0 {
        run.facts.0.insert(Fact::Times, all.extent(count).name().to_owned());
    }
    run
}

/// Where each column is.
struct Columns(BTreeMap<&'static str, usize>);

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, CsvError> {
        let known = NEEDED.iter().chain(&OTHERS);
        let found = known.filter_map(|&name| Some((name, header.iter().position(|column| column == name)?)));
        let columns = Self(found.collect());
        let missing: Vec<_> = NEEDED.iter().copied().filter(|name| !columns.0.contains_key(name)).collect();
        if missing.is_empty() { Ok(columns) } else { Err(CsvError::Columns(missing)) }
    }
}

/// One line.
struct Row<'a> {
    columns: &'a Columns,
    record: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    fn cell(&self, column: &'static str) -> &'a str {
        self.columns.0.get(column).and_then(|&place| self.record.get(place)).unwrap_or_default()
    }

    fn wrong(&self, column: &'static str, problem: impl Display) -> CsvError {
        let line = self.record.position().map_or(0, csv::Position::line);
        CsvError::Cell { line, column, found: format!("`{}`", self.cell(column)), problem: problem.to_string() }
    }

    /// What tells runs apart.
    fn circumstances(&self) -> Vec<String> {
        let columns = ["run", "kernel", "xen", "arch", "page_size", "clock", "filter", "phase"];
        columns.iter().map(|column| self.cell(column).to_owned()).collect()
    }

    fn run(&self) -> Run {
        let named = [
            (Fact::Kernel, "kernel"),
            (Fact::Xen, "xen"),
            (Fact::Arch, "arch"),
            (Fact::PageSize, "page_size"),
            (Fact::Clock, "clock"),
            (Fact::Phase, "phase"),
        ];
        let known =
            named.into_iter().map(|(fact, column)| (fact, self.cell(column).to_owned())).filter(|(_, value)| !value.is_empty());
        let mut facts: BTreeMap<_, _> = known.collect();
        facts.insert(Fact::Filter, self.cell("filter").to_owned());
        Run { name: self.cell("run").to_owned(), facts: Facts(facts), ..Run::default() }
    }

    fn add_to(&self, run: &mut Run) -> Result<(), CsvError> {
        let (key, series) = (self.key()?, self.series()?);
        let lost = self.number("lost")?.unwrap_or_default();
        if lost > 0 {
            // Each line of one kind says what was lost of it.
            let known = run.lost.entry(key.op).or_default();
            *known = lost.max(*known);
        }
        run.without_row = self.number("without_row")?.unwrap_or_default().max(run.without_row);
        match run.series.insert(key, series) {
            None => Ok(()),
            Some(_) => Err(CsvError::Twice { line: self.record.position().map_or(0, csv::Position::line) }),
        }
    }

    fn key(&self) -> Result<SeriesKey, CsvError> {
        let op = self.named("op", Op::from_name)?.ok_or_else(|| self.wrong("op", "no operation"))?;
        let stage = match self.cell("stage") {
            "total" => None,
            _ => Some(self.named("stage", Stage::from_name)?.ok_or_else(|| self.wrong("stage", "no stage"))?),
        };
        let outcome = Outcome::named(self.cell("outcome")).ok_or_else(|| self.wrong("outcome", "neither ok nor an errno"))?;
        let (pages, page_range) = self.pages()?;
        let domid = self.number("domid")?.map(u16::try_from).transpose();
        Ok(SeriesKey {
            op,
            buffer: self.named("buffer", Buffer::from_name)?,
            pages,
            page_range,
            domid: domid.map_err(|_| self.wrong("domid", "no domid: that is at most 65535"))?,
            outcome,
            started_by: self.named("started_by", Op::from_name)?,
            cause: self.named("cause", Cause::from_name)?,
            caller: Some(self.cell("caller")).filter(|caller| !caller.is_empty()).map(Intern::from),
            stage,
        })
    }

    fn pages(&self) -> Result<(Option<u32>, Option<PageRange>), CsvError> {
        let cell = self.cell("pages");
        if let Some((fewest, _)) = cell.split_once('-') {
            let range = fewest.parse().ok().map(PageRange::of).filter(|range| range.to_string() == cell);
            return range.map(|range| (None, Some(range))).ok_or_else(|| self.wrong("pages", "no range of page counts"));
        }
        let pages = self.number("pages")?.map(u32::try_from).transpose();
        Ok((pages.map_err(|_| self.wrong("pages", "no page count"))?, None))
    }

    fn series(&self) -> Result<Series, CsvError> {
        let buckets = buckets(self.cell("hdr")).map_err(|problem| self.wrong("hdr", problem))?;
        let count =
            self.number("count")?.filter(|&count| count > 0).ok_or_else(|| self.wrong("count", "no number of operations"))?;
        if buckets.count() != count {
            return Err(
                self.wrong("count", format_args!("not the {} operations of the histogram in column hdr", buckets.count()))
            );
        }
        let sum_ns = self.cell("sum_ns").parse().map_err(|_| self.wrong("sum_ns", "no sum of nanoseconds"))?;
        let needed = |column| self.number(column)?.ok_or_else(|| self.wrong(column, "not known, and has to be"));
        let (min_ns, max_ns) = (needed("min_ns")?, needed("max_ns")?);
        if min_ns > max_ns {
            return Err(self.wrong("min_ns", "more than what is in column max_ns"));
        }
        Ok(Series::of(buckets, [min_ns, max_ns], sum_ns, self.subtracted(count)?))
    }

    /// The file has means, rounded to nanoseconds; and of how many operations it was only whether that were all of them.
    fn subtracted(&self, count: u64) -> Result<Subtracted, CsvError> {
        let all = |column| Ok::<_, CsvError>(self.number(column)?.unwrap_or_default().saturating_mul(count));
        let operations = match self.cell("times") {
            "corrected" => count,
            "partly" => 1,
            "raw" | "" => return Ok(Subtracted::default()),
            _ => return Err(self.wrong("times", "neither corrected, partly nor raw")),
        };
        Ok(Subtracted { operations, own_ns: all("own_ns")?, error_ns: all("own_error_ns")? })
    }

    /// A number; `None`: it is not known.
    fn number(&self, column: &'static str) -> Result<Option<u64>, CsvError> {
        match self.cell(column) {
            "" => Ok(None),
            cell => cell.parse().map(Some).map_err(|_| self.wrong(column, "no number")),
        }
    }

    /// One of some names; `None`: it is not known.
    fn named<T>(&self, column: &'static str, from_name: fn(&str) -> Option<T>) -> Result<Option<T>, CsvError> {
        match self.cell(column) {
            "" => Ok(None),
            cell => from_name(cell).map(Some).ok_or_else(|| self.wrong(column, "not known to this version of grantscope")),
        }
    }
}

/// The histogram that a cell has. Each length in it is checked before anything is made of that length.
fn buckets(cell: &str) -> Result<Buckets, String> {
    let damaged = || "no histogram: HdrHistogram's V2 compressed form in base64 was expected".to_owned();
    let packed = STANDARD.decode(cell).map_err(|_| damaged())?;
    let packed = packed.strip_prefix(&COMPRESSED_COOKIE).and_then(|rest| rest.get(4..)).ok_or_else(damaged)?;
    let mut bytes = Vec::new();
    ZlibDecoder::new(packed).take(MOST_HISTOGRAM_BYTES + 1).read_to_end(&mut bytes).map_err(|_| damaged())?;
    if bytes.len() as u64 > MOST_HISTOGRAM_BYTES {
        return Err("a histogram of more counts than one of three digits has".to_owned());
    }
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes);
    let [length, digits] = [word(4), word(12)].map(Option::unwrap_or_default);
    if length as usize != bytes.len().saturating_sub(HEADER_BYTES)
        || digits != 3
        || bytes.get(16..24) != Some(&1_u64.to_be_bytes())
    {
        return Err("a histogram of another length or of other digits than three".to_owned());
    }
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).map_err(|_| damaged())?;
    let mut buckets = Buckets::default();
    for value in histogram.iter_recorded() {
        buckets.record_many(histogram.lowest_equivalent(value.value_iterated_to()), value.count_at_value());
    }
    Ok(buckets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::export;
    use crate::model::{Environment, Operation};
    use crate::recording::Frame;
    use crate::report::export::{Audience, CSV};
    use crate::series::Aggregate;

    /// Ten exports, and what a file says of them.
    fn file() -> (Aggregate, String) {
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Environment(Environment { run: "a run".into(), kernel: "6.12".into(), ..Environment::default() }));
        let failed = Operation { outcome: Outcome::Errno(12), pages: None, domid: None, ..export(Buffer::Wc, 7) };
        let exports = (1..10).map(|i| export(Buffer::Wc, i * i * 1_000)).chain([failed]);
        aggregate.add(&Frame::Operations(exports.collect()));
        let mut text = Vec::new();
        (CSV.write)(&aggregate, Audience::Program, &mut text).unwrap();
        (aggregate, String::from_utf8(text).unwrap())
    }

    fn error(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    /// What is the same in a file and in its recording.
    fn facts(run: &Run) -> Vec<String> {
        let of = |(key, series): (&SeriesKey, &Series)| {
            let (ends_ns, sum_ns) = ([series.min_ns(), series.max_ns()], series.sum_ns());
            format!("{key:?} {ends_ns:?} {sum_ns} {:?} {:?}", series.buckets(), series.extent())
        };
        run.series.iter().map(of).collect()
    }

    #[test]
    fn a_file_says_what_its_recording_says_whatever_the_order_of_its_columns() {
        let (aggregate, text) = file();
        let [run] = &read(text.as_bytes()).unwrap()[..] else { panic!("not one run") };
        let expected = Run::from(&aggregate);
        assert_eq!((facts(run), &run.name), (facts(&expected), &expected.name));
        assert_eq!(run.facts.0.get(&Fact::Kernel), expected.facts.0.get(&Fact::Kernel));
        let turned: String =
            text.lines().map(|line| format!("{}\n", line.split(',').rev().collect::<Vec<_>>().join(","))).collect();
        assert_eq!(facts(&read(turned.as_bytes()).unwrap()[0]), facts(&expected));
    }

    #[test]
    fn runs_are_told_apart_and_the_same_series_twice_is_refused() {
        let (_, text) = file();
        let (header, rows) = text.split_once('\n').unwrap();
        let other = rows.replace("a run,", "b run,");
        let both = read(format!("{header}\n{rows}{other}").as_bytes()).unwrap();
        assert_eq!(both.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["a run", "b run"]);
        assert!(error(&format!("{text}{rows}")).contains("the same series is in an earlier line"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_column() {
        let (_, text) = file();
        for (what, instead, words) in [
            ("export", "exprot", "line 2, column op: `exprot` is not known"),
            (",ok,", ",okay,", "column outcome: `okay` is neither ok nor an errno"),
            (",total,", ",totally,", "column stage: `totally` is not known"),
            (",count,", ",counts,", "it has no column count"),
            (",hdr", ",hdl", "it has no column hdr"),
            (",ENOMEM,", ",E-12,", "neither ok nor an errno"),
        ] {
            assert!(text.contains(what), "{what}");
            let message = error(&text.replace(what, instead));
            assert!(message.contains(words), "{instead}: {message}");
        }
        for text in ["", "\n", "a,b\n1\n", "a,b\n"] {
            error(text);
        }
    }

    #[test]
    fn a_histogram_of_any_other_size_is_refused_before_it_takes_memory() {
        let (_, text) = file();
        let hdr = text.lines().nth(1).unwrap().rsplit(',').next().unwrap();
        let inflated = |bytes: &[u8]| {
            let mut packed = Vec::new();
            let mut encoder = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::best());
            std::io::Write::write_all(&mut encoder, bytes).unwrap();
            encoder.finish().unwrap();
            STANDARD.encode([&COMPRESSED_COOKIE[..], &(packed.len() as u32).to_be_bytes(), &packed].concat())
        };
        let mut of_five_digits = vec![0; HEADER_BYTES + 1];
        of_five_digits[4..8].copy_from_slice(&1_u32.to_be_bytes());
        of_five_digits[12..16].copy_from_slice(&5_u32.to_be_bytes());
        for broken in [inflated(&vec![0; 1 << 24]), inflated(&of_five_digits), inflated(&[]), "AAAA".to_owned(), "?".to_owned()] {
            let message = error(&text.replace(hdr, &broken));
            assert!(message.contains("column hdr"), "{message}");
        }
    }
}
