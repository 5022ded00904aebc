//! One line of a file, found by the names of its columns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use grantscope_wire::{Buffer, Cause, Op, Stage};
use internment::Intern;

use super::error::CsvError;
use super::histogram::buckets;
use super::listed::{Circumstances, Listed, OF_RUN, TAG, named_circumstances};
use crate::column::COLUMNS;
use crate::model::{DmaSums, Outcome, Statuses, status_named};
use crate::runs::{Fact, Facts, Run};
use crate::series::{PageRange, Series, SeriesKey, Subtracted};

/// The columns that there have to be: without any of the others, a cell of it is not known.
const NEEDED: [&str; 12] =
    ["run", "kernel", "op", "buffer", "pages", "outcome", "stage", "count", "min_ns", "max_ns", "sum_ns", "hdr"];

/// Where each column is.
pub struct Columns {
    known: BTreeMap<&'static str, usize>,
    /// By name, without what their columns begin with.
    tags: BTreeMap<String, usize>,
    /// Neither known nor tags.
    pub passed_over: Vec<String>,
}

impl Columns {
    /// Those of a header.
    pub fn of(header: &csv::StringRecord, most: usize) -> Result<Self, CsvError> {
        if header.len() > most {
            return Err(CsvError::TooMuch(format!("{most} columns")));
        }
        let mut columns = Self { known: BTreeMap::new(), tags: BTreeMap::new(), passed_over: Vec::new() };
        let mut seen = BTreeSet::new();
        for (place, name) in header.iter().enumerate() {
            let known = COLUMNS.iter().find(|column| column.name == name);
            let tag = name.strip_prefix(TAG).filter(|tag| !tag.is_empty());
            if (known.is_some() || tag.is_some()) && !seen.insert(name) {
                return Err(CsvError::Doubled(name.to_owned()));
            }
            match (known, tag) {
                (Some(column), _) => drop(columns.known.insert(column.name, place)),
                (None, Some(tag)) => drop(columns.tags.insert(tag.to_owned(), place)),
                (None, None) => columns.passed_over.push(name.to_owned()),
            }
        }
        let missing: Vec<_> = NEEDED.iter().copied().filter(|name| !columns.known.contains_key(name)).collect();
        if missing.is_empty() { Ok(columns) } else { Err(CsvError::Columns(missing)) }
    }
}

/// One line.
pub struct Row<'a> {
    /// Where each column is.
    pub columns: &'a Columns,
    /// Its cells.
    pub record: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    fn cell(&self, column: &'static str) -> &'a str {
        self.columns.known.get(column).and_then(|&place| self.record.get(place)).unwrap_or_default()
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn wrong(&self, column: &'static str, problem: impl Display) -> CsvError {
        CsvError::Cell { line: self.line(), column, found: format!("`{}`", self.cell(column)), problem: problem.to_string() }
    }

    /// What tells its run from others.
    pub fn circumstances(&self) -> Circumstances {
        let tag = |(name, &place): (&String, &usize)| Some((name.clone(), self.record.get(place)?.to_owned()));
        let tags = self.columns.tags.iter().filter_map(tag).filter(|(_, value)| !value.is_empty());
        Circumstances::of(|column| self.cell(column).to_owned(), tags.collect())
    }

    /// Its run, without series.
    pub fn begin(&self, circumstances: Circumstances) -> Result<Listed, CsvError> {
        let said = named_circumstances().filter_map(|(column, fact)| Some((fact?, column)));
        // Nothing was to be left out where that cell is empty; of the others it says that they are not known.
        let is_known =
            |fact, column| !self.cell(column).is_empty() || fact == Fact::Filter && self.columns.known.contains_key(column);
        let facts =
            said.filter(|&(fact, column)| is_known(fact, column)).map(|(fact, column)| (fact, self.cell(column).to_owned()));
        let run = Run {
            name: self.cell("run").to_owned(),
            facts: Facts(facts.collect()),
            tags: circumstances.tags.clone(),
            without_row: self.number("without_row")?.unwrap_or_default(),
            ..Run::default()
        };
        let mut numbers = [None; OF_RUN.len()];
        for (number, (column, _)) in numbers.iter_mut().zip(OF_RUN) {
            *number = self.number(column)?;
        }
        Ok(Listed { circumstances, run, numbers, ..Listed::default() })
    }

    /// Adds its series: how many buckets that has.
    pub fn add_to(&self, listed: &mut Listed) -> Result<usize, CsvError> {
        let key = self.key()?;
        let series = self.series(&key)?;
        let occupied = series.buckets().occupied();
        // Each line of one kind says what was lost of it.
        let lost = self.number("lost")?;
        listed.lost.entry(key.op).or_insert(lost);
        if let Some(lost) = lost.filter(|&lost| lost > 0) {
            listed.run.lost.entry(key.op).or_insert(lost);
        }
        let statuses = self.statuses()?;
        if !statuses.is_empty() {
            listed.statuses.entry(SeriesKey { stage: None, ..key }).or_insert(statuses);
        }
        if let Some(dma) = self.dma()? {
            listed.dma.entry(SeriesKey { stage: None, ..key }).or_insert(dma);
        }
        match listed.run.series.insert(key, series) {
            None => Ok(occupied),
            Some(_) => Err(CsvError::Twice { line: self.line() }),
        }
    }

    /// What DMA was done; `None`: none, or not known.
    fn dma(&self) -> Result<Option<DmaSums>, CsvError> {
        let sums = DmaSums {
            from_cma: self.number("from_cma")?,
            entries: self.number("entries")?,
            bounces: self.number("bounces")?,
            bounced_bytes: self.number("bounced_bytes")?,
        };
        Ok(Some(sums).filter(|sums| *sums != DmaSums::default()))
    }

    /// What Xen refused: `bad_gntref:3;no_space:1`.
    fn statuses(&self) -> Result<Statuses, CsvError> {
        let status = |each: &str| {
            let (name, references) = each.split_once(':')?;
            Some((status_named(name)?, references.parse().ok()?))
        };
        let each = self.cell("statuses").split(';').filter(|each| !each.is_empty());
        let all: Option<_> = each.map(status).collect();
        all.ok_or_else(|| self.wrong("statuses", "no list of grant statuses such as `bad_gntref:3;no_space:1`"))
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

    fn series(&self, key: &SeriesKey) -> Result<Series, CsvError> {
        let buckets = buckets(self.cell("hdr")).map_err(|problem| self.wrong("hdr", problem))?;
        let count =
            self.number("count")?.filter(|&count| count > 0).ok_or_else(|| self.wrong("count", "no number of operations"))?;
        if buckets.count() != count {
            return Err(
                self.wrong("count", format_args!("not the {} operations of the histogram in column hdr", buckets.count()))
            );
        }
        let sum_ns = self.cell("sum_ns").parse().map_err(|_| self.wrong("sum_ns", "no sum of nanoseconds"))?;
        let ends_ns = match key.page_range {
            // Of several page counts together it has none: these are those of the histogram.
            Some(_) => buckets.ends().unwrap_or_default(),
            None => self.ends_ns()?,
        };
        let mut series = Series::of(buckets, ends_ns, sum_ns, self.subtracted(count)?);
        if key.page_range.is_some() {
            series.mix();
        }
        Ok(series)
    }

    /// The shortest and the longest.
    fn ends_ns(&self) -> Result<[u64; 2], CsvError> {
        let needed = |column| self.number(column)?.ok_or_else(|| self.wrong(column, "not known, and has to be"));
        let [min_ns, max_ns] = [needed("min_ns")?, needed("max_ns")?];
        if min_ns > max_ns {
            return Err(self.wrong("min_ns", "more than what is in column max_ns"));
        }
        Ok([min_ns, max_ns])
    }

    /// The file has means, rounded to nanoseconds; and of how many operations it was only whether that were all of them.
    fn subtracted(&self, count: u64) -> Result<Subtracted, CsvError> {
        let all = |column| Ok::<_, CsvError>(self.number(column)?.unwrap_or_default().saturating_mul(count));
        let operations = match self.cell("times") {
            "corrected" => count,
            "partly" if count > 1 => 1,
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
