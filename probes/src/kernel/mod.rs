//! The kernel's own structures.

pub mod fields;
