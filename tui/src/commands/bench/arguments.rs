//! The command line of `bench`.

use std::ffi::OsString;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, ValueHint, value_parser};
use grantscope_analysis::runs::Arm;

use crate::options::capture::CaptureArgs;
use crate::options::judged::JudgedArgs;
use crate::options::look::LookArgs;
use crate::options::mouse::MouseArgs;
use crate::options::one_of::one_of;
use crate::options::reports::ReportArgs;
use crate::options::shown::ShownArgs;

/// Run the benchmark under the probes, and watch it.
///
/// Starts the load generator (grantscope-workload) with a scenario, shows `top` while it runs, and leaves in DIR:
/// recording.gsr, results.csv, truth.json (what the generator did, by its own count and clock) and workload.log (what it
/// printed). Prints the summary.
///
/// Repeated (--runs, --until-decided), each run has a folder of its own in DIR (1, 2, …) and a seed of its own, and ends by
/// itself; DIR is then one side for `compare`. Or the runs are judged at once: --against runs of another time, or what they
/// did in different ways (--arms).
///
/// Needs what `record` needs.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub struct Bench {
    /// What the generator does: one of `grantscope-workload list`, or a scenario file
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep")]
    pub scenario: OsString,

    /// The domain that grants the buffers. Without: this domain grants to itself
    #[arg(long, value_name = "DOMID")]
    pub peer: Option<NonZeroU16>,

    /// Where the results go; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "grantscope-results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,

    /// Runs so often
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = value_parser!(u32).range(1..=1000))]
    pub runs: u32,

    /// The load generator. Without: the one beside this program, else the one in PATH, unless others can write there
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub workload: Option<PathBuf>,

    /// More arguments for the load generator
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<OsString>,

    /// Whose the mouse is.
    #[command(flatten)]
    pub mouse: MouseArgs,

    /// The same as text.
    #[command(flatten)]
    pub reports: ReportArgs,

    /// How it looks.
    #[command(flatten)]
    pub look: LookArgs,

    /// What is shown, and in results.csv.
    #[command(flatten)]
    pub shown: ShownArgs,

    /// How it is recorded.
    #[command(flatten)]
    pub capture: CaptureArgs,

    /// What it is judged by.
    #[command(flatten)]
    pub judged: Judged,
}

/// What a benchmark is judged by.
#[derive(Args, Debug)]
#[group(skip)]
#[command(group = ArgGroup::new("reference").args(["against", "arms"]), next_help_heading = "Judged, as `compare` does")]
pub struct Judged {
    /// The runs that these are compared with: recordings, results.csv files, or folders of recordings
    #[arg(long, value_name = "RUN", num_args = 1.., value_hint = ValueHint::AnyPath, conflicts_with = "arms")]
    pub against: Vec<PathBuf>,

    /// Compares what the runs do in different ways
    #[arg(long, value_parser = one_of(Arm::ALL, Arm::name, Arm::about))]
    pub arms: Option<Arm>,

    /// Runs again until nothing that is judged is inconclusive
    #[arg(long, conflicts_with = "runs", requires = "reference")]
    pub until_decided: bool,

    /// No run begins that would end after this time, if it took as long as the longest so far
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = humantime::parse_duration)]
    pub max_time: Duration,

    /// By which limits.
    #[command(flatten)]
    pub limits: JudgedArgs,
}

impl Bench {
    /// Whether each run has a folder of its own.
    pub fn is_repeated(&self) -> bool {
        self.runs > 1 || self.judged.until_decided
    }
}
