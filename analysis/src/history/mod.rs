//! What happened when: the past of a recording in slices of time, its slowest operations, and its last failures, in bounded memory.
//!
//! A viewer keeps it beside its [`Aggregate`](crate::series::Aggregate), and adds every frame to that first. It is a value: it has no clock but
//! the recording's.

mod coarse;
mod durations;
mod exemplars;
mod failures;
mod heat;
mod interval;
mod keys;
mod seek;
mod slice;
mod slices;
mod taking_in;
mod window;

pub use coarse::ERROR;
pub use durations::Durations;
pub use exemplars::{Exemplar, MOST_EXEMPLARS};
pub use failures::{Failure, MOST_FAILURES};
pub use heat::{Heat, Row};
pub use interval::Interval;
pub use keys::Which;
pub use seek::{By, What, Worst};
pub use slice::{Events, STEP_NS};
pub use taking_in::History;
pub use window::{Column, Window};

#[cfg(test)]
mod tests;
