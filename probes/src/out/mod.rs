//! The way to the collector: records, what the filter leaves out, and what is lost.

pub mod filter;
pub mod loss;
pub mod ring;
