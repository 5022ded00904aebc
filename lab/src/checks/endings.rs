//! A recording ends when it is told to, whoever reads it and whatever its command does, and says how it ended.

use anyhow::{Context, Result, ensure};

use super::harness::Harness;
use crate::{guest::job::Job, platform::Clock};

/// Each case prints its name, the exit status, how many milliseconds the end took, and the last line that grantscope said.
const CASES: &str = r#"
now_ms() { read -r seconds _ </proc/uptime; echo "${seconds%.*}${seconds#*.}0"; }
begin() {
    name=$1
    shift
    "$@" 2>"/tmp/$name" &
    recorder=$!
    until grep -q 'hooks attached' "/tmp/$name"; do kill -0 $recorder || { cat "/tmp/$name" >&2; exit 1; }; sleep 0.1; done
    sleep 1
}
ended() {
    before=$(now_ms)
    wait $recorder
    status=$?
    echo "$name: $status: $(($(now_ms) - before)): $(grep '^grantscope:' "/tmp/$name" | tail -n 1)"
}
work() { grantscope-workload run --self --pages 1 --iterations 1500 --pause 0 --truth /tmp/truth.json >/dev/null 2>&1; }

mkfifo /tmp/fifo
# Somebody opens it, and never reads.
sleep 1000 </tmp/fifo &
reader=$!
begin stalled grantscope record -o /tmp/fifo --clock counted
work
kill -INT $recorder
ended

begin stalled-command grantscope record -o /tmp/fifo --clock counted -- grantscope-workload run --self --pages 1 --iterations 1500 --pause 0 --truth /tmp/truth.json
ended

begin stalled-twice grantscope record -o /tmp/fifo --clock counted -- sh -c 'trap "" TERM; while :; do sleep 0.1; done'
kill -INT $recorder
sleep 0.5
kill -INT $recorder
ended
kill $reader

gone() { { grantscope record -o - --clock counted "$@" 2>/tmp/gone; echo $? >/tmp/status; } | head -c 100 >/dev/null; }
told() { echo "$1: $(cat /tmp/status): 0: $(grep '^grantscope:' /tmp/gone | tail -n 1)"; }
gone -- sh -c 'sleep 3; echo >/tmp/finished'
told gone
[ -e /tmp/finished ] && echo 'finished: 1: 0: the command went on'
gone --keep-going -- sh -c 'sleep 3; echo >/tmp/finished; exit 7'
told keeps-going
[ -e /tmp/finished ] && echo 'keeps-going-to-its-end: 0: 0: the command went on'

# As nohup has it.
trap '' HUP
begin hangup grantscope record -o /tmp/recording --clock counted
kill -HUP $recorder
sleep 1
kill -0 $recorder && echo 'hangup-ignored: 0: 0: it goes on'
kill -TERM $recorder
ended
trap - HUP
begin hangup-taken grantscope record -o /tmp/recording --clock counted
kill -HUP $recorder
ended

begin kprobes grantscope record --attach kprobe -o /tmp/recording --clock counted
kill -TERM $recorder
ended
"#;

/// An end takes as long as the kernel takes to detach all hooks: nearly all of it are waits for RCU, one for each.
const DETACHED_MS: u64 = 5_000;
/// Those for kprobes are shared.
const KPROBES_DETACHED_MS: u64 = 2_000;

/// Case, exit status, the most milliseconds, and what that line says.
const EXPECTED: &[(&str, i32, u64, &str)] = &[
    ("stalled", 1, DETACHED_MS, "whoever reads the recording takes nothing any more: the last "),
    ("stalled-command", 1, 60_000, "whoever reads the recording takes nothing any more: the last "),
    ("stalled-twice", 1, DETACHED_MS, "whoever reads the recording takes nothing any more: the last "),
    (
        "gone",
        1,
        0,
        "whoever read the recording is gone: nothing more was recorded, and COMMAND was ended; with --keep-going it goes on",
    ),
    ("keeps-going", 7, 0, "the recording could not be written to its end (Broken pipe (os error 32)): it is cut short"),
    ("keeps-going-to-its-end", 0, 0, "the command went on"),
    ("hangup-ignored", 0, 0, "it goes on"),
    ("hangup", 0, DETACHED_MS, "nobody mapped or granted anything meanwhile"),
    ("hangup-taken", 0, DETACHED_MS, "nobody mapped or granted anything meanwhile"),
    ("kprobes", 0, KPROBES_DETACHED_MS, "nobody mapped or granted anything meanwhile"),
];

/// Runs all cases in one boot.
pub fn come_when_they_are_told(harness: &Harness) -> Result<()> {
    let outcome = harness.passes(harness.full()?, "endings", &Job::Script(CASES.into()), Clock::Counted)?;
    let said = outcome.text("stdout").context("the cases printed nothing")?;
    ensure!(!said.contains("finished: 1"), "a command went on that should have been ended:\n{said}");
    for &(case, status, most_ms, words) in EXPECTED {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("{case}: ")));
        let line = line.with_context(|| format!("the case {case} did not run:\n{said}"))?;
        let mut parts = line.splitn(3, ": ");
        let (got, took_ms, text) = (parts.next(), parts.next().and_then(|ms| ms.parse::<u64>().ok()), parts.next());
        ensure!(got == Some(&status.to_string()), "{case}: exit status {status} was expected: {line}");
        ensure!(took_ms.is_some_and(|ms| ms <= most_ms), "{case}: it may take {most_ms} ms: {line}");
        ensure!(text.is_some_and(|text| text.contains(words)), "{case} should say `{words}`: {line}");
    }
    note!("{} endings", EXPECTED.len());
    Ok(())
}
