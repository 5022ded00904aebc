//! Parts of a picture that several views draw.

pub mod bar;
pub mod detail;
pub mod histogram;
pub mod stages;
