//! Asks the programs for the records that they have not handed over yet: they do so by themselves only when several have gathered.

use std::io;
use std::os::fd::AsFd;

use aya::Ebpf;
use aya::programs::{Program, ProgramError, RawTracePoint};

use crate::{CaptureError, bpf};

/// The program that hands them over: `probes/src/op/handover.rs`.
pub const PROGRAM: &str = "hand_over_all";

/// Loads the program. It is attached to nothing, and run on request.
///
/// # Errors
/// The kernel refuses it.
pub fn load(ebpf: &mut Ebpf) -> Result<(), CaptureError> {
    let program: Option<Result<&mut RawTracePoint, ProgramError>> = ebpf.program_mut(PROGRAM).map(TryInto::try_into);
    let program = program.unwrap_or_else(|| panic!("the probes have no program {PROGRAM}"));
    program.and_then(RawTracePoint::load).map_err(CaptureError::HandOver)
}

/// What the operations that are under way have left alone.
pub fn of_idle(ebpf: &Ebpf) {
    run(ebpf, 0);
}

/// All there is. No hook may be attached any more.
pub fn of_all(ebpf: &Ebpf) {
    run(ebpf, 1);
}

fn run(ebpf: &Ebpf, nothing_runs: u64) {
    let Some(Program::RawTracePoint(program)) = ebpf.program(PROGRAM) else { unreachable!("`load` has found it") };
    let run: io::Result<()> = program.fd().map_err(io::Error::other).and_then(|fd| bpf::run_with(fd.as_fd(), nothing_runs));
    run.expect("a raw tracepoint's program can be run since Linux 5.10");
}
