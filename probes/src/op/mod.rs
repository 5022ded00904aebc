//! An operation: what runs it, who requested it, the hooks that it passes, and why it failed.

mod apart;
pub mod caller;
pub mod cause;
pub mod context;
pub mod events;
pub mod evidence;
mod handover;
pub mod ioctl;
mod slots;
pub mod sounding;
pub mod statuses;
pub mod task;
pub mod teardown;
