//! A scenario that is recorded under the kernel's own trace of an event, and the lines of that.

use std::fs;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::model::Operation;
use grantscope_wire::Detail;

use super::{
    harness::Harness,
    recorded::{Recorded, truth},
};
use crate::{
    boot::run::Outcome,
    guest::job::{Command, Job},
    platform::Platform,
};

/// What is recorded, and by which event the kernel traces it.
pub struct Load {
    /// The event's group and name.
    pub event: [&'static str; 2],
    /// The scenario file.
    pub scenario: &'static str,
    /// How much is watched.
    pub detail: Detail,
    /// What the job does behind it.
    pub afterwards: &'static str,
}

/// What became of it: the recording agrees with the truth.
pub struct Traced {
    /// The recording.
    pub recorded: Recorded,
    /// What else the job has left.
    pub outcome: Outcome,
    event: &'static str,
    trace: String,
}

const JOB: &str = r#"
tracing=/sys/kernel/tracing
event=$tracing/events/GROUP/EVENT
echo mono >$tracing/trace_clock && echo 8192 >$tracing/buffer_size_kb && echo 1 >$event/enable || exit
grantscope record -o /out/traced.gsr --clock counted --detail DETAIL -- \
    grantscope-workload run --peer 1 --scenario /job/traced.toml --truth /out/traced.json >/out/traced.said 2>&1 || exit
echo 0 >$event/enable
grep EVENT $tracing/trace >/out/trace
grep -h overrun $tracing/per_cpu/cpu*/stats >/out/overrun
"#;

impl Traced {
    /// Runs the load on a platform.
    ///
    /// # Errors
    /// When the run does not end well, its recording differs from the truth, or the kernel's trace is not whole.
    pub fn run(harness: &Harness, name: &str, platform: &'static Platform, load: &Load) -> Result<Self> {
        let out = harness.out(name);
        let scenario = out.with_extension("toml");
        fs::write(&scenario, load.scenario).with_context(|| format!("cannot write {scenario:?}"))?;
        let [group, event] = load.event;
        let text = JOB.replace("GROUP", group).replace("EVENT", event).replace("DETAIL", load.detail.name()) + load.afterwards;
        let files = vec![("traced.toml".to_owned(), scenario)];
        let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["-c", &text]) });
        let outcome = harness.passes(&harness.lab(platform)?, name, &job, platform.clock(None)?)?;
        let recorded = Recorded::read(&out.join("traced.gsr"))?;
        recorded.agrees_with(&truth(&out.join("traced.json"))?)?;
        let overrun = outcome.required("overrun")?;
        ensure!(overrun.lines().all(|line| line.ends_with("overrun: 0")), "the kernel's trace was too small: {overrun}");
        let trace = outcome.required("trace")?;
        Ok(Self { recorded, outcome, event, trace })
    }

    /// What the kernel traced.
    ///
    /// # Errors
    /// When that is something else.
    pub fn lines(&self) -> Result<Vec<Line<'_>>> {
        self.trace.lines().map(|line| Line::read(line, self.event)).collect()
    }
}

/// A line of an event, by the monotonic clock: `  name-67  [000] .....  1.500000: swiotlb_bounced: dev_name: … size=16384 NORMAL`.
#[derive(Debug)]
pub struct Line<'a> {
    tid: u32,
    at_us: u64,
    fields: &'a str,
}

impl<'a> Line<'a> {
    fn read(line: &'a str, event: &str) -> Result<Self> {
        let read = || {
            let (before, fields) = line.split_once(&format!(": {event}: "))?;
            let (task, rest) = before.rsplit_once(" [")?;
            let tid = task.trim().rsplit_once('-')?.1.parse().ok()?;
            let (seconds, micros) = rest.split_whitespace().next_back()?.split_once('.')?;
            let at_us = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
            Some(Self { tid, at_us, fields })
        };
        read().with_context(|| format!("no line of {event}: {line:?}"))
    }

    /// What stands behind `NAME=`.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether the operation's thread passed it during the operation. The trace has whole microseconds.
    pub fn is_within(&self, operation: &Operation) -> bool {
        let during = operation.start_ns / 1_000..=(operation.start_ns + operation.duration_ns) / 1_000;
        self.tid == operation.tid && during.contains(&self.at_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_thread_a_time_and_fields() {
        let text =
            "  a [b]-67      [000] .....     1.500007: swiotlb_bounced: dev_name: importer dev_addr=7f000 size=8192 NORMAL";
        let line = Line::read(text, "swiotlb_bounced").unwrap();
        assert_eq!((line.tid, line.at_us, line.field("size"), line.field("siz")), (67, 1_500_007, Some("8192"), None));
        assert!(Line::read(text, "cma_alloc_finish").is_err());
    }
}
