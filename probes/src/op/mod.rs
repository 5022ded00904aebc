//! An operation: what runs it, who requested it, where its time goes, and why it failed.

pub mod caller;
pub mod cause;
pub mod context;
pub mod evidence;
pub mod ioctl;
mod stages;
pub mod task;
