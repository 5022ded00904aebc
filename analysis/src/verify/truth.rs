//! Reads the workload's truth file.

use std::collections::BTreeMap;

use grantscope_wire::Op;
use serde::Deserialize;

use crate::shown::Shown;

/// Columns of a call, in the order in which version 1 writes them.
const COLUMNS: [&str; 8] = ["op", "buffer", "pages", "outcome", "phase", "tid", "start_ns", "duration_ns"];

/// Columns that may follow them: why the call ended as it did, where its maker knows.
const COLUMNS_OF_CAUSES: [&str; 2] = ["cause", "statuses"];

/// Column that may follow those: which arm of the run the call belongs to.
const COLUMN_OF_ARMS: [&str; 1] = ["arm"];

/// The outcome of a call that succeeded.
const OK: &str = "ok";

/// Why a truth file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// Not JSON, or not of this shape.
    #[error("this is not a truth file of grantscope-workload: give the FILE of its --truth")]
    Shape(#[from] serde_json::Error),
    /// Another format or version.
    #[error(
        "truth file of format {format} version {version}, but this grantscope reads grantscope-truth version 1: use both from one build"
    )]
    Version {
        /// What it says.
        format: String,
        /// What it says.
        version: u32,
    },
    /// Columns differ.
    #[error("the truth file's calls have other columns ({0}): use workload and grantscope from one build")]
    Columns(String),
    /// More in one call than a call can make.
    #[error(
        "the truth file says that the call {call} makes {operations} operations, of which no call makes more than {MOST_CONTAINED}"
    )]
    Contains {
        /// Which call.
        call: String,
        /// How many.
        operations: usize,
    },
}

/// Operations that one call makes at the most: each call of the file is compared as so many.
const MOST_CONTAINED: usize = 64;

/// A truth file: the load generator's own report of its run.
#[derive(Clone, Debug, Deserialize)]
pub struct Truth {
    format: String,
    version: u32,
    ending: Ending,
    /// Steps that this kernel does not support and that were left out, each with the reason.
    #[serde(default)]
    pub skipped: Vec<String>,
    /// Names of calls that make several operations, and which.
    #[serde(default)]
    contains: BTreeMap<String, Vec<String>>,
    /// How many maps had their grants unmapped; `None`: not counted.
    #[serde(default)]
    pub teardowns: Option<Vec<Teardowns>>,
    columns: Vec<String>,
    /// Every call it made.
    pub calls: Vec<Call>,
}

/// Maps of one kind and size that gave up their grants.
#[derive(Clone, Debug, Deserialize)]
pub struct Teardowns {
    /// Kind of buffer.
    pub buffer: String,
    /// Grant references of each.
    pub pages: u32,
    /// Maps.
    pub count: u64,
}

impl Teardowns {
    /// The operations that are counted together.
    pub fn series(&self) -> String {
        series(Op::Teardown.name(), Some(&self.buffer), Some(self.pages), OK)
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Ending {
    how: String,
}

/// One call.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Row")]
pub struct Call {
    /// Name of the operation, or of a call that makes several.
    pub op: String,
    /// Kind of buffer.
    pub buffer: Option<String>,
    /// Grant references.
    pub pages: Option<u32>,
    /// `ok`, or an errno's name.
    pub outcome: String,
    /// Part of the run: `setup`, `warmup`, `run` or `teardown`.
    pub phase: String,
    /// Thread.
    pub tid: u32,
    /// Monotonic time right before the call.
    pub start_ns: u64,
    /// How long it took, by the workload's own clock.
    pub duration_ns: u64,
    /// Its cause and grant statuses, both empty if there are none; `None`: not known to the writer.
    pub why: Option<(String, String)>,
    /// The arm of its run, where that has several.
    pub arm: Option<String>,
}

type Facts = (String, Option<String>, Option<u32>, String, String, u32, u64, u64);
#[rustfmt::skip]
type FactsAndCause = (String, Option<String>, Option<u32>, String, String, u32, u64, u64, Option<String>, Option<String>);
#[rustfmt::skip]
type FactsCauseAndArm = (String, Option<String>, Option<u32>, String, String, u32, u64, u64, Option<String>, Option<String>, Option<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Facts(Facts),
    FactsAndCause(FactsAndCause),
    FactsCauseAndArm(FactsCauseAndArm),
}

impl From<Row> for Call {
    fn from(row: Row) -> Self {
        let (op, buffer, pages, outcome, phase, tid, start_ns, duration_ns, cause, statuses, arm) = match row {
            Row::Facts((op, buffer, pages, outcome, phase, tid, start_ns, duration_ns)) => {
                (op, buffer, pages, outcome, phase, tid, start_ns, duration_ns, None, None, None)
            }
            Row::FactsAndCause((op, buffer, pages, outcome, phase, tid, start_ns, duration_ns, cause, statuses)) => {
                (op, buffer, pages, outcome, phase, tid, start_ns, duration_ns, cause, statuses, None)
            }
            Row::FactsCauseAndArm(all) => all,
        };
        let why = cause.zip(statuses);
        // What succeeded has nothing to explain.
        let why = why.or_else(|| (outcome == OK).then(Default::default));
        Self { op, buffer, pages, outcome, phase, tid, start_ns, duration_ns, why, arm }
    }
}

impl Call {
    /// The operations that are counted together.
    pub fn series(&self) -> String {
        series(&self.op, self.buffer.as_deref(), self.pages, &self.outcome)
    }
}

/// How a series is called in a judgement.
pub fn series(op: &str, buffer: Option<&str>, pages: Option<u32>, outcome: &str) -> String {
    let pages = pages.map_or_else(|| "unknown".to_owned(), |pages| pages.to_string());
    format!("{} {} {pages} pages {}", Shown(op), Shown(buffer.unwrap_or("unknown")), Shown(outcome))
}

impl Truth {
    /// Reads a truth file's text.
    ///
    /// # Errors
    ///
    /// Where it is not a truth file, or one of another version or with other columns.
    pub fn parse(json: &str) -> Result<Self, TruthError> {
        let truth: Self = serde_json::from_str(json)?;
        if truth.format != "grantscope-truth" || truth.version != 1 {
            return Err(TruthError::Version { format: truth.format, version: truth.version });
        }
        let with_causes = [&COLUMNS[..], &COLUMNS_OF_CAUSES].concat();
        let with_arms = [&with_causes[..], &COLUMN_OF_ARMS].concat();
        if ![&COLUMNS[..], &with_causes, &with_arms].iter().any(|columns| truth.columns == *columns) {
            return Err(TruthError::Columns(truth.columns.join(", ")));
        }
        if let Some((call, several)) = truth.contains.iter().find(|(_, several)| several.len() > MOST_CONTAINED) {
            return Err(TruthError::Contains { call: call.clone(), operations: several.len() });
        }
        Ok(truth)
    }

    /// What several programs did while one recording was made.
    pub fn of_all(truths: impl IntoIterator<Item = Self>) -> Option<Self> {
        truths.into_iter().reduce(|mut all, more| {
            // The first that did not finish says how all of it ended.
            if all.is_complete() {
                all.ending = more.ending;
            }
            all.skipped.extend(more.skipped);
            all.contains.extend(more.contains);
            // If one of them did not count, the total is not known.
            all.teardowns = all.teardowns.zip(more.teardowns).map(|(all, more)| [all, more].concat());
            all.calls.extend(more.calls);
            all
        })
    }

    /// The operations that the calls made, each with the times of the call around it.
    pub fn operations(&self) -> impl Iterator<Item = Call> + '_ {
        self.calls.iter().flat_map(|call| match self.contains.get(&call.op) {
            None => vec![call.clone()],
            Some(several) if call.outcome == OK => several.iter().map(|op| Call { op: op.clone(), ..call.clone() }).collect(),
            // As documented: such a call failed before it came to any of them.
            Some(_) => vec![],
        })
    }

    /// Those of them that the run is about: not of its set-up, warm-up or end.
    pub fn measured_operations(&self) -> impl Iterator<Item = Call> + '_ {
        self.operations().filter(|call| call.phase == "run")
    }

    /// How many operations a profiler should have seen.
    pub fn operation_count(&self) -> u64 {
        let teardowns = self.teardowns.iter().flatten().map(|teardowns| teardowns.count).fold(0, u64::saturating_add);
        teardowns.saturating_add(self.operations().count() as u64)
    }

    /// Whether the workload did all that it had planned.
    pub fn is_complete(&self) -> bool {
        self.ending.how == "complete"
    }
}
