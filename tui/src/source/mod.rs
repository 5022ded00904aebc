//! Where frames come from.

pub mod input;
pub mod load;
