//! One row per kind of operation, and details of the selected one below.

pub mod draw;
