//! Formats for other programs, a file for each.

pub mod csv;
