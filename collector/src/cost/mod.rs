//! What the probes' own programs cost on this machine: measured here, subtracted by whoever reads the recording.
//!
//! A crossing is one run of a program. What the kernel does around it, and the simplest of programs, is measured before the recording
//! begins, at functions that do nothing ([`twins`]). What a hook's own program does more than the simplest one is measured in place, in a
//! few operations whose programs time themselves ([`soundings`]).

mod means;
mod samples;
mod sounded;
mod soundings;
mod twins;

pub use means::Means;
pub use sounded::Sounded;
pub use soundings::Costs;
pub use twins::{Baseline, functions, measure};
