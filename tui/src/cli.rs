//! The command line. Its help texts are snapshots in `tests/cli.rs`.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use grantscope_analysis::model::Clock;

use crate::filter::FilterArgs;
use crate::reader::Speed;

/// See what mapping Xen grants costs: how long each operation takes, where in the kernel the time goes, and what is lost.
///
/// grantscope watches the grant mapping drivers of a Linux domain (gntdev and gntalloc) from inside the kernel. It keeps
/// one record per operation and one exact histogram per operation, buffer kind and page count, and it compares ordinary
/// pages with write-combining and coherent DMA buffers.
///
/// Recording needs root, Xen and a grantscope built with the feature `capture`. Everything else works on any machine.
#[derive(Debug, Parser)]
#[command(name = "grantscope", version, after_help = EXIT_CODES, after_long_help = MAIN_EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch operations live, or play a recording.
    ///
    /// Shows a table of all kinds of operation with their latencies and, for the selected one, its histogram and where in the
    /// kernel the time goes; and a comparison of the buffer kinds. Needs a terminal of at least 60 columns and 16 lines.
    ///
    /// Where standard output is not a terminal (a pipe, a log, CI), it prints a compact table every second instead, and the
    /// summary at the end.
    Top(TopArgs),
    /// Record all operations of this machine, or those while a command runs.
    ///
    /// Attaches the probes, writes one record per operation, and detaches when COMMAND ends, or on Ctrl-C. COMMAND keeps
    /// standard input, output and error, and its exit code is passed on. All operations of the machine are recorded, not only
    /// those of COMMAND.
    ///
    /// Needs root, Xen, and a kernel with gntdev, BTF and BPF. What cannot be attached is named, with what is therefore missing.
    Record(RecordArgs),
    /// Run the benchmark under the probes, and watch it.
    ///
    /// Starts the load generator (grantscope-workload) with a scenario, shows `top` while it runs, and leaves in DIR:
    /// recording.gsr, results.csv and truth.json (what the generator did, by its own count and clock). Prints the summary.
    ///
    /// Needs what `record` needs.
    Bench(BenchArgs),
    /// Turn a recording into CSV.
    ///
    /// One row per operation, buffer kind, page count, outcome and stage: count, lost, quantiles in nanoseconds, and the
    /// histogram itself (HdrHistogram V2, compressed, base64), so that files can be merged exactly. Unknown is an empty cell.
    ///
    /// A recording that is cut short or damaged gives everything before that place, a warning, and exit code 4.
    Export(ExportArgs),
    /// Print a recording's table: what each kind of buffer costs, side by side.
    ///
    /// Below the table: how many operations were seen and lost, what the clock means, and what is missing because a hook could
    /// not be attached.
    Summary(SummaryArgs),
    /// Compare a recording with what the load generator itself wrote down
    Judge(JudgeArgs),
    /// Say what can be profiled on this machine, and what to do about the rest.
    ///
    /// Looks at Xen, the drivers, the kernel's BTF and limits, and tries every hook. Nothing is recorded, and nothing stays
    /// attached. Needs what `record` needs, and says which of it is missing.
    Doctor(DoctorArgs),
    /// List the grants that are mapped now, by whom, and for how long.
    ///
    /// Looks through all processes' open files and memory; nothing has to have been recorded. How long a map has been there is
    /// then not known, nor is a map that no process holds any more: a recording follows both. Give it a recording, and it lists
    /// what was mapped at its end, with ages, and with what looks like a leak.
    ///
    /// Without a recording it needs what `record` needs, and a kernel that describes gntdev's structures.
    Maps(MapsArgs),
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 error, 2 wrong command line, 4 the recording is cut short or damaged and all before that was used.";

const MAIN_EXAMPLES: &str = "\
Examples:
  grantscope top --replay recording.gsr                        play a recording
  ssh board grantscope record -o - | grantscope top -          watch a board from a desk
  grantscope record -o run.gsr -- ./my-backend --once          profile a program of yours
  grantscope export --format csv run.gsr -o run.csv            numbers for other tools
  grantscope summary run.gsr                                   the table alone
  grantscope maps                                              what is mapped now

Exit codes:
  0  done
  1  error: one line on standard error says what, on what, and what to do next
  2  wrong command line
  4  the recording is cut short or damaged: everything before that was used";

const TOP_EXAMPLES: &str = "\
Examples:
  grantscope top                                               this machine, live (root, Xen)
  grantscope top --min-duration 1ms --buffer wc,coherent       what is slow, of DMA buffers alone
  grantscope top --replay recording.gsr                        at its own pace
  grantscope top --replay recording.gsr --speed max            its end, at once
  ssh board grantscope record -o - | grantscope top -          a stream, live
  grantscope top recording.gsr --speed 10 | cat                plain text, ten times as fast

Inside, ? shows all keys. q quits and prints the summary.

Exit codes: 0 done, 1 error, 2 wrong command line, 4 the recording broke off, 128+N signal N.";

/// Arguments of `grantscope top`.
#[derive(Args, Debug)]
#[command(after_long_help = TOP_EXAMPLES)]
pub struct TopArgs {
    /// A recording to play, or `-`: a stream on standard input. Without: this machine, live
    ///
    /// A file is played at its own pace. A pipe, a socket or a device is watched as it comes, like `-`; the keys are then
    /// read from the terminal, not from standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// The same, by name
    #[arg(long, value_name = "FILE", conflicts_with = "file", value_hint = ValueHint::FilePath)]
    pub replay: Option<PathBuf>,

    /// How fast to play a recording: a factor (2 is twice as fast), or `max`: all at once
    #[arg(long, value_name = "X", default_value = "1")]
    pub speed: Speed,

    /// What is recorded, live.
    #[command(flatten)]
    pub filter: FilterArgs,
}

impl TopArgs {
    /// The input, however it was given.
    pub fn input(&self) -> Option<&PathBuf> {
        self.file.as_ref().or(self.replay.as_ref())
    }
}

const RECORD_EXAMPLES: &str = "\
Examples:
  grantscope record -o run.gsr -- ./my-backend --once          while a program runs, then stop
  grantscope record -o run.gsr                                 until Ctrl-C
  ssh board grantscope record -o - | grantscope top -          a stream for another machine
  grantscope record -o run.gsr --pid 812 --errors-only         what fails in one process
  grantscope record -o run.gsr --clock counted -- ./my-bench   under an emulator

Exit codes: that of COMMAND if one is given; else 0 done, 1 error, 2 wrong command line.";

/// Arguments of `grantscope record`.
#[derive(Args, Debug)]
#[command(after_long_help = RECORD_EXAMPLES)]
pub struct RecordArgs {
    /// Where the recording goes: a file, a device, or `-`: standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,

    /// What the kernel's monotonic clock counts
    #[arg(long, value_name = "NAME", value_enum, default_value_t = ClockName::Wall)]
    pub clock: ClockName,

    /// By which means the probes are attached
    #[arg(long, value_name = "MEANS", value_enum, default_value_t = MeansName::Best)]
    pub attach: MeansName,

    /// A name for this run, written to the recording and into every row of the CSV [default: host name and time]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub run: Option<String>,

    /// What is recorded.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// A command to run and to wait for, with its arguments
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<String>,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  grantscope bench --peer 1 --out results                      buffers of domain 1
  grantscope bench --out results -- --buffers wc,coherent      more options for the generator

Domain N must run `grantscope-workload frontend --to DOMID`, where DOMID is the domain that runs the benchmark.

Exit codes: 0 done, 1 error, 2 wrong command line, 128+N ended by signal N.";

/// Arguments of `grantscope bench`.
#[derive(Args, Debug)]
#[command(after_long_help = BENCH_EXAMPLES)]
pub struct BenchArgs {
    /// What the generator does: one of `grantscope-workload list`, or a scenario file
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep")]
    pub scenario: String,

    /// The domain that grants the buffers. Without: this domain grants to itself
    #[arg(long, value_name = "DOMID")]
    pub peer: Option<NonZeroU16>,

    /// Where the results go; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "grantscope-results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,

    /// What the kernel's monotonic clock counts
    #[arg(long, value_name = "NAME", value_enum, default_value_t = ClockName::Wall)]
    pub clock: ClockName,

    /// By which means the probes are attached
    #[arg(long, value_name = "MEANS", value_enum, default_value_t = MeansName::Best)]
    pub attach: MeansName,

    /// A name for this run [default: host name and time]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub run: Option<String>,

    /// What is recorded.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// The load generator. Without: the one beside this program, else the one in PATH
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub workload: Option<PathBuf>,

    /// More arguments for the load generator
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  grantscope export --format csv run.gsr -o run.csv
  grantscope export run.gsr | head -3
  ssh board cat run.gsr | grantscope export - -o run.csv

Exit codes: 0 done, 1 error, 2 wrong command line, 4 the recording is cut short or damaged: all before that is in the CSV.";

/// Arguments of `grantscope export`.
#[derive(Args, Debug)]
#[command(after_long_help = EXPORT_EXAMPLES)]
pub struct ExportArgs {
    /// What to make
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,

    /// The recording, or `-`: standard input
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: PathBuf,

    /// Where it goes. Without, or `-`: standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

const SUMMARY_EXAMPLES: &str = "\
Examples:
  grantscope summary run.gsr
  ssh board cat run.gsr | grantscope summary -

Exit codes: 0 done, 1 error, 2 wrong command line, 4 the recording is cut short or damaged: all before that is in the table.";

/// Arguments of `grantscope summary`.
#[derive(Args, Debug)]
#[command(after_long_help = SUMMARY_EXAMPLES)]
pub struct SummaryArgs {
    /// The recording, or `-`: standard input
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: PathBuf,
}

const JUDGE_EXAMPLES: &str = "\
Examples:
  grantscope bench --out results && grantscope judge results/recording.gsr results/truth.json

Exit codes: 0 they agree, 1 error, 2 wrong command line, 3 they differ.";

/// Compare a recording with what the load generator itself wrote down.
///
/// They agree if every series has the same count, nothing was lost, every operation lies within the call that asked for it
/// by the generator's own clock, and the stages of every operation add up to its duration. Each difference is a line.
///
/// Whatever else mapped grants on the machine meanwhile is a difference too: the truth does not know it.
#[derive(Args, Debug)]
#[command(after_long_help = JUDGE_EXAMPLES)]
pub struct JudgeArgs {
    /// The recording
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: PathBuf,

    /// The truth file of the load generator (its --truth); several, if several ran
    #[arg(value_name = "TRUTH", value_hint = ValueHint::FilePath, required = true)]
    pub truths: Vec<PathBuf>,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  grantscope doctor                                            one screen for a person
  grantscope doctor --format json | jq .verdict                for a script

Exit codes: 0 everything can be profiled, 1 nothing can, 2 wrong command line, 4 some of it can.";

/// Arguments of `grantscope doctor`.
#[derive(Args, Debug)]
#[command(after_long_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// How to say it
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text)]
    pub format: DoctorFormat,

    /// By which means the probes are tried
    #[arg(long, value_name = "MEANS", value_enum, default_value_t = MeansName::Best)]
    pub attach: MeansName,
}

const MAPS_EXAMPLES: &str = "\
Examples:
  grantscope maps                                              this machine, now (root, Xen)
  grantscope maps --format json | jq .pages                    for a script
  grantscope maps run.gsr --leak-after 10                      at the end of a recording

Exit codes: 0 done, 1 error, 2 wrong command line, 4 the recording is cut short or damaged: the list is of that place.";

/// Arguments of `grantscope maps`.
#[derive(Args, Debug)]
#[command(after_long_help = MAPS_EXAMPLES)]
pub struct MapsArgs {
    /// A recording, or `-`: standard input. Without: this machine, now
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: Option<PathBuf>,

    /// How to say it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,

    /// A map that is still there so long after its release, or after its owner's end, is called a leak suspect
    #[arg(long, value_name = "SECONDS", default_value = "2")]
    pub leak_after: Seconds,
}

/// A time that is given in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.map(Self).ok_or("give a number of seconds, such as 0.5 or 10")
    }
}

/// A format of `maps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For a person
    Text,
    /// For a program
    Json,
}

/// A format of `doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For a person
    Text,
    /// For a program
    Json,
}

/// A format of `export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One row per series
    Csv,
}

/// By which means the probes are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MeansName {
    /// Hook by hook the best that the kernel has: fentry, else a kprobe
    Best,
    /// kprobes alone: they cost more, and show what a kernel without fentry would give
    Kprobe,
}

/// The model's clocks, by the names that they have in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClockName {
    /// Time, as on all real machines
    Wall,
    /// Instructions counted by an emulator (2 ns each): ratios mean something, absolute times do not
    Counted,
}

impl From<ClockName> for Clock {
    fn from(name: ClockName) -> Self {
        match name {
            ClockName::Wall => Self::Wall,
            ClockName::Counted => Self::Counted,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn clocks_have_the_names_that_files_use() {
        for clock in ClockName::value_variants() {
            let value = clock.to_possible_value().expect("no variant is skipped");
            assert_eq!(value.get_name(), Clock::from(*clock).name());
        }
    }

    #[test]
    fn replay_is_another_name_for_the_file() {
        let input = |line: &[&str]| {
            let cli = Cli::try_parse_from(line).expect("a valid command line");
            let Command::Top(args) = cli.command else { panic!("not top") };
            args.input().cloned()
        };
        let file = Some(PathBuf::from("a.gsr"));
        assert_eq!(input(&["grantscope", "top", "a.gsr"]), file);
        assert_eq!(input(&["grantscope", "top", "--replay", "a.gsr"]), file);
        assert_eq!(input(&["grantscope", "top", "-"]), Some("-".into()));
        assert_eq!(input(&["grantscope", "top"]), None);
    }
}
