//! Asks the programs for the records that they have not handed over yet: they do so by themselves only when several have gathered.

use std::os::fd::AsFd;

use aya::Ebpf;
use aya::programs::{Program, ProgramError, RawTracePoint};
use aya::sys::SyscallError;

use crate::{CaptureError, bpf};

/// The program that hands them over: `probes/src/op/handover.rs`.
pub const PROGRAM: &str = "hand_over_all";

/// Loads the program, and runs it once, so that whoever asks later can rely on it. It is attached to nothing.
///
/// # Errors
/// The kernel refuses it, or cannot run it.
pub fn load(ebpf: &mut Ebpf) -> Result<(), CaptureError> {
    let program: Option<Result<&mut RawTracePoint, ProgramError>> = ebpf.program_mut(PROGRAM).map(TryInto::try_into);
    let program = program.unwrap_or_else(|| panic!("the probes have no program {PROGRAM}"));
    program.and_then(RawTracePoint::load).and_then(|()| run(ebpf, OF_IDLE)).map_err(CaptureError::HandOver)
}

/// The program's argument: whether all hooks are detached.
const OF_IDLE: u64 = 0;
const OF_ALL: u64 = 1;

/// What the operations that are under way have left alone.
pub fn of_idle(ebpf: &Ebpf) {
    run(ebpf, OF_IDLE).expect("`load` has run it");
}

/// All there is. No hook may be attached any more.
pub fn of_all(ebpf: &Ebpf) {
    run(ebpf, OF_ALL).expect("`load` has run it");
}

fn run(ebpf: &Ebpf, argument: u64) -> Result<(), ProgramError> {
    let Some(Program::RawTracePoint(program)) = ebpf.program(PROGRAM) else { unreachable!("`load` has found it") };
    let run = bpf::run_with(program.fd()?.as_fd(), argument);
    run.map_err(|io_error| SyscallError { call: "bpf_prog_test_run", io_error }.into())
}
