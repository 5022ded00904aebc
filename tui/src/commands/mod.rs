//! The commands, a file each.

#[cfg(feature = "capture")]
pub mod bench;
#[cfg(feature = "capture")]
pub mod doctor;
pub mod export;
pub mod judge;
pub mod maps;
#[cfg(feature = "capture")]
pub mod record;
pub mod summary;
pub mod top;

#[cfg(not(feature = "capture"))]
pub use crate::this_machine::{bench, doctor, record};
