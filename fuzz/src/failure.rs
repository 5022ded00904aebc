//! How an execution can fail, as the process that it ended shows.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The worker's exit code where an execution took too much memory.
const TOO_MUCH_MEMORY: i32 = 77;

/// Why an execution failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The reader panicked, or what it said was wrong.
    Panic,
    /// It took more memory than it may.
    Memory,
    /// It took more processor time than it may.
    Time,
    /// The process was ended in another way.
    Died,
}

/// A failure, and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of which kind.
    pub failure: Failure,
    /// What the process said, in a line or a few.
    pub said: String,
}

/// Ends this process: an execution took so many bytes, of so many that it may.
pub fn too_much_memory(bytes: usize, most: usize) -> ! {
    eprintln!("{} KiB were allocated, of {} KiB that it may have", bytes >> 10, most >> 10);
    std::process::exit(TOO_MUCH_MEMORY)
}

impl Report {
    /// Of a process that ended so and said this; `None`: nothing failed.
    pub fn of(status: ExitStatus, said: &str) -> Option<Self> {
        let failure = match (status.code(), status.signal()) {
            (Some(0), _) => return None,
            (Some(code), _) if code == TOO_MUCH_MEMORY => Failure::Memory,
            (Some(101), _) => Failure::Panic,
            (None, Some(nix::libc::SIGXCPU)) => Failure::Time,
            (None, Some(nix::libc::SIGABRT)) if said.contains("memory allocation") => Failure::Memory,
            _ => Failure::Died,
        };
        let said = said.lines().filter(|line| !line.starts_with("note: ")).collect::<Vec<_>>().join("\n");
        let said = if said.is_empty() { status.to_string() } else { said };
        Some(Self { failure, said })
    }

    /// What is common to the failures of one defect: for panics, where.
    pub fn defect(&self) -> String {
        let place = self.said.lines().find_map(|line| line.split_once("panicked at ")).map(|(_, place)| place);
        format!("{:?} {}", self.failure, place.unwrap_or_default())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.failure {
            Failure::Panic => "it panicked",
            Failure::Memory => "it took too much memory",
            Failure::Time => "it took too much time",
            Failure::Died => "it died",
        };
        write!(f, "{what}: {}", self.said)
    }
}
