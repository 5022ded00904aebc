//! Asks the programs for the records that they have not handed over yet: they do so by themselves only when several have gathered.

use std::os::fd::{AsFd, BorrowedFd};

use aya::Ebpf;
use aya::programs::{Program, ProgramError};
use aya::sys::SyscallError;
use grantscope_wire::handover::{PLACES, PLACES_OF_A_LOOP};

use crate::object::{self, Made};
use crate::{CaptureError, bpf};

/// The program that hands them over: `probes/src/op/handover.rs`.
pub const PROGRAM: &str = "hand_over_all";

/// The program's first argument: whether all hooks are detached.
const OF_IDLE: u64 = 0;
const OF_ALL: u64 = 1;

/// The program, which `HandOver::load` has loaded.
///
/// # Errors
/// It has not.
pub fn program(ebpf: &Ebpf) -> Result<BorrowedFd<'_>, ProgramError> {
    let Some(Program::RawTracePoint(program)) = ebpf.program(PROGRAM) else { return Err(ProgramError::NotLoaded) };
    program.fd().map(AsFd::as_fd)
}

/// That the program is loaded, and how many places it goes over in one run.
#[derive(Clone, Copy, Debug)]
pub struct HandOver {
    places_at_once: u64,
}

impl HandOver {
    /// Loads the program, and runs it once, so that whoever asks later can rely on it. It is attached to nothing.
    ///
    /// # Errors
    /// The kernel refuses it, or cannot run it.
    pub fn load(ebpf: &mut Ebpf, made: Made) -> Result<Self, CaptureError> {
        let places_at_once = match made {
            Made::Usual => PLACES,
            Made::Early => PLACES_OF_A_LOOP,
        };
        let loaded = Self { places_at_once };
        let run = object::load_to_run(ebpf, PROGRAM).map(drop).and_then(|()| loaded.run(ebpf, OF_IDLE));
        run.map(|()| loaded).map_err(CaptureError::HandOver)
    }

    /// What the operations that are under way have left alone.
    pub fn of_idle(self, ebpf: &Ebpf) {
        self.run(ebpf, OF_IDLE).expect("`load` has run it");
    }

    /// All there is. No hook may be attached any more.
    pub fn of_all(self, ebpf: &Ebpf) {
        self.run(ebpf, OF_ALL).expect("`load` has run it");
    }

    fn run(self, ebpf: &Ebpf, of: u64) -> Result<(), ProgramError> {
        let program = program(ebpf)?;
        let run_from = |first: u64| bpf::run_with(program, &[of, first]);
        let run = (0..PLACES).step_by(self.places_at_once as usize).try_for_each(run_from);
        run.map_err(|io_error| SyscallError { call: "bpf_prog_test_run", io_error }.into())
    }
}
