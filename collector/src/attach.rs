//! Hook by hook: finds the kernel's function, loads the programs, attaches them in the best mode that this kernel supports.
//!
//! fentry and fexit cost the least, and need BTF of the function and a kernel that can call BPF directly from it (arm64: 6.4).
//! kprobe and kretprobe reach the rest: modules that the kernel does not describe, suffixed symbols, older kernels.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::thread;

use aya::programs::{FEntry, FExit, KProbe, Program, ProgramError, RawTracePoint};
use aya::{Btf, Ebpf};
use grantscope_wire::hook::{Ends, Hook, Need};
use grantscope_wire::{Detail, HOOKS, HookId};

use crate::btf::KernelTypes;
use crate::cost::Means;
use crate::kretprobe::{Kretprobe, Tracefs};
use crate::object::Made;
use crate::preemption::Preemption;
use crate::symbols::{Symbol, Symbols, Wanted};
use crate::tracing::{self, Target, Tracing};
use crate::{CaptureError, handover, signature};
use grantscope_analysis::error_chain;
use grantscope_analysis::model::AttachMode;
use grantscope_analysis::model::HookStatus;

/// Shows the whole log of a refused program.
const VERIFIER_LOG: &str = "GRANTSCOPE_VERIFIER_LOG";

/// `attached_by` of a hook that has fentry, and fexit where both ends are watched.
const FENTRY: &str = "fentry";
/// `attached_by` of a hook that has a kprobe, and a kretprobe where both ends are watched.
const KPROBE: &str = "kprobe";

/// `attached_by` of a hook that is a tracepoint.
const TRACEPOINT: &str = "raw tracepoint";

/// The kernel's functions that hooks are attached to.
pub fn wanted() -> Wanted {
    let functions = HOOKS.iter().filter(|hook| hook.ends != Ends::Tracepoint);
    Wanted { functions: functions.map(|hook| hook.symbols).collect(), ..Wanted::default() }
}

/// The means that `attached_by` names; `None`: none of those that a function's programs have.
pub fn means(attached_by: &str) -> Option<Means> {
    match attached_by {
        FENTRY => Some(Means::Fentry),
        KPROBE => Some(Means::Kprobe),
        _ => None,
    }
}

/// What became of the hooks.
pub struct Attached {
    /// Of each.
    pub status: Vec<HookStatus>,
    /// What is attached otherwise than by the object's own links.
    pub apart: Apart,
}

/// What aya does not attach. Dropping it detaches it.
#[derive(Default)]
pub struct Apart {
    kretprobes: Vec<Kretprobe>,
    in_modules: Vec<tracing::Attached>,
}

impl Apart {
    /// The programs of a hook that aya does not know.
    pub fn programs(&self, hook: HookId) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.in_modules.iter().filter(move |program| program.hook == hook).map(AsFd::as_fd)
    }
}

/// The programs of fentry that hooks in modules have, where the kernel describes these.
pub fn in_modules(types: &KernelTypes, symbols: &Symbols) -> BTreeSet<String> {
    let is_described = |symbol: &Symbol| symbol.module.as_deref().is_some_and(|module| types.describes(module));
    let hooks = HOOKS.iter().filter(|hook| hook.ends != Ends::Tracepoint && found(symbols, hook).is_some_and(is_described));
    hooks.flat_map(|hook| ["entry", "exit"].map(|end| name(hook, end))).collect()
}

/// The function that a hook is attached to.
fn found<'a>(symbols: &'a Symbols, hook: &Hook) -> Option<&'a Symbol> {
    hook.symbols.iter().find_map(|name| symbols.find(name))
}

/// How hooks are attached, and which.
pub struct Ways {
    /// Which programs there are.
    pub made: Made,
    /// What was asked for.
    pub mode: AttachMode,
    /// What is watched.
    pub detail: Detail,
}

/// Attaches all hooks that are watched at this detail; fails only where a required one cannot be. `tracing` has the programs that
/// [`in_modules`] names.
pub fn all(
    ebpf: &mut Ebpf,
    tracing: Tracing,
    btf: &Btf,
    types: &KernelTypes,
    symbols: &Symbols,
    ways: &Ways,
) -> Result<Attached, CaptureError> {
    let detail = ways.detail;
    let hooks = || HOOKS.iter().filter(|hook| hook.is_watched_at(detail));
    let without_fentry = without_fentry(ways);
    let without_fentry_in_modules = without_fentry.clone();
    let tracefs = LazyCell::new(Tracefs::find as fn() -> _);
    let apart = Apart::default();
    let mut attacher = Attacher { ebpf, tracing, btf, types, detail, without_fentry, without_fentry_in_modules, tracefs, apart };
    let status = hooks().map(|hook| attacher.status(symbols, hook)).collect::<Result<_, _>>()?;
    Ok(Attached { status, apart: attacher.apart })
}

/// How many programs are detached at the same time. The wait for RCU of each kprobe (`unregister_kprobes`, kernel/kprobes.c, v6.12) is in no
/// lock, so they share it: 1.1 s for 2.1 s in the lab. Functions of fentry wait one after another (`unregister_ftrace_direct`).
const DETACHERS: usize = 4;

/// Detaches all hooks, and gives back their programs.
pub fn detach(ebpf: &mut Ebpf, apart: Apart) {
    let names: BTreeSet<_> = HOOKS.iter().flat_map(|hook| hook.ends.programs().iter().map(|end| name(hook, end))).collect();
    let attached = Mutex::new(ebpf.programs_mut().filter(|(name, _)| names.contains(*name)));
    let next = || attached.lock().unwrap_or_else(PoisonError::into_inner).next();
    let Apart { kretprobes, in_modules } = apart;
    let apart = Mutex::new(boxed(kretprobes).chain(boxed(in_modules)));
    let next_apart = || apart.lock().unwrap_or_else(PoisonError::into_inner).next();
    let detach_each = || {
        while let Some(attached) = next_apart() {
            drop(attached);
        }
        while let Some((name, program)) = next() {
            // Nobody else detaches it.
            unload(program).unwrap_or_else(|error| unreachable!("{name} cannot be detached: {error}"));
        }
    };
    thread::scope(|scope| (0..DETACHERS).for_each(|_| drop(scope.spawn(detach_each))));
}

/// Detaches a program and gives it back, if it was ever loaded.
pub fn unload(program: &mut Program) -> Result<(), ProgramError> {
    let unloaded = match program {
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        Program::KProbe(program) => program.unload(),
        Program::RawTracePoint(program) => program.unload(),
        _ => unreachable!("hooks and their twins have no other programs"),
    };
    match unloaded {
        Err(ProgramError::NotLoaded) => Ok(()),
        unloaded => unloaded,
    }
}

/// Why fentry is not even tried; `None`: it is.
fn without_fentry(ways: &Ways) -> Option<String> {
    match ways.mode {
        _ if ways.made == Made::Early => {
            Some("the programs are those for kernels before 5.18, which are kprobes alone".to_owned())
        }
        AttachMode::Fentry => None,
        AttachMode::Kprobe => Some("kprobes alone were asked for".to_owned()),
        AttachMode::Best => {
            let Preemption { model, is_at_any_time } = Preemption::find();
            let loses = is_at_any_time.unwrap_or(true);
            loses.then(|| format!("it loses operations where the kernel is preempted at any time (here: {model})"))
        }
    }
}

struct Attacher<'a> {
    ebpf: &'a mut Ebpf,
    tracing: Tracing,
    btf: &'a Btf,
    types: &'a KernelTypes,
    detail: Detail,
    /// Why no more fentry is tried, if it is not; and in modules, of which a kernel may be able to do less.
    without_fentry: Option<String>,
    without_fentry_in_modules: Option<String>,
    /// Looked for once, by the first kretprobe.
    tracefs: LazyCell<Option<Tracefs>>,
    apart: Apart,
}

impl Attacher<'_> {
    fn status(&mut self, symbols: &Symbols, hook: &Hook) -> Result<HookStatus, CaptureError> {
        if hook.ends == Ends::Tracepoint {
            return Ok(self.tracepoint_status(hook));
        }
        let symbol = found(symbols, hook);
        let outcome = match symbol {
            Some(symbol) => self.attach(hook, symbol),
            None => Err(format!(
                "the kernel has no function {}: what it belongs to is not built in, and no loaded module has it",
                hook.symbols.join(" or ")
            )),
        };
        if let (Err(problem), Need::Required) = (&outcome, hook.need) {
            return Err(CaptureError::RequiredHook { hook: hook.id, problem: problem.clone() });
        }
        let (attached_by, problem) = match outcome {
            Ok((means, why_not_better)) => (Some(means.to_owned()), why_not_better),
            Err(problem) => (None, Some(problem)),
        };
        Ok(HookStatus { hook: hook.id, attached_by, symbol: symbol.map(Symbol::to_string), problem })
    }

    /// Not required, so that there is no error.
    fn tracepoint_status(&mut self, hook: &Hook) -> HookStatus {
        let name = hook.symbols[0];
        let problem = signature::tracepoint_problem(self.types, hook, name).or_else(|| {
            let error = self.by_tracepoint(hook, name).err()?;
            Some(if is_not_there(&error) { format!("the kernel has no tracepoint {name}") } else { chain(&error) })
        });
        let attached_by = problem.is_none().then(|| TRACEPOINT.to_owned());
        HookStatus { hook: hook.id, attached_by, symbol: Some(name.to_owned()), problem }
    }

    fn by_tracepoint(&mut self, hook: &Hook, name: &str) -> Result<(), ProgramError> {
        let program: &mut RawTracePoint = program(self.ebpf, hook, "tracepoint")?;
        program.load()?;
        program.attach(name).map(drop)
    }

    /// The mode, and why it is not a better one.
    fn attach(&mut self, hook: &Hook, symbol: &Symbol) -> Result<(&'static str, Option<String>), String> {
        if let Some(problem) = signature::problem(self.types, hook, symbol) {
            return Err(problem);
        }
        let problem = match self.obstacle_to_fentry(symbol) {
            Some(obstacle) => obstacle,
            None => match self.by_fentry(hook, symbol) {
                Ok(()) => return Ok((FENTRY, None)),
                Err(error) => {
                    let problem = chain(&error);
                    if is_not_supported(&error) {
                        *self.without_fentry(symbol) = Some(problem.clone());
                    }
                    problem
                }
            },
        };
        match self.by_kprobe(hook, symbol) {
            Ok(()) => Ok((KPROBE, Some(format!("fentry: {problem}")))),
            Err(error) => Err(format!("fentry: {problem}; kprobe: {}", chain(&error))),
        }
    }

    /// Why no more fentry is tried at functions like this one.
    fn without_fentry(&mut self, symbol: &Symbol) -> &mut Option<String> {
        match symbol.module {
            None => &mut self.without_fentry,
            Some(_) => &mut self.without_fentry_in_modules,
        }
    }

    fn obstacle_to_fentry(&mut self, symbol: &Symbol) -> Option<String> {
        if let Some(problem) = self.without_fentry(symbol) {
            return Some(problem.clone());
        }
        if symbol.is_suffixed() {
            return Some("the compiler has changed the function".to_owned());
        }
        match symbol.module.as_deref() {
            Some(module) if !self.types.describes(module) => {
                Some(format!("the kernel does not describe the module {module} (CONFIG_DEBUG_INFO_BTF_MODULES)"))
            }
            module if self.types.function(&symbol.name, module).is_none() => {
                Some("BTF does not describe the function".to_owned())
            }
            _ => None,
        }
    }

    fn by_fentry(&mut self, hook: &Hook, symbol: &Symbol) -> Result<(), ProgramError> {
        match symbol.module.as_deref() {
            None => self.by_fentry_in_kernel(hook, symbol),
            Some(module) => self.by_fentry_in_module(hook, symbol, module),
        }
    }

    /// The return comes first, as below; what is attached is detached where the rest fails.
    fn by_fentry_in_module(&mut self, hook: &Hook, symbol: &Symbol, module: &str) -> Result<(), ProgramError> {
        // `obstacle_to_fentry` has looked.
        let (_, function) = self.types.function(&symbol.name, Some(module)).expect("a function that BTF describes");
        let ends = [("exit", hook.return_is_watched_at(self.detail)), ("entry", hook.entry_is_watched_at(self.detail))];
        let watched = ends.into_iter().filter(|(_, is_watched)| *is_watched);
        let describing = handover::program(self.ebpf)?;
        let attach = |(end, _)| self.tracing.attach(hook.id, &name(hook, end), Target { module, function }, describing);
        let attached = watched.map(attach).collect::<Result<Vec<_>, _>>()?;
        self.apart.in_modules.extend(attached);
        Ok(())
    }

    /// The return comes first: a return without entry is ignored, an entry without return would stay on the task's stack.
    fn by_fentry_in_kernel(&mut self, hook: &Hook, symbol: &Symbol) -> Result<(), ProgramError> {
        let mut on_return = None;
        if hook.return_is_watched_at(self.detail) {
            let exit: &mut FExit = program(self.ebpf, hook, "exit")?;
            exit.load(&symbol.name, self.btf)?;
            on_return = Some(exit.attach()?);
        }
        if !hook.entry_is_watched_at(self.detail) {
            return Ok(());
        }
        let entry: &mut FEntry = program(self.ebpf, hook, "entry")?;
        let attached = entry.load(&symbol.name, self.btf).and_then(|()| entry.attach());
        if let (Err(_), Some(link)) = (&attached, on_return) {
            let exit: &mut FExit = program(self.ebpf, hook, "exit")?;
            exit.detach(link)?;
        }
        attached.map(drop)
    }

    /// As above. A kretprobe with little room is better than none.
    fn by_kprobe(&mut self, hook: &Hook, symbol: &Symbol) -> Result<(), ProgramError> {
        let (mut on_return, mut with_room) = (None, None);
        if hook.return_is_watched_at(self.detail) {
            let exit: &mut KProbe = program(self.ebpf, hook, "kretprobe")?;
            exit.load()?;
            let program = exit.fd()?.as_fd();
            with_room = self.tracefs.as_ref().and_then(|tracefs| tracefs.attach(program, &symbol.name).ok());
            if with_room.is_none() {
                on_return = Some(exit.attach(&symbol.name, 0)?);
            }
        }
        if hook.entry_is_watched_at(self.detail) {
            let entry: &mut KProbe = program(self.ebpf, hook, "kprobe")?;
            if let Err(error) = entry.load().and_then(|()| entry.attach(&symbol.name, 0)) {
                if let Some(link) = on_return {
                    let exit: &mut KProbe = program(self.ebpf, hook, "kretprobe")?;
                    exit.detach(link)?;
                }
                return Err(error);
            }
        }
        self.apart.kretprobes.extend(with_room);
        Ok(())
    }
}

/// The name of one of a hook's programs.
pub fn name(hook: &Hook, end: &str) -> String {
    format!("{}_{end}", hook.stem())
}

fn boxed<T: Send + 'static>(attached: Vec<T>) -> impl Iterator<Item = Box<dyn Send>> {
    attached.into_iter().map(|attached| Box::new(attached) as Box<dyn Send>)
}

/// One of a hook's programs.
fn program<'a, P>(ebpf: &'a mut Ebpf, hook: &Hook, end: &str) -> Result<P, ProgramError>
where
    P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    let name = name(hook, end);
    // A test in `probes` compares the table with the object.
    P::try_from(ebpf.program_mut(&name).unwrap_or_else(|| panic!("the probes have no program {name}")))
}

/// Whether the kernel does not know the thing.
fn is_not_there(error: &ProgramError) -> bool {
    errno(error) == Some(nix::errno::Errno::ENOENT as i32)
}

/// Whether the kernel says that it cannot do this at all. ENOTSUPP is the kernel's own number, which user space has no name for.
fn is_not_supported(error: &ProgramError) -> bool {
    const ENOTSUPP: i32 = 524;
    const EOPNOTSUPP: i32 = nix::errno::Errno::EOPNOTSUPP as i32;
    matches!(errno(error), Some(ENOTSUPP | EOPNOTSUPP))
}

fn errno(error: &ProgramError) -> Option<i32> {
    match error {
        ProgramError::IOError(error) => error.raw_os_error(),
        ProgramError::SyscallError(error) => error.io_error.raw_os_error(),
        _ => None,
    }
}

/// An error with its causes, on one line. Of a verifier's log only the complaint; all of it if `VERIFIER_LOG` is set.
pub fn chain(error: &ProgramError) -> String {
    if let ProgramError::LoadError { io_error, verifier_log } = error {
        let log = verifier_log.to_string();
        let shown = if std::env::var_os(VERIFIER_LOG).is_some() { &log } else { telling_line(&log) };
        return format!("the verifier refused it: {shown} ({io_error}; set {VERIFIER_LOG}=1 to see all of its log)");
    }
    error_chain(error)
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

    #[test]
    fn a_kernel_without_support_is_distinguished_from_one_that_refuses_once() {
        let error = |errno| ProgramError::IOError(std::io::Error::from_raw_os_error(errno));
        assert!(is_not_supported(&error(524)));
        assert!(!is_not_supported(&error(nix::errno::Errno::EBUSY as i32)));
    }
}
