//! Reports: what people and other programs read of a recording.

pub mod decide;
pub mod export;
pub mod text;
