//! The command line of `grantscope-workload`, which knows both: the generator's scenario files and the conformance tests.

pub mod catalog;
pub mod cli;

pub use grantscope_generator::script;
