//! `grantscope bench` again and again on the real thing: so many runs, until what is asked is decided, and what is slower is found.

use anyhow::{Context, Result, ensure};

use super::harness::Harness;
use crate::{guest::job::Job, platform::Clock};

/// Each case prints its name and exit status, and its output behind its name.
const CASES: &str = r#"
trace=/sys/kernel/tracing
mount -t tracefs tracefs $trace 2>/dev/null
bench() {
    name=$1
    shift
    grantscope bench --clock counted --attach kprobe --peer 1 "$@" -- --pages 1 --buffers pages,wc --iterations 60 >/tmp/said 2>&1
    echo "$name: $?"
    sed "s/^/$name: /" /tmp/said
}
judged() {
    limit=$1
    shift
    bench "$@" --against /tmp/base --until-decided --max-time 100s --max "export.*[outcome=ok] p50=$limit"
}
bench base --runs 5 --out /tmp/base
echo "folders: $(cd /tmp/base && find . -type f | sort | tr '\n' ' ')"
echo "seeds: $(sed -n 's/.*"seed": *\([0-9]*\).*/\1/p' /tmp/base/*/truth.json | sort -u | tr '\n' ' ')"
judged 4% same --out /tmp/same
bench kinds --arms buffer --max 'export[outcome=ok] p50=5%' --out /tmp/kinds
bench old --runs 2 --out /tmp/base
echo dma_alloc_attrs >$trace/set_ftrace_filter || exit
echo 1 >$trace/function_profile_enabled || exit
judged 2% slower --out /tmp/slower
"#;

/// Which case, its exit status, and words that its output has to have.
const EXPECTED: &[(&str, i32, &[&str])] = &[
    ("base", 0, &["run 1 of 5", "run 5 of 5", "5 runs are in folders of /tmp/base"]),
    ("same", 0, &["all 2 are decided", "equivalent", "pass: "]),
    ("kinds", 3, &["wc compared with pages", "slower       export"]),
    ("old", 1, &["is of an earlier run, and would be taken for one of these"]),
    ("slower", 3, &["regressed    export.wc", "dma_alloc +"]),
];

/// All of them in one boot.
pub fn hold(harness: &Harness) -> Result<()> {
    let outcome = harness.passes(harness.full()?, "repeated", &Job::Script(CASES.into()), Clock::Counted)?;
    let said = outcome.text("stdout").context("nothing was run")?;
    for &(name, status, has) in EXPECTED {
        ensure!(said.lines().any(|line| line == format!("{name}: {status}")), "{name} should end with {status}:\n{said}");
        let prefix = format!("{name}: ");
        let text: String = said.lines().filter_map(|line| line.strip_prefix(&prefix)).map(|line| format!("{line}\n")).collect();
        for words in has {
            ensure!(text.contains(words), "{name} should say `{words}`:\n{text}");
        }
    }
    let files = ["recording.gsr", "results.csv", "truth.json", "workload.log"];
    let folders: String = ["1", "2", "3", "4", "5"].iter().flat_map(|run| files.map(|file| format!("./{run}/{file} "))).collect();
    for expected in [format!("folders: {folders}"), "seeds: 1 2 3 4 5 ".to_owned()] {
        ensure!(said.lines().any(|line| line == expected), "there should be `{expected}`:\n{said}");
    }
    note!("{} cases", EXPECTED.len());
    Ok(())
}
