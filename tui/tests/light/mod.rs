//! What watching costs: figures of every view of the registry, for the benchmark and for the test that nothing has become heavy.

#![allow(dead_code, reason = "every test that includes this uses a part of it")]

pub mod frames;
pub mod pictures;
pub mod process;
pub mod stream;
