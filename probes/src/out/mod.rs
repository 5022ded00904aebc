//! The way to the collector: records, what the filter leaves out, and what is lost.

mod filter;
pub mod loss;
pub mod ring;
