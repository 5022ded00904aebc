//! The emulated machines: which there are, what each boots, and the arguments that its Xen and its Linux start with.

mod architecture;
pub mod arguments;
pub mod clock;
mod sources;
mod spec;
mod table;

pub use architecture::Architecture;
pub use clock::Clock;
pub use sources::Source;
pub use spec::{Domains, Hypervisor, KernelSource, Ours, Platform, Ports};
pub use table::{ALL, MAIN, WITHOUT_CMA, named, parser};
