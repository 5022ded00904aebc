//! Drives Linux's Xen grant interfaces for real and keeps a truthful log of every call, so that
//! a profiler's figures can be judged by something that shares no code with it.
//!
//! * [`uapi`]: the kernel's ioctl numbers and layouts, asserted at compile time.
//! * [`device`]: owned types over them that undo themselves when dropped.
//! * [`op`]: the names of operations and kinds of buffers.
//! * [`truth`]: the log of calls, and the file it becomes (`docs/truth.md`).
//! * [`directory`], [`xenstore`], [`frontend`], [`peer`]: how two domains agree on which pages are shared.
//! * [`requests`]: how one has the other grant more, and take it back.
//! * [`builtin`]: the scenario files that are part of it.
//! * [`balloon`]: the balloon that pages for grants come out of, told and pinned.
//! * [`left`]: what would outlive a run that is killed, noted beforehand and undone by the next one.
//! * [`script`], [`engine`]: scenario files (`docs/scenarios.md`), and what runs them, in orders of [`shuffle`].

pub mod balloon;
pub mod builtin;
pub mod device;
pub mod directory;
pub mod engine;
pub mod error;
pub mod frontend;
pub mod left;
pub mod meminfo;
pub mod op;
pub mod peer;
pub mod requests;
pub mod script;
pub mod shuffle;
pub mod stop;
pub mod truth;
pub mod uapi;
pub mod xenstore;

pub use error::{Error, Result};
