//! `cargo xtask bench overhead --peers`: what the kernel's own tracers and other profilers add to the same calls, at the functions that
//! grantscope hooks.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use grantscope_wire::{Detail, HOOKS, hook::Ends};

use super::{
    actions::{ACTIONS, SCENARIO, actions_us},
    row::{Row, table},
};
use crate::{
    cache::Cache,
    commands::bench::{
        job::{self, Script},
        medians::Medians,
    },
    fetch::linked::{self, Choice},
    guest::job::Job,
    lab::Lab,
    place,
    platform::MAIN,
};

/// What dom0 runs.
const SCRIPT: &str = include_str!("../../../../guest/measure-peers");

/// How long the guest may be silent: bpftrace compiles under emulation.
const PATIENCE: Duration = Duration::from_secs(240);

/// The names of its runs, and of the rows.
const PEERS: [(&str, &str); 7] = [
    ("grantscope", "grantscope, `--detail stages`"),
    ("profiler", "function profiler (`function_profile_enabled`)"),
    ("graph", "`function_graph`, with `set_ftrace_filter`"),
    ("kprobes", "kprobe and kretprobe events (`kprobe_events`)"),
    ("bpftrace", "bpftrace, fentry and fexit, a histogram of each"),
    ("funclatency", "bcc's funclatency (libbpf-tools), one for each function"),
    ("perf", "`perf ftrace latency`, of `gntdev_ioctl` alone"),
];

/// Those that are not the kernel's, of a suite of Debian's that gets no other versions any more.
const PROFILERS: Choice<'_> = Choice {
    name: "profilers",
    suite: "trixie",
    packages: &["bpftrace", "libbpf-tools", "linux-perf"],
    programs: &["usr/bin/bpftrace", "usr/sbin/funclatency-libbpf", "usr/bin/perf"],
};

/// One boot, as Markdown.
///
/// # Errors
/// When the run fails.
pub fn measure(cache: &Cache, lab: &Lab) -> Result<String> {
    let out = place::work_tree().join("target/bench-peers");
    let text = SCRIPT.replace("FUNCTIONS", &functions().join(" "));
    let script = Script { text: &text, files: &[("overhead.toml", SCENARIO)], programs: &[] };
    let mut command = script.command(&out)?;
    command.files.extend(files(&linked::ensure(cache, MAIN.architecture, &PROFILERS)?)?);
    job::run(lab, &Job::Bare(command), PATIENCE, &out)?;
    let of = |name: &str| actions_us(&Medians::read(&out.join(name).with_extension("json"))?);
    let row = |(name, heading): (&str, &str)| Ok(Row::new(heading.to_owned(), [of("before")?, of(name)?, of("after")?], vec![]));
    let rows = PEERS.into_iter().map(row).collect::<Result<Vec<_>>>()?;
    let table = table("µs added to the calls, one page", &ACTIONS.map(|action| action.name), &[], &rows);
    Ok(format!("{table}\n\nAt {} functions.", functions().len()))
}

/// All files of a tree, by their names.
fn files(tree: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(tree).with_context(|| format!("cannot look into {tree:?}"))? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => files.extend(self::files(&entry.path())?),
            false => files.push((entry.file_name().to_string_lossy().into_owned(), entry.path())),
        }
    }
    Ok(files)
}

/// What grantscope hooks with `--detail stages`. A function's name is first that of arm64.
fn functions() -> Vec<&'static str> {
    let hooks = HOOKS.iter().filter(|hook| hook.ends != Ends::Tracepoint && hook.is_watched_at(Detail::Stages));
    hooks.filter_map(|hook| hook.symbols.first().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_are_those_of_arm64_without_tracepoints_and_without_what_only_full_watches() {
        let functions = functions();
        assert!(functions.contains(&"__arm64_sys_munmap") && functions.contains(&"gnttab_map_refs"), "{functions:?}");
        assert!(!functions.contains(&"contention_begin") && !functions.contains(&"gntdev_add_map"), "{functions:?}");
    }
}
