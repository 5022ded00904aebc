//! The judge: compares a recording with what the workload itself wrote down, and finds every difference.
//!
//! The workload shares no code with what is judged here; `docs/truth.md` describes its file.

mod judge;
mod truth;

pub use judge::{Difference, Judgement, judge};
pub use truth::{Call, Truth, TruthError};

#[cfg(test)]
mod tests;
