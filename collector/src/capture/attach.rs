//! Hook by hook: finds the kernel's symbol, loads the programs, attaches them.

use aya::programs::{FEntry, FExit, Program};
use aya::{Btf, Ebpf};
use grantscope_wire::HOOKS;
use grantscope_wire::hook::{Ends, Hook, Need};

use super::CaptureError;
use super::offsets::KernelTypes;
use crate::model::HookStatus;

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

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
