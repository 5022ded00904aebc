//! Reports: what people and other programs read of a recording.

pub mod column;
pub mod export;
pub mod text;
pub mod units;
