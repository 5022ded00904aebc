//! Programs of fentry and fexit at functions of modules.
//!
//! A module has BTF of its own, and the kernel is told by a descriptor in which BTF the function is (`attach_btf_obj_fd` in `union bpf_attr`,
//! Linux 5.11). aya passes none, and gives nobody the instructions that it has relocated: so the object is parsed and relocated once more,
//! for these programs alone, and on the maps that aya has created.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use aya::Ebpf;
use aya::programs::ProgramError;
use aya::sys::SyscallError;
use aya_obj::VerifierLog;
use aya_obj::generated::bpf_attach_type;
use grantscope_wire::HookId;

use crate::bpf;
use crate::object::{self, Made};

/// What loads them.
pub struct Tracing {
    made: Made,
    /// Those that may be asked for.
    names: BTreeSet<String>,
    /// Descriptors of our own: aya's go to whoever takes a map.
    maps: Vec<(String, OwnedFd)>,
    /// Parsed when the first of them is asked for.
    programs: HashMap<String, (aya_obj::Program, aya_obj::Function)>,
    /// What describes the programs themselves; and each module.
    own_btf: Option<OwnedFd>,
    modules: HashMap<String, OwnedFd>,
}

/// A function of a module.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The module's name.
    pub module: &'a str,
    /// The function's number in the module's BTF.
    pub function: u32,
}

/// A program at the entry or at the return of a function. Dropping it detaches the program, and unloads it. As long as it is loaded, the
/// kernel does not unload the module (`bpf_check_attach_target` in kernel/bpf/verifier.c, Linux v6.12; before 6.4
/// `bpf_trampoline_module_get` in kernel/bpf/trampoline.c).
#[derive(Debug)]
pub struct Attached {
    /// Whose.
    pub hook: HookId,
    _link: OwnedFd,
    program: OwnedFd,
}

impl AsFd for Attached {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
}

impl Tracing {
    /// Of an object that was just loaded, and of which no map was taken yet.
    ///
    /// # Errors
    /// There are no more descriptors to be had.
    pub fn new(ebpf: &Ebpf, made: Made, names: BTreeSet<String>) -> io::Result<Self> {
        // Where there is no such program, nothing is to be kept.
        let maps = if names.is_empty() { Vec::new() } else { object::maps(ebpf)? };
        Ok(Self { made, names, maps, programs: HashMap::new(), own_btf: None, modules: HashMap::new() })
    }

    /// Loads one of the programs, and attaches it. `describing` is a program of the same object, which is loaded.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn attach(
        &mut self,
        hook: HookId,
        name: &str,
        target: Target<'_>,
        describing: BorrowedFd<'_>,
    ) -> Result<Attached, ProgramError> {
        self.find(target.module, describing)?;
        let (program, function) = self.programs.get(name).unwrap_or_else(|| panic!("the probes have no program {name}"));
        let attach_type = match program.section {
            aya_obj::ProgramSection::FEntry { .. } => bpf_attach_type::BPF_TRACE_FENTRY,
            aya_obj::ProgramSection::FExit { .. } => bpf_attach_type::BPF_TRACE_FEXIT,
            _ => return Err(ProgramError::UnexpectedProgramType),
        };
        let program = bpf::load_tracing(&bpf::TracingProgram {
            name,
            license: &program.license,
            function,
            attach_type,
            own_btf: self.own_btf.as_ref().map(AsFd::as_fd),
            of_function: self.modules[target.module].as_fd(),
            attach_to: target.function,
        })
        .map_err(|(io_error, log)| ProgramError::LoadError { io_error, verifier_log: VerifierLog::new(log) })?;
        let link = bpf::attach_tracing(program.as_fd())
            .map_err(|io_error| SyscallError { call: "bpf_raw_tracepoint_open", io_error })?;
        Ok(Attached { hook, _link: link, program })
    }

    /// Whatever loading needs.
    fn find(&mut self, module: &str, describing: BorrowedFd<'_>) -> Result<(), ProgramError> {
        let failed = |call: &'static str| move |io_error| SyscallError { call, io_error };
        if self.programs.is_empty() {
            self.programs = self.relocated().map_err(io::Error::other)?;
            self.own_btf = bpf::btf_of_program(describing).map_err(failed("bpf_btf_get_fd_by_id"))?;
        }
        if !self.modules.contains_key(module) {
            let btf = bpf::btf_of_module(module).map_err(failed("bpf_btf_get_next_id"))?;
            self.modules.insert(module.to_owned(), btf);
        }
        Ok(())
    }

    /// The programs as aya has relocated its own (`EbpfLoader::load`).
    fn relocated(
        &self,
    ) -> Result<HashMap<String, (aya_obj::Program, aya_obj::Function)>, Box<dyn std::error::Error + Send + Sync>> {
        let mut object = object::parse(self.made)?;
        let is_program: BTreeSet<_> = object.programs.values().map(aya_obj::Program::function_key).collect();
        object.programs.retain(|name, _| self.names.contains(name));
        let keys: BTreeSet<_> = object.programs.values().map(aya_obj::Program::function_key).collect();
        let text_sections = object.functions.keys().map(|(section, _)| *section).collect();
        // Other programs are called by none.
        object.functions.retain(|key, _| keys.contains(key) || !is_program.contains(key));
        let maps = std::mem::take(&mut object.maps);
        let created = self.maps.iter().filter_map(|(name, map)| Some((name.as_str(), map.as_raw_fd(), maps.get(name)?)));
        object.relocate_maps(created, &text_sections)?;
        object.relocate_calls(&text_sections)?;
        object.sanitize_functions(aya::features());
        let programs = std::mem::take(&mut object.programs);
        let with_function = |(name, program): (String, aya_obj::Program)| {
            let function = object.functions.remove(&program.function_key())?;
            Some((name, (program, function)))
        };
        Ok(programs.into_iter().filter_map(with_function).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use grantscope_wire::HOOKS;
    use grantscope_wire::hook::Ends;

    use super::*;
    use crate::attach;

    #[test]
    #[cfg_attr(not(probes_embedded), ignore = "needs the compiled probes: `cargo xtask test` builds them")]
    fn every_program_of_fentry_refers_to_the_maps_that_there_are() {
        /// An instruction that loads 64 bits; and what of (include/uapi/linux/bpf.h, v6.12).
        const LOAD: u8 = 0x18;
        const BPF_PSEUDO_MAP_FD: u8 = 1;
        const BPF_PSEUDO_MAP_VALUE: u8 = 2;
        let object = object::parse(Made::Usual).expect("the embedded object is one");
        // Any descriptors will do.
        let open = || OwnedFd::from(File::open("/dev/null").expect("a file of every Linux"));
        let maps: Vec<_> = object.maps.keys().map(|name| (name.clone(), open())).collect();
        let descriptors: BTreeSet<_> = maps.iter().map(|(_, map)| map.as_raw_fd()).collect();
        let functions = HOOKS.iter().filter(|hook| hook.ends != Ends::Tracepoint);
        let named = functions.flat_map(|hook| ["entry", "exit"].map(|end| attach::name(hook, end)));
        let names: BTreeSet<_> = named.filter(|name| object.programs.contains_key(name)).collect();
        let tracing = Tracing {
            made: Made::Usual,
            names: names.clone(),
            maps,
            programs: HashMap::new(),
            own_btf: None,
            modules: HashMap::new(),
        };
        let programs = tracing.relocated().expect("it is relocated");
        assert_eq!(programs.keys().cloned().collect::<BTreeSet<_>>(), names);
        for (name, (_, function)) in &programs {
            let loads = function.instructions.iter().filter(|instruction| instruction.code == LOAD);
            let of_maps = loads.filter(|load| [BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE].contains(&load.src_reg()));
            let others: Vec<_> = of_maps.clone().filter(|load| !descriptors.contains(&load.imm)).collect();
            assert!(of_maps.count() > 0 && others.is_empty(), "{name} refers to what is no map");
            assert!(function.func_info.len() > 0, "{name} has functions that nothing describes");
        }
    }
}
