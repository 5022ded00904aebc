//! The selected row alone.

pub mod draw;
