//! Parts of a picture that several views draw.

pub mod bar;
pub mod detail;
pub mod histogram;
pub mod kinds;
pub mod lines;
pub mod meaning;
pub mod page;
pub mod stages;
pub mod titled;
pub mod visible;
pub mod wrap;
