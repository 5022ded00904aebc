//! Reports as text for a terminal, a file for each.

pub mod doctor;
pub mod summary;
