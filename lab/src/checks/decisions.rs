//! `grantscope compare` on the real thing: the same twice is no change, a kernel path that is really slower is found with its stage, and
//! buffers that run the same code cost the same.

use anyhow::{Context, Result, ensure};

use super::harness::Harness;
use crate::{guest::job::Job, platform::Clock};

/// The function profiler makes the one function slower that it is switched on for, by about a microsecond a call: it is in the stage
/// `dma_alloc`, and in no hook (kernel/dma/mapping.c).
const RUNS: &str = r#"
trace=/sys/kernel/tracing
mount -t tracefs tracefs $trace 2>/dev/null
take() {
    grantscope record -o /tmp/$1.gsr --run $1 --detail stages --clock counted -- \
        grantscope-workload run --peer 1 --scenario sweep --pages 1 --iterations 200 --truth /tmp/truth.json >/tmp/said 2>&1 ||
        { cat /tmp/said >&2; exit 1; }
}
compare() {
    name=$1
    shift
    grantscope compare "$@" >/out/$name 2>&1
    echo "$name: $?"
    sed "s/^/$name: /" /out/$name
}
take base
take again
echo dma_alloc_attrs >$trace/set_ftrace_filter || exit
echo 1 >$trace/function_profile_enabled || exit
take slower
echo 0 >$trace/function_profile_enabled
grep -q dma_alloc_attrs $trace/trace_stat/function0 || { echo 'the profiler saw nothing' >&2; exit 1; }
compare same /tmp/base.gsr /tmp/again.gsr --max '*[pages=1 outcome=ok] p50=5%,200ns'
compare slower /tmp/base.gsr /tmp/slower.gsr --max 'export.*[pages=1 outcome=ok] p50=1%'
compare mirrored /tmp/slower.gsr /tmp/base.gsr --max 'export.*[pages=1 outcome=ok] p50=1%'
compare kinds /tmp/base.gsr --arms buffer --max 'export[pages=1 outcome=ok] p50=1%,200ns'
"#;

/// Which comparison, its exit code, and words that its output has to have and must not have.
const EXPECTED: &[(&str, i32, &[&str], &[&str])] = &[
    ("same", 0, &["equivalent", "pass: "], &["\nregressed", "\nimproved", "\ninconclusive"]),
    (
        "slower",
        3,
        &["regressed    export.wc[pages=1]", "regressed    export.coherent[pages=1]", "dma_alloc +", "equivalent   1 more"],
        &["export.pages"],
    ),
    ("mirrored", 0, &["improved     export.wc[pages=1]", "dma_alloc −"], &["regressed"]),
    (
        "kinds",
        3,
        &["wc compared with pages\n", "slower       export[pages=1]", "coherent compared with wc\nequivalent   1 more"],
        &[],
    ),
];

/// All of them in one boot.
pub fn hold(harness: &Harness) -> Result<()> {
    let outcome = harness.passes(harness.full()?, "decisions", &Job::Script(RUNS.into()), Clock::Counted)?;
    let said = outcome.text("stdout").context("nothing was compared")?;
    for &(name, code, has, has_not) in EXPECTED {
        ensure!(said.lines().any(|line| line == format!("{name}: {code}")), "{name} should end with {code}:\n{said}");
        let lines = said.lines().filter_map(|line| line.strip_prefix(&format!("{name}: ")));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        for words in has {
            ensure!(text.contains(words), "{name} should say `{words}`:\n{text}");
        }
        for words in has_not {
            ensure!(!text.contains(words), "{name} should not say `{words}`:\n{text}");
        }
    }
    note!("{} comparisons", EXPECTED.len());
    Ok(())
}
