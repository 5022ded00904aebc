//! Kernels that are preempted at any time: nothing is lost there, whatever else runs.

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{model::LossReport, verify::Truth};

use super::{doctor, harness::Harness, hooks_document, platforms_document, recorded::Recorded};
use crate::{
    guest::job::{Command, Job},
    platform,
};

/// How often the crowd runs: by fentry, the kernel skips a program in most of the runs.
const RUNS: usize = 10;
/// How the crowds are recorded: as the recorder chooses, and by what it would choose elsewhere.
const CHOSEN: &str = "best";
const CHEAPER: &str = "fentry";

/// The crowd again and again, on two processors.
const JOB: &str = r#"
cat >/tmp/crowds <<'END'
for run in $(seq $runs); do
    echo "<1>grantscope-lab: crowd $run, $how" >/dev/kmsg
    /job/crowd 5 >/out/$how-$run.json || exit
done
END
export runs how
for how in $ways; do
    grantscope record -o /out/$how.gsr --clock wall --attach $how -- sh /tmp/crowds >/out/$how.said 2>&1 || exit
done
examine whole
"#;

/// Debian's kernel on x86-64, where gntdev is a module.
pub fn x86_loses_nothing(harness: &Harness) -> Result<()> {
    loses_nothing(harness, "x86-pv-preempt", "full: ")
}

/// Our own kernel for real time, on arm64.
pub fn arm64_loses_nothing(harness: &Harness) -> Result<()> {
    loses_nothing(harness, "arm64-rt", "PREEMPT_RT: ")
}

/// Of a platform whose kernel has this model of preemption.
fn loses_nothing(harness: &Harness, platform: &str, model: &str) -> Result<()> {
    let platform = platform::named(platform)?;
    platforms_document::begins(platform.name);
    let clock = platform.clock(None)?;
    let files = [("crowd".to_owned(), harness.program_in_c("crowd", platform.architecture)?)].into();
    let script = format!("runs={RUNS}\nways='{CHOSEN} {CHEAPER}'\n{}{JOB}", doctor::EXAMINE);
    let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["-c", &script]) });
    let outcome = harness.passes_in_peace(&harness.lab(platform)?, platform.name, &job, clock)?;
    doctor::names_preemption(&outcome, model)?;
    let out = harness.out(platform.name);
    let recorded = |how: &str| Recorded::read(&out.join(how).with_extension("gsr"));
    let chosen = recorded(CHOSEN)?;
    let modes = chosen.hooks_by_mode()?;
    hooks_document::has_column(platform.name, &chosen.environment()?.hooks)?;
    ensure!(!modes.contains_key("fentry"), "a hook is attached by fentry, which loses operations here: {modes:?}");
    let truths = (1..=RUNS).map(|run| Ok(Truth::parse(&outcome.required(&format!("{CHOSEN}-{run}.json"))?)?));
    let truth = Truth::of_all(truths.collect::<Result<Vec<_>>>()?).context("no crowd wrote a truth")?;
    note!("{RUNS} crowds by {CHOSEN}, hooks by {:?}", modes.keys());
    chosen.agrees_with(&truth)?;
    platforms_document::is_exact(platform.name, &chosen)?;
    note!("the same by {CHEAPER}: {}", lost(recorded(CHEAPER)?.aggregate.loss()));
    Ok(())
}

/// How much of what was lost where. By fentry that is another number in each run, and may be none.
fn lost(loss: &LossReport) -> String {
    let counters: Vec<_> = loss
        .counters
        .iter()
        .map(|counter| format!("{} × {} at {}", counter.count, counter.kind.name(), counter.hook.name()))
        .collect();
    if counters.is_empty() { "none lost".to_owned() } else { counters.join(", ") }
}
