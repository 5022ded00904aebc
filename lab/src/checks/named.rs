//! Names for times that a command gives: in the recording, in their order, and at their time.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{marks::MOST_MARKS, model::Mark, verify::Truth};

use super::recorded::Recorded;
use crate::guest::job::Command;

/// Runs its arguments between two names, and gives more names behind that than a recording has room for. In dom0's shell, whose
/// redirections take descriptors of one digit only.
const NAMING: &str = r#"
name_now() { echo "mark $1" 1<>"/proc/self/fd/$GRANTSCOPE_MARKS"; }
name_now begun
"$@" || exit
name_now over
count=0
while [ $count -lt 300 ]; do
    name_now more
    count=$((count + 1))
done
"#;

/// What is left out of those: 255 are recorded, two of which are the others.
const LEFT_OUT: &str = "47 marks left out from here on";

/// The command, between two names.
pub fn command(command: Command) -> Command {
    let script = ["-c", NAMING, "sh"].map(str::to_owned);
    let arguments = script.into_iter().chain([command.program]).chain(command.arguments).collect();
    Command { program: "/bin/sh".to_owned(), arguments, files: command.files }
}

/// The recording of such a command has them around what it did, and says how many are missing.
///
/// # Errors
/// When a name is missing, or is not where it belongs.
pub fn are_around(recording: &Path, truth: &Truth) -> Result<()> {
    let recorded = Recorded::read(recording)?;
    let marks: Vec<&Mark> = recorded.aggregate.marks().iter().collect();
    let [begun, over, more @ .., rest] = &marks[..] else { anyhow::bail!("names are missing: {marks:?}") };
    let (began_ns, ended_ns) = span_ns(truth)?;
    let (_, last_ns) = recorded.aggregate.span_ns().context("the recording knows no time")?;
    let names = [begun, over, rest].map(|mark| mark.name());
    ensure!(names == ["begun", "over", LEFT_OUT], "the names are {names:?}");
    ensure!(marks.len() == MOST_MARKS && more.iter().all(|mark| mark.name() == "more"), "there are {} names", marks.len());
    ensure!(recorded.aggregate.marks().forgotten() == 0, "there are more names than are remembered");
    let times = [begun, over, rest].map(|mark| mark.at_ns());
    note!("names at {times:?} ns around calls from {began_ns} to {ended_ns} ns");
    // The recorder looks some ten times a second, and when it looks is the time of a name that says none.
    ensure!(times[0] < ended_ns && ended_ns <= times[1], "the names are not around what was done");
    ensure!(times[1] <= times[2] && times[2] <= last_ns, "the names are not in the recording");
    Ok(())
}

/// As many marks of that name lie between the calls of the truth: they have their own time.
///
/// # Errors
/// When there are others, or one lies elsewhere.
pub fn are_between(recorded: &Recorded, truth: &Truth, name: &str, count: usize) -> Result<()> {
    let (began_ns, ended_ns) = span_ns(truth)?;
    let times: Vec<u64> = recorded.aggregate.marks().iter().filter(|mark| mark.name() == name).map(Mark::at_ns).collect();
    ensure!(times.len() == count, "{} marks have the name {name:?}, not {count}", times.len());
    ensure!(
        times.iter().all(|at_ns| (began_ns..ended_ns).contains(at_ns)),
        "a mark does not lie between the first call at {began_ns} ns and the last at {ended_ns} ns: {times:?}"
    );
    note!("{count} marks of a scenario's");
    Ok(())
}

/// From the first call to the end of the last.
fn span_ns(truth: &Truth) -> Result<(u64, u64)> {
    let began_ns = truth.calls.iter().map(|call| call.start_ns).min();
    let ended_ns = truth.calls.iter().map(|call| call.start_ns + call.duration_ns).max();
    began_ns.zip(ended_ns).context("the truth has no call")
}
