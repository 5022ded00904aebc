//! `cargo xtask bench probes`: how large every program is: its instructions, its stack, and what the verifier has to walk.

mod stack;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use grantscope_wire::HOOKS;

use super::{
    document::PROBES,
    job::{self, Script},
};
use crate::{
    boot::console_watch::TIMEOUT,
    cache::Cache,
    fetch::Consent,
    lab::Lab,
    place,
    platform::{self, MAIN},
};

/// What dom0 runs.
const SCRIPT: &str = include_str!("../../../../guest/measure-probes");
/// The platform whose kernel takes the programs for kernels before 5.18.
const OLDEST: &str = "arm64-ours-5.10";
/// An instruction of arm64, in bytes; one of BPF.
const ARM64_BYTES: u32 = 4;
const BPF_BYTES: u32 = 8;
/// How much larger a program may be than documented, as a share.
const WITHIN: f64 = 0.02;

/// Arguments of `bench probes`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Measure the programs for kernels before 5.18 instead, on the oldest kernel of the lab
    #[arg(long)]
    pub early: bool,
    /// Write the table into docs/probes.md
    #[arg(long)]
    pub write: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Measures, and prints the table.
///
/// # Errors
/// When the lab cannot be set up, or the run fails.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (platform, name) = if arguments.early { (platform::named(OLDEST)?, "early probes") } else { (MAIN, "probes") };
    let programs = measure(&job::lab_of(&Cache::open()?, Consent::new(arguments.yes), platform)?)?;
    let table = table(&programs);
    println!("{table}");
    if arguments.write {
        PROBES.write(name, &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    name: String,
    /// Instructions of the processor.
    compiled: u32,
    /// Instructions of BPF, after the verifier.
    bpf: u32,
    stack_bytes: u32,
    /// Instructions that the verifier walked; `None`: the kernel does not say, as none before 5.16.
    verified: Option<u32>,
}

/// Boots, and asks the kernel.
///
/// # Errors
/// When the run fails.
pub fn measure(lab: &Lab) -> Result<Vec<Program>> {
    let out = place::work_tree().join("target/bench-probes");
    let script = Script { text: SCRIPT, files: &[], programs: &["programs"] };
    let outcome = job::run(lab, &script.job(&out)?, TIMEOUT, &out)?;
    parse(&outcome.required("programs")?)
}

/// What lab/guest/programs.c wrote, the largest first.
fn parse(text: &str) -> Result<Vec<Program>> {
    let all = text.lines().map(|line| program(line).with_context(|| format!("no description of a program: {line:?}")));
    let mut programs = all.collect::<Result<Vec<_>>>()?;
    // Another's, and the collector's own that ask what the kernel can do.
    programs.retain(|program| HOOKS.iter().any(|hook| program.name.starts_with(hook.stem())));
    ensure!(!programs.is_empty(), "no program has the name of a hook");
    programs.sort_by(|one, other| other.compiled.cmp(&one.compiled).then_with(|| one.name.cmp(&other.name)));
    Ok(programs)
}

fn program(line: &str) -> Option<Program> {
    let words: Vec<_> = line.split(' ').collect();
    let &[name, compiled, bpf, verified, instructions] = &words[..] else { return None };
    let bytes = |at: usize| u8::from_str_radix(instructions.get(at..at + 2)?, 16).ok();
    let instructions = (0..instructions.len()).step_by(2).map(bytes).collect::<Option<Vec<_>>>()?;
    Some(Program {
        name: name.to_owned(),
        compiled: compiled.parse::<u32>().ok()? / ARM64_BYTES,
        bpf: bpf.parse::<u32>().ok()? / BPF_BYTES,
        stack_bytes: stack::depth(&instructions),
        verified: verified.parse().ok().map(|count| (count > 0).then_some(count))?,
    })
}

/// As Markdown.
fn table(programs: &[Program]) -> String {
    let mut lines = vec![
        "| program | arm64 instructions | BPF instructions | stack at most, bytes | verified |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    lines.extend(programs.iter().map(Program::line));
    let sum = |of: fn(&Program) -> u32| programs.iter().map(of).sum::<u32>();
    let most = |of: fn(&Program) -> u32| programs.iter().map(of).max().unwrap_or_default();
    let verified: Option<u32> = programs.iter().map(|program| program.verified).sum();
    lines.push(format!(
        "\n{} programs: {} arm64 instructions, {} of BPF, at most {} bytes of stack{}.",
        programs.len(),
        sum(|program| program.compiled),
        sum(|program| program.bpf),
        most(|program| program.stack_bytes),
        verified.map_or(String::new(), |count| format!("; the verifier walks {count}")),
    ));
    lines.join("\n")
}

impl Program {
    fn line(&self) -> String {
        let Self { name, compiled, bpf, stack_bytes, verified } = self;
        let verified = verified.map_or("–".to_owned(), |count| count.to_string());
        format!("| `{name}` | {compiled} | {bpf} | {stack_bytes} | {verified} |")
    }

    /// In words: what is wrong with it, beside what the document says of it.
    fn complaint(&self, documented: Option<f64>) -> Option<String> {
        let Self { name, compiled, .. } = self;
        match documented {
            None => Some(format!("{name} is not in docs/probes.md")),
            Some(documented) if f64::from(*compiled) > documented * (1.0 + WITHIN) => {
                Some(format!("{name} has {compiled} arm64 instructions, and docs/probes.md says {documented}"))
            }
            Some(_) => None,
        }
    }
}

/// What is wrong with the programs, beside what docs/probes.md says of them.
pub fn complaints(programs: &[Program]) -> Vec<String> {
    let documented = |program: &Program| PROBES.row(&format!("`{}`", program.name)).ok()?.first().copied();
    programs.iter().filter_map(|program| program.complaint(documented(program))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ioctl() -> Program {
        Program { name: "gntdev_ioctl_entry".to_owned(), compiled: 100, bpf: 1, stack_bytes: 0, verified: Some(40) }
    }

    #[test]
    fn a_line_is_a_program_and_only_programs_of_hooks_count() {
        let text = "gntdev_ioctl_entry 400 8 40 9500000000000000\ncensus_maps 400 8 2 9500000000000000";
        assert_eq!(parse(text).unwrap(), [ioctl()]);
        let unsaid = Program { verified: None, ..ioctl() };
        let table = table(&parse("gntdev_ioctl_entry 400 8 0 9500000000000000").unwrap());
        assert!(table.contains(&unsaid.line()) && unsaid.line().ends_with("| – |") && !table.contains("verifier walks"));
        assert!(parse("gntdev_ioctl_entry 400 8 40").is_err());
        assert!(parse("census_maps 400 8 2 9500000000000000").is_err());
    }

    #[test]
    fn a_program_may_grow_by_a_fiftieth_and_has_to_be_documented() {
        assert_eq!((ioctl().complaint(Some(99.0)), ioctl().complaint(Some(120.0))), (None, None));
        assert!(ioctl().complaint(Some(98.0)).unwrap().starts_with("gntdev_ioctl_entry has 100 arm64 instructions"));
        assert!(ioctl().complaint(None).unwrap().contains("is not in docs/probes.md"));
    }
}
