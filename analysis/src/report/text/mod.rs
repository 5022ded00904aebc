//! Reports as text for a terminal, a file for each.

pub mod bounces;
pub mod bound;
pub mod compare;
pub mod correction;
pub mod doctor;
pub mod earlier;
pub mod maps;
pub mod marks;
pub mod phases;
pub mod recorder;
pub mod summary;
