//! What needs root, Xen and the probes. A build without the probes has the same functions, which say what to do instead.

pub mod capture;
#[cfg(feature = "capture")]
mod filtered;
#[cfg(not(feature = "capture"))]
#[path = "absent.rs"]
mod machine;
#[cfg(feature = "capture")]
#[path = "present.rs"]
mod machine;

pub use self::capture::Capture;
pub use self::machine::{examine, list_maps, live, record, record_and_watch};
