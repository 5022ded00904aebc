//! `cargo xtask bench modules`: what recording adds to calls where gntdev is a module, by what its functions are hooked with.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};

use super::{
    document,
    job::{self, Script},
    medians::Medians,
};
use crate::{
    boot::console_watch::TIMEOUT,
    cache::Cache,
    checks::{modules::attached_by, recorded::Recorded},
    fetch::Consent,
    place, platform,
    platform::Platform,
};

/// What dom0 runs.
const SCRIPT: &str = include_str!("../../../guest/measure-modules");
/// How often each call is made.
const CALLS: usize = 300;
/// Stock kernels that have fentry.
const PLATFORMS: [&str; 2] = ["x86-pv", "arm64-16k"];
/// The calls of an action.
const CALLED: [&str; 4] = ["map", "mmap", "munmap", "unmap"];
/// The ways, by the names of what they leave: in words, and what functions in modules and others are attached by.
const WAYS: [(&str, &str, [&str; 2]); 3] = [
    ("fentry", "fentry, in modules too", ["fentry", "fentry"]),
    ("kprobes-in-modules", "kprobes in modules, fentry elsewhere", ["kprobe", "fentry"]),
    ("kprobes", "kprobes alone", ["kprobe", "kprobe"]),
];

/// Arguments of `bench modules`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write the table into docs/performance.md
    #[arg(long)]
    pub write: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Measures, and prints the table.
///
/// # Errors
/// When the lab cannot be set up, or a run fails.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (cache, consent) = (Cache::open()?, Consent::new(arguments.yes));
    let mut lines = vec![
        "| platform | hooked by | functions in modules, others | µs added to the calls, one page | drift |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    for name in PLATFORMS {
        lines.extend(measure(&cache, consent, platform::named(name)?)?);
    }
    let table = lines.join("\n");
    println!("\n{table}");
    if arguments.write {
        document::write("modules", &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One boot: the rows of a platform.
fn measure(cache: &Cache, consent: Consent, platform: &'static Platform) -> Result<Vec<String>> {
    let out = place::work_tree().join("target/bench-modules").join(platform.name);
    let lab = job::lab_of(cache, consent, platform)?;
    let text = SCRIPT.replace("COUNT", &CALLS.to_string());
    job::run(&lab, &Script { text: &text, files: &[], programs: &[] }.job(&out)?, TIMEOUT, &out)?;
    let sum = |name: &str| -> Result<f64> {
        let medians = Medians::read(&out.join(name).with_extension("json"))?;
        CALLED.iter().map(|op| medians.us(op, "pages", 1)).sum()
    };
    let (alone, again) = (sum("before")?, sum("after")?);
    let drift = (again - alone).abs();
    let mut rows = vec![format!("| `{}` | not recorded | | ({alone:.1}) | |", platform.name)];
    for (file, name, means) in WAYS {
        let (hooks, added) = (hooks(&out, file, means)?, sum(file)? - alone);
        let share = added / alone * 100.0;
        rows.push(format!("| `{}` | {name} | {hooks} | {added:.2} (+{share:.0} %) | {drift:.2} |", platform.name));
    }
    Ok(rows)
}

/// How many functions were hooked, in modules and elsewhere: as is said, or the row would not be of that.
fn hooks(out: &Path, file: &str, [in_modules, elsewhere]: [&str; 2]) -> Result<String> {
    let recorded = Recorded::read(&out.join(file).with_extension("gsr"))?;
    let [of_modules, others] = attached_by(recorded.environment()?, in_modules, elsewhere).context(file.to_owned())?;
    Ok(format!("{of_modules}, {others}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_one_that_the_script_records() {
        assert!(WAYS.iter().all(|(file, ..)| SCRIPT.contains(&format!("recorded {file} "))));
        assert_eq!(SCRIPT.matches("\nrecorded ").count(), WAYS.len());
        assert!(SCRIPT.contains("COUNT"));
    }
}
