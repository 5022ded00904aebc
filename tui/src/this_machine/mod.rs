//! What needs root, Xen and the probes.

#[cfg(not(feature = "capture"))]
mod absent;
#[cfg(feature = "capture")]
pub mod capture;
#[cfg(feature = "capture")]
pub mod live;

#[cfg(not(feature = "capture"))]
pub use absent::{bench, doctor, record};
