//! The screens of text that lie over the others.

pub mod draw;
pub mod state;
