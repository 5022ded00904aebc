//! What the probes and the collector say to each other: one definition per byte, compiled by both sides.
//!
//! Ids are written to recordings, so they are never reused and never change their meaning.
#![no_std]

#[macro_use]
mod named_ids;

pub mod cause;
pub mod filter;
pub mod handover;
pub mod hook;
pub mod kernel;
pub mod live;
pub mod loss;
pub mod op;
pub mod record;
pub mod stage;
pub mod table;
pub mod turn;

pub use cause::Cause;
pub use filter::Filter;
pub use hook::{Detail, HOOKS, Hook, HookId, Row};
pub use kernel::Kernel;
pub use live::{FoundMap, LiveMap, MapInfo, PendingTeardown};
pub use loss::LossKind;
pub use op::{Allocator, Buffer, Op, OpAt};
pub use record::{DmaMapping, Edge, Event, GrantStatus, OpHeader, OpRecord, TeardownInside};
pub use stage::Stage;
pub use turn::{TableId, Turn};
