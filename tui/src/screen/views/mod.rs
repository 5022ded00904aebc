//! The views, a folder each.

pub mod compare;
pub mod overlay;
pub mod table;
pub mod zoom;
