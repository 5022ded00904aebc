//! `cargo xtask bench recorder`: what `grantscope record` costs the machine, seen from outside, in one boot on the counted clock.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};

use super::{document, job};
use crate::{
    boot::console_watch::TIMEOUT,
    cache::Cache,
    fetch::Consent,
    guest::{
        job::{Job, quoted},
        scenario,
    },
    platform::MAIN,
};

/// What dom0 runs.
const SCRIPT: &str = include_str!("../../../guest/measure-recorder");

/// The kernel's functions whose time is counted while the hooks are attached, with what each of them stands for.
const FUNCTIONS: &[(&str, &str)] = &[
    ("__sys_bpf", "bpf(), all of it"),
    ("map_create", "bpf(): maps"),
    ("btf_new_fd", "bpf(): the object's BTF"),
    ("bpf_prog_load", "bpf(): programs"),
    ("bpf_check", "bpf(): programs: the verifier"),
    ("bpf_prog_select_runtime", "bpf(): programs: the compiler"),
    ("bpf_raw_tp_link_attach", "bpf(): links of fentry, fexit and tracepoints"),
    ("bpf_iter_new_fd", "bpf(): links of the census"),
    ("__arm64_sys_perf_event_open", "perf_event_open(): kprobes"),
    ("seq_read_iter", "reading sequential files"),
    ("proc_reg_read", "reading /proc, /proc/kallsyms too"),
    ("sysfs_kf_bin_read", "reading BTF"),
    ("bpf_seq_read", "running the census"),
    ("do_page_fault", "page faults"),
    ("synchronize_rcu", "waiting for RCU"),
    ("synchronize_rcu_tasks", "waiting for RCU of tasks"),
];

/// Arguments of `bench recorder`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder for what the run leaves
    #[arg(long, value_name = "DIR", default_value = "target/bench-recorder")]
    pub out: PathBuf,
    /// The workload's scenario
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep")]
    pub scenario: String,
    /// Other values for the scenario's parameters. Calls have to be short: the kernel charges a recorder that wakes up with the rest of the
    /// call that it interrupts (wakeup_preempt in kernel/sched/core.c, Linux v6.12, leaves the clock as it is)
    #[arg(long, value_name = "NAME=VALUES", default_values_t = ["pages=1".to_owned()])]
    pub set: Vec<String>,
    /// Write the figures into docs/performance.md
    #[arg(long)]
    pub write: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Measures, and prints what came of it.
///
/// # Errors
/// When the lab cannot be set up, or the run fails.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let command = scenario::with_settings(MAIN, &arguments.scenario, &arguments.set)?;
    ensure!(command.files.is_empty(), "bench recorder runs built-in scenarios only");
    let words: Vec<_> = [&command.program].into_iter().chain(&command.arguments).map(|word| quoted(word)).collect();
    let functions: Vec<_> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
    let script = SCRIPT.replace("FUNCTIONS", &functions.join(" ")).replace("WORKLOAD", &words.join(" "));
    let lab = job::lab(&Cache::open()?, Consent::new(arguments.yes))?;
    let outcome = job::run(&lab, &Job::Script(script), TIMEOUT, &arguments.out)?;
    let operations = operations(&outcome.required("said")?)?;
    let measured = report(&Marks::read(&outcome.required("marks")?)?, operations)?;
    let text = format!("{measured}{}", time_in_kernel(&outcome.required("functions")?));
    print!("{text}");
    if arguments.write {
        document::write("recorder", &format!("```text\n{text}```"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The count in what the recorder said at its end.
fn operations(said: &str) -> Result<u64> {
    let line = said.lines().find_map(|line| line.split_once(" operations recorded, 0 lost"));
    let count = line.and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
    count.with_context(|| format!("the recorder did not say how many operations it recorded without loss: {said}"))
}

/// What the script noted, by moment and name; what was unknown is not there.
struct Marks(BTreeMap<String, BTreeMap<String, u64>>);

impl Marks {
    fn read(text: &str) -> Result<Self> {
        let mark = |line: &str| {
            let mut words = line.strip_prefix("mark ")?.split(' ');
            let moment = words.next()?.to_owned();
            let values = words
                .filter_map(|word| word.split_once('='))
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
            Some((moment, values.collect()))
        };
        let marks = text.lines().map(|line| mark(line).with_context(|| format!("no mark: {line:?}")));
        marks.collect::<Result<_>>().map(Self)
    }

    fn at(&self, moment: &str, name: &str) -> Result<u64> {
        let value = self.0.get(moment).and_then(|values| values.get(name));
        value.copied().with_context(|| format!("{name} was not noted when the recorder had {moment}"))
    }

    /// How much it grew between two moments.
    fn between(&self, from: &str, to: &str, name: &str) -> Result<f64> {
        Ok((self.at(to, name)? - self.at(from, name)?) as f64)
    }
}

/// The measures, as a table.
fn report(marks: &Marks, operations: u64) -> Result<String> {
    let mib = |moment, name| Ok::<_, anyhow::Error>(marks.at(moment, name)? as f64 / 1024.0);
    let ms = |name| Ok::<_, anyhow::Error>(marks.between("started", "attached", name)? / 1e3);
    let idle = marks.between("recording", "idle", "cpu_us")? / (marks.between("recording", "idle", "ns")? / 1e9);
    let working = marks.between("idle", "worked", "cpu_us")?;
    let without = idle * marks.between("idle", "worked", "ns")? / 1e9;
    Ok(format!(
        "clock: instructions, 2 ns each\n\
         from the command to attached: {:.0} ms (on the processor {:.0} ms, of which {:.0} ms in the kernel)\n\
         memory, attached: {:.1} MiB, at most {:.1} MiB\n\
         memory, recording: {:.1} MiB, idle {:.1} MiB, after the workload {:.1} MiB, at most {:.1} MiB\n\
         CPU without operations: {:.0} us a second\n\
         CPU per operation: {:.2} us ({operations} operations), beside what it takes without any\n\
         CPU from the signal to the end: {:.0} ms\n",
        marks.between("started", "attached", "ns")? / 1e6,
        ms("cpu_us")?,
        ms("system_us")?,
        mib("attached", "rss_kb")?,
        mib("attached", "peak_kb")?,
        mib("recording", "rss_kb")?,
        mib("idle", "rss_kb")?,
        mib("worked", "rss_kb")?,
        mib("worked", "peak_kb")?,
        idle,
        (working - without) / operations as f64,
        marks.between("worked", "ended", "cpu_us")? / 1e3,
    ))
}

/// The profiler's lines, `function hits time us …`, of all processors.
fn time_in_kernel(profile: &str) -> String {
    let mut lines = "in the kernel until attached (profiled in a second start, in which everything is slower):\n".to_owned();
    for (function, about) in FUNCTIONS {
        let row =
            profile.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|words| words.first() == Some(function));
        let (hits, us) = row.as_deref().and_then(|words| Some((*words.get(1)?, *words.get(2)?))).unwrap_or(("0", "0"));
        let ms = us.parse::<f64>().unwrap_or_default() / 1e3;
        lines += &format!("{ms:10.1} ms {hits:>7} calls  {function}: {about}\n");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_unknown_is_an_error_and_not_zero() {
        let marks = Marks::read("mark started ns=5 rss_kb=?\nmark attached ns=9 rss_kb=1").unwrap();
        assert_eq!(marks.between("started", "attached", "ns").unwrap(), 4.0);
        assert!(marks.at("started", "rss_kb").is_err());
    }

    #[test]
    fn operations_are_counted_only_where_none_was_lost() {
        assert_eq!(operations("grantscope: 40 of 50 hooks attached\ngrantscope: 12 operations recorded, 0 lost\n").unwrap(), 12);
        assert!(operations("grantscope: 12 operations recorded, 3 lost\n").is_err());
    }
}
