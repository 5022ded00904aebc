//! The way to the collector: records, what is left out of them, and what was lost.

mod filter;
pub mod loss;
pub mod ring;
