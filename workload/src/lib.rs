//! Drives Linux's Xen grant interfaces for real and keeps a truthful log of every call, so that
//! a profiler's figures can be judged by something that shares no code with it.
//!
//! * [`uapi`]: the kernel's ioctl numbers and layouts, asserted at compile time.
//! * [`device`]: owned types over them that undo themselves when dropped.
//! * [`op`]: the names of operations and kinds of buffers.
//! * [`truth`]: the log of calls, and the file it becomes (`docs/truth.md`).
//! * [`peer`]: how two domains agree on which pages are shared, and how one requests more of the other (`docs/two-domains.md`).
//! * [`builtin`]: the scenario files that are part of it.
//! * [`balloon`]: the balloon that pages for grants come out of, reported and pinned.
//! * [`undo`]: what would outlive a run that is killed, recorded beforehand and undone by the next one.
//! * [`script`], [`engine`]: scenario files (`docs/scenarios.md`), and what runs them, in orders of [`shuffle`].
//!
//! ```
//! use grantscope_generator::builtin::BUILTIN;
//! use grantscope_generator::script::{Given, Plan};
//!
//! // A scenario as it would be run: its arms, its workers, and what they hold at most. [`engine::run`] runs it on a Xen host.
//! let scenario = BUILTIN.iter().find(|scenario| scenario.name == "display-copy").expect("it comes with the program");
//! let given = Given { iterations: Some(60), peer: true, ..Given::default() };
//! let plan = Plan::read(scenario.name, scenario.text, &given)?;
//! println!("{}", plan.describe());
//! # assert!(plan.needs.gntdev && plan.expected_calls() > 60);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod balloon;
pub mod builtin;
pub mod device;
pub mod engine;
pub mod error;
pub mod line;
pub mod meminfo;
pub mod op;
pub mod peer;
pub mod script;
pub mod shuffle;
pub mod stop;
pub mod truth;
pub mod uapi;
pub mod undo;

pub use error::{Error, Result};
