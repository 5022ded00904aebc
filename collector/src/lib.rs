//! Everything between the probes and the person who reads the numbers.
//!
//! `capture` (behind the feature of that name) attaches and reads; it alone touches aya and needs root.
//! All other modules are functions of values: they decode, record, aggregate and export, and run on any machine.

pub mod aggregate;
#[cfg(feature = "capture")]
pub mod capture;
pub mod decode;
pub mod doctor;
pub mod export;
pub mod filter;
#[cfg(test)]
mod fixtures;
pub mod judge;
pub mod ledger;
pub mod metrics;
pub mod model;
pub mod recording;
pub mod summary;
pub mod units;
