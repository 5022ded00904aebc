//! A recording beside the truth that was written of the same run: both read, and compared down to the CSV.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::BufReader,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{
    model::{Environment, Operation, Outcome, Phase},
    quantile::P50,
    recording::{Frame, Reader},
    report::export::{Audience, csv as export},
    series::{Aggregate, Phases, Series, SeriesKey, Wanted},
    verify::{Call, Truth, judge},
};
use grantscope_wire::{Buffer, Op, Stage};

/// A recording, read whole.
pub struct Recorded {
    /// What it adds up to.
    pub aggregate: Aggregate,
    /// Every operation in it.
    pub operations: Vec<Operation>,
}

impl Recorded {
    /// Reads it to its end frame.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_as(path, Wanted::default())
    }

    /// The same, of what is wanted.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub fn read_as(path: &Path, wanted: Wanted) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut reader = Reader::open(BufReader::new(file))?;
        let (mut aggregate, mut operations) = (Aggregate::of(wanted), Vec::new());
        while let Some(frame) = reader.next_frame()? {
            aggregate.add(&frame);
            if let Frame::Operations(more) = frame {
                operations.extend(more);
            }
        }
        Ok(Self { aggregate, operations })
    }

    /// What it was recorded on.
    ///
    /// # Errors
    /// When the recording has none.
    pub fn environment(&self) -> Result<&Environment> {
        self.aggregate.environment().context("the recording has no environment")
    }

    /// The hooks by attach mode; hooks that are not attached are under `nothing`.
    ///
    /// # Errors
    /// When the recording has no environment.
    pub fn hooks_by_mode(&self) -> Result<BTreeMap<&str, Vec<&str>>> {
        let mut modes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for hook in &self.environment()?.hooks {
            modes.entry(hook.attached_by.as_deref().unwrap_or("nothing")).or_default().push(hook.hook.name());
        }
        Ok(modes)
    }

    /// Such operations that went well, or one of their stages; `None`: there are none.
    pub fn of(&self, op: Op, buffer: Buffer, pages: u32, stage: Option<Stage>) -> Option<(&SeriesKey, &Series)> {
        let wanted = (op, Outcome::Ok, Some(buffer), Some(pages), stage);
        self.aggregate.series().find(|(key, _)| (key.op, key.outcome, key.buffer, key.pages, key.stage) == wanted)
    }

    /// Their median.
    pub fn median_ns(&self, op: Op, buffer: Buffer, pages: u32, stage: Option<Stage>) -> Option<f64> {
        Some(self.of(op, buffer, pages, stage)?.1.quantile(&P50)?.ns as f64)
    }

    /// The page counts of operations of this kind that went well.
    pub fn sizes(&self, op: Op) -> BTreeSet<u32> {
        let of_it = self.aggregate.series().filter(|(key, _)| key.op == op && key.outcome == Outcome::Ok);
        of_it.filter_map(|(key, _)| key.pages).collect()
    }

    /// Compares it with the truth, and the CSV made of it too.
    ///
    /// # Errors
    /// When a count, a duration or a stage differs, or nothing was recorded.
    pub fn agrees_with(&self, truth: &Truth) -> Result<()> {
        let judgement = judge(&self.aggregate, &self.operations, truth);
        let differences: Vec<_> = judgement.differences.iter().map(ToString::to_string).collect();
        ensure!(differences.is_empty(), "recording and truth differ:\n  {}", differences.join("\n  "));
        ensure!(judgement.operations > 0, "nothing was recorded");
        csv_counts_are(&self.aggregate, truth)?;
        note!("{} operations in {} series agree with the truth, none lost", judgement.operations, judgement.series);
        Ok(())
    }
}

/// How many operations, by kind, buffer, pages and outcome.
type Counts = BTreeMap<Vec<String>, u64>;

/// The counts in the CSV that people get: those of what was measured, where the program that ran told its phases.
///
/// # Errors
/// When a count is not that of the truth's phase `run`, or nothing was left out.
pub fn measured_counts_are(path: &Path, truth: &Truth) -> Result<()> {
    let all = Recorded::read(path)?;
    let mut measured = Aggregate::of(Wanted { phases: Phases::Only(Phase::Measured), ..Wanted::default() });
    measured.add(&Frame::Environment(all.environment()?.clone()));
    measured.add(&Frame::Operations(all.operations));
    let left_out = measured.left_out().context("no operation has a phase")?;
    ensure!(left_out.by_phase().count() == 2, "set-up and warm-up are not both left out: {left_out:?}");
    // The truth does not say in which phase grants went: those of a call go with it.
    let (teardowns, rows): (Counts, Counts) = csv_counts(&measured)?.into_iter().partition(|(key, _)| key[0] == "teardown");
    let teardowns = teardowns.values().sum::<u64>();
    let expected = call_counts(truth.measured_operations());
    ensure!(rows == expected, "the CSV's counts are not those that were measured:\n  CSV {rows:?}\n  truth {expected:?}");
    note!(
        "{} measured operations and {teardowns} teardowns in them; {} left out",
        expected.values().sum::<u64>(),
        left_out.all()
    );
    Ok(())
}

/// The rows of the whole operations carry the truth's counts: what people read is what was judged.
fn csv_counts_are(aggregate: &Aggregate, truth: &Truth) -> Result<()> {
    let mut rows = csv_counts(aggregate)?;
    let mut expected = call_counts(truth.operations());
    for teardowns in truth.teardowns.iter().flatten() {
        let key = vec!["teardown".to_owned(), teardowns.buffer.clone(), teardowns.pages.to_string(), "ok".to_owned()];
        *expected.entry(key).or_default() += teardowns.count;
    }
    if truth.teardowns.is_none() {
        rows.retain(|key, _| key[0] != "teardown");
    }
    ensure!(rows == expected, "the counts in the CSV are not the truth's:\n  CSV {rows:?}\n  truth {expected:?}");
    Ok(())
}

/// What the CSV says of whole operations.
fn csv_counts(aggregate: &Aggregate) -> Result<Counts> {
    let mut bytes = Vec::new();
    export::csv(aggregate, Audience::Program, &mut bytes)?;
    let columns = export::columns();
    let column = |name: &str| columns.iter().position(|column| *column == name).with_context(|| format!("no column {name}"));
    let key = [column("op")?, column("buffer")?, column("pages")?, column("outcome")?];
    let (stage, count, lost) = (column("stage")?, column("count")?, column("lost")?);
    let mut rows = Counts::new();
    for row in csv::Reader::from_reader(&bytes[..]).records() {
        let row = row?;
        ensure!(&row[lost] == "0", "the CSV has losses: {row:?}");
        if &row[stage] == "total" {
            // Rows that differ only in what the truth does not have are one series to it.
            *rows.entry(key.map(|column| row[column].to_owned()).to_vec()).or_default() += row[count].parse::<u64>()?;
        }
    }
    Ok(rows)
}

fn call_counts(calls: impl Iterator<Item = Call>) -> Counts {
    let mut counts = Counts::new();
    for call in calls {
        let pages = call.pages.map(|pages| pages.to_string()).unwrap_or_default();
        let key = vec![call.op, call.buffer.unwrap_or_default(), pages, call.outcome];
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// The truth in this file.
///
/// # Errors
/// When it cannot be read.
pub fn truth(path: &Path) -> Result<Truth> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Truth::parse(&text).with_context(|| format!("the truth {}", path.display()))
}
