//! Kernels that are preempted at any time: nothing is lost there, whatever else runs.

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{
    model::{LossCounter, LossReport},
    recording::Frame,
    verify::Truth,
};
use grantscope_wire::LossKind;

use super::{doctor, harness::Harness, hooks_document, platforms_document, recorded::Recorded};
use crate::{
    guest::job::{Command, Job},
    platform,
};

/// How the crowds are recorded, and how often: as the recorder chooses; and by what it would choose elsewhere, by which the kernel skips a
/// program in most of the runs, for comparison.
const CHOSEN: &str = "best";
const RUNS: usize = 10;
const CHEAPER: &str = "fentry";
const RUNS_BY_CHEAPER: usize = 2;

/// The crowd again and again, on two processors.
const JOB: &str = r#"
cat >/tmp/crowds <<'END'
for run in $(seq $runs); do
    echo "<1>grantscope-lab: crowd $run, $how" >/dev/kmsg
    /job/crowd 5 >/out/$how-$run.json || exit
done
END
for way in $ways; do
    how=${way%:*} runs=${way#*:}
    export how runs
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
    let script = format!("ways='{CHOSEN}:{RUNS} {CHEAPER}:{RUNS_BY_CHEAPER}'\n{}{JOB}", doctor::EXAMINE);
    let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["-c", &script]) });
    let outcome = harness.passes_in_peace(&harness.lab(platform)?, platform.name, &job, clock)?;
    doctor::names_preemption(&outcome, model)?;
    let out = harness.out(platform.name);
    let recorded = |how: &str| Recorded::read(&out.join(how).with_extension("gsr"));
    let mut chosen = recorded(CHOSEN)?;
    leave_out_interrupts(&mut chosen);
    let modes = chosen.hooks_by_mode()?;
    hooks_document::has_column(platform.name, &chosen.environment()?.hooks)?;
    ensure!(!modes.contains_key("fentry"), "a hook is attached by fentry, which loses operations here: {modes:?}");
    let truths = (1..=RUNS).map(|run| Ok(Truth::parse(&outcome.required(&format!("{CHOSEN}-{run}.json"))?)?));
    let truth = Truth::of_all(truths.collect::<Result<Vec<_>>>()?).context("no crowd wrote a truth")?;
    note!("{RUNS} crowds by {CHOSEN}, hooks by {:?}", modes.keys());
    chosen.agrees_with(&truth)?;
    platforms_document::is_exact(platform.name, &chosen)?;
    note!("{RUNS_BY_CHEAPER} by {CHEAPER}: {}", lost(recorded(CHEAPER)?.aggregate.loss()));
    Ok(())
}

/// Notes what interrupts had skipped, and leaves it out of what was lost. A tracepoint's program runs with preemption disabled, and is skipped
/// where an interrupt hits it on the same processor and meets the tracepoint too (`__bpf_trace_run` in kernel/trace/bpf_trace.c, Linux v6.12).
/// It is rare, on every kernel, and no operation is missing for it: the interrupt is in none here.
fn leave_out_interrupts(recorded: &mut Recorded) {
    let of_interrupts = |counter: &LossCounter| counter.kind == LossKind::Missed && counter.is_at_tracepoint();
    let (skipped, counters): (Vec<_>, Vec<_>) = recorded.aggregate.loss().counters.iter().cloned().partition(of_interrupts);
    for counter in skipped {
        note!("interrupts hit {} runs at {}, and the recording says so", counter.count, counter.hook.name());
    }
    recorded.aggregate.add(&Frame::Loss(LossReport { counters, ..recorded.aggregate.loss().clone() }));
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
