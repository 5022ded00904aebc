//! Attaching the probes and reading what they write. The only part that touches aya, and that needs root.
//!
//! `examine` looks at a machine without recording; `preflight` says why it cannot be profiled, `addresses` what the
//! kernel hides; `btf`, `symbols` and `kernel` ask the
//! running kernel what the probes have to know of it; `object` loads them, `signature` and `attach` fit their programs to the kernel, as `preemption` lets them, with `kretprobe`, and with `tracing` in modules;
//! `callers` names its functions; `census` finds pre-existing maps, `live_maps` follows the live ones in the probes' tables (`table`); `cost` measures what the programs cost; `marks` reads which phase a command is in; `pids` translates
//! process ids between PID namespaces; `probes` owns what is
//! attached; `session` turns it into a recording.
//!
//! ```no_run
//! use grantscope_analysis::recording::Writer;
//! use grantscope_collector::{Options, record};
//!
//! // Everything that the grant drivers do while a program runs, as a recording. Needs root, Xen, and a build with the probes.
//! let file = std::fs::File::create("run.gsr")?;
//! let options = Options { command: Some(std::process::Command::new("./my-backend")), ..Options::default() };
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let finished = runtime.block_on(record(options, Writer::new(file), |probes| {
//!     println!("{} hooks", probes.status().iter().filter(|hook| hook.attached_by.is_some()).count());
//! }))?;
//! println!("{} operations recorded, {} lost", finished.operations, finished.loss.operations());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod addresses;
mod attach;
mod bpf;
mod btf;
mod callers;
mod census;
mod configuration;
mod cost;
mod decode;
mod examine;
mod frames;
mod handover;
mod host;
mod kernel;
mod kretprobe;
mod live_maps;
mod mapped;
mod marks;
mod object;
pub mod pids;
mod preemption;
mod preflight;
mod probes;
mod session;
mod signature;
mod swallowed;
mod symbols;
mod table;
mod tracing;
mod turns;

pub use census::list as list_maps;
pub use decode::{DecodeError, Decoder};
pub use examine::examine;
pub use marks::{LeftOutMarks, Lines as MarkLines, VARIABLE as MARKS_VARIABLE};
pub use probes::Probes;
pub use session::{Ended, Finished, Options, Stopped, record};
pub use tokio::sync::Notify;

use grantscope_wire::HookId;

/// Why a capture cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// No operation can pass this filter.
    #[error(transparent)]
    Filter(#[from] grantscope_analysis::model::ImpossibleName),
    /// A filter asks for a process that there is not.
    #[error("there is no process {0}: give --pid the id of one that runs; `ps -eo pid,comm` lists them")]
    NoProcess(u32),
    /// A filter asks for a thread.
    #[error("{0} is a thread, and --pid takes a process: give it the number behind `Tgid:` in /proc/{0}/status")]
    Thread(u32),
    /// A process cannot be found from within a PID namespace.
    #[error(
        "process {pid} of this PID namespace cannot be found in the initial one, where the probes see it ({problem}): run this outside \
         the container, with the process's id there"
    )]
    ForeignPid {
        /// As the caller knows it.
        pid: u32,
        /// Why.
        problem: String,
    },
    /// Built without the compiled probes.
    #[error(
        "this program was built without the probes: build it with `cargo xtask build --native`, or for a board with `cargo xtask build`"
    )]
    NoProbes,
    /// Not enough rights.
    #[error("loading probes needs root: run this with sudo")]
    NotRoot,
    /// Not under Xen.
    #[error("this machine does not run under Xen ({0}): run this in dom0 or a driver domain of a Xen host")]
    NoXen(String),
    /// No gntdev.
    #[error("/dev/xen/gntdev is missing: load the module (`modprobe xen-gntdev`), or build the kernel with CONFIG_XEN_GNTDEV")]
    NoGntdev,
    /// No BTF.
    #[error("/sys/kernel/btf/vmlinux cannot be read ({0}): the kernel needs CONFIG_DEBUG_INFO_BTF=y")]
    NoBtf(String),
    /// The BTF lacks a structure that we read.
    #[error("the kernel's BTF does not describe `{field}` ({problem}): this kernel is not supported; please report its version")]
    NoField {
        /// Structure and member.
        field: &'static str,
        /// What the parser said.
        problem: String,
    },
    /// The kernel does not list its functions.
    #[error("/proc/kallsyms cannot be read: the kernel needs CONFIG_KALLSYMS=y, and /proc has to be mounted")]
    NoSymbols(#[source] std::io::Error),
    /// Live maps cannot be found.
    #[error("live maps cannot be listed on this kernel: {0}")]
    NoCensus(String),
    /// The object does not load.
    #[error("the kernel refused the probes' maps or data")]
    Load(#[from] aya::EbpfError),
    /// The program that hands over what is finished does not load, or cannot be run.
    #[error("the kernel refused the program that hands over finished operations: it has to be 5.10 or newer")]
    HandOver(#[source] aya::programs::ProgramError),
    /// The program that reads how the pages of maps lie in memory does not load.
    #[error("the kernel refused the program that reads how the pages of maps lie in memory")]
    Frames(#[source] aya::programs::ProgramError),
    /// No more files can be open.
    #[error("the probes' maps cannot be kept open: raise the limit of open files (`ulimit -n`)")]
    NoDescriptor(#[source] std::io::Error),
    /// A map of the object is missing.
    #[error("the probes' object has no usable map `{0}`: the object and this program were built apart; run `cargo xtask build`")]
    NoMap(&'static str),
    /// A table cannot be mapped.
    #[error("the probes' table `{name}` cannot be mapped into memory: the kernel has to be 5.5 or newer")]
    Table {
        /// Which.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Something we cannot do without.
    #[error("the hook {} cannot be attached ({problem}); without it: {}", .hook.name(), .hook.about())]
    RequiredHook {
        /// Which.
        hook: HookId,
        /// Why.
        problem: String,
    },
    /// Writing the recording failed.
    #[error("writing the recording failed; all frames before are complete{}", if .source.kind() == std::io::ErrorKind::StorageFull { ". Free some space, or give -o a file on another disk" } else { "" })]
    Write {
        /// Why.
        source: std::io::Error,
    },
    /// The recording's end could not be written, because nobody takes it.
    #[error(
        "whoever reads the recording takes nothing any more: the last {bytes} bytes of it are missing; let it read faster, or give -o a file"
    )]
    Unread {
        /// What waits.
        bytes: usize,
    },
    /// The command could not be started.
    #[error("cannot start `{command}`: check its name and that it can be executed")]
    Command {
        /// What was to be run.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// Waiting for events failed.
    #[error("waiting for the ring buffer failed")]
    Wait(#[source] std::io::Error),
}
