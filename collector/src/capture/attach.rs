//! Hook by hook: finds the kernel's symbol, loads the programs, attaches them.

use aya::programs::{FEntry, FExit, Program, ProgramError};
use aya::{Btf, Ebpf};
use grantscope_wire::HOOKS;
use grantscope_wire::hook::{Ends, Hook, Need};

use super::CaptureError;
use super::offsets::KernelTypes;
use crate::model::HookStatus;

/// Shows the whole log of a refused program.
const VERIFIER_LOG: &str = "GRANTSCOPE_VERIFIER_LOG";

/// Attaches all hooks; fails only where a required one cannot be.
pub fn all(ebpf: &mut Ebpf, btf: &Btf, types: &KernelTypes) -> Result<Vec<HookStatus>, CaptureError> {
    HOOKS.iter().map(|hook| status(ebpf, btf, types, hook)).collect()
}

fn status(ebpf: &mut Ebpf, btf: &Btf, types: &KernelTypes, hook: &Hook) -> Result<HookStatus, CaptureError> {
    let symbol = hook.symbols.iter().find(|symbol| types.has(symbol)).copied();
    let outcome = match symbol {
        Some(symbol) => attach(ebpf, btf, hook, symbol),
        None => Err(format!("the kernel's BTF has no function {}", hook.symbols.join(" or "))),
    };
    match outcome {
        Err(problem) if hook.need == Need::Required => Err(CaptureError::RequiredHook { hook: hook.id, problem }),
        Err(problem) => {
            Ok(HookStatus { hook: hook.id, attached_by: None, symbol: symbol.map(str::to_owned), problem: Some(problem) })
        }
        Ok(means) => Ok(HookStatus {
            hook: hook.id,
            attached_by: Some(means.to_owned()),
            symbol: symbol.map(str::to_owned),
            problem: None,
        }),
    }
}

/// The return comes first: a return without entry is ignored, an entry without return would stay on the task's stack.
fn attach(ebpf: &mut Ebpf, btf: &Btf, hook: &Hook, symbol: &str) -> Result<&'static str, String> {
    if hook.ends == Ends::Both {
        let exit: &mut FExit = program(ebpf, &format!("{}_exit", hook.stem()))?;
        exit.load(symbol, btf).map_err(|error| chain(&error))?;
        exit.attach().map_err(|error| chain(&error))?;
    }
    let entry: &mut FEntry = program(ebpf, &format!("{}_entry", hook.stem()))?;
    entry.load(symbol, btf).map_err(|error| chain(&error))?;
    entry.attach().map_err(|error| chain(&error))?;
    Ok("fentry")
}

fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<P, String>
where
    P: TryFrom<&'a mut Program>,
{
    let program = ebpf.program_mut(name).ok_or_else(|| format!("the probes have no program {name}"))?;
    P::try_from(program).map_err(|_| format!("the program {name} is of another kind"))
}

/// An error with its causes, on one line. Of a verifier's log only the line that tells; all of it if `VERIFIER_LOG` is set.
fn chain(error: &ProgramError) -> String {
    if let ProgramError::LoadError { io_error, verifier_log } = error {
        let log = verifier_log.to_string();
        let shown = if std::env::var_os(VERIFIER_LOG).is_some() { &log } else { telling_line(&log) };
        return format!("the verifier refused it: {shown} ({io_error}; set {VERIFIER_LOG}=1 to see all of its log)");
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The verifier ends with its complaint, then statistics.
fn telling_line(log: &str) -> &str {
    let statistics = ["verification time", "stack depth", "processed "];
    let mut lines = log.lines().rev().map(str::trim);
    lines.find(|line| !line.is_empty() && !statistics.iter().any(|start| line.starts_with(start))).unwrap_or("it gave no reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_of_a_verifier_log_is_the_complaint() {
        let log = "0: (79) r7 = *(u64 *)(r1 +0)\n34: (67) r1 <<= 32\nR1 pointer arithmetic with <<= operator prohibited\n\
                   verification time 1626 usec\nstack depth 24+0\nprocessed 33 insns (limit 1000000) max_states_per_insn 0\n";
        assert_eq!(telling_line(log), "R1 pointer arithmetic with <<= operator prohibited");
    }

    #[test]
    fn an_empty_verifier_log_is_not_an_empty_reason() {
        assert_eq!(telling_line("\n"), "it gave no reason");
    }
}
