//! The command `grantscope`: its command line, the live views, and what turns a recording into tables.
//!
//! From a frame to a cell on the screen: `reader` → `state` (pure) → `view` (draws from borrowed state) → `terminal`.

#[cfg(feature = "capture")]
pub mod bench;
#[cfg(feature = "capture")]
mod capture;
pub mod cli;
#[cfg(feature = "capture")]
pub mod doctor;
pub mod event_loop;
pub mod exit;
pub mod export;
pub mod filter;
pub mod input;
pub mod judge;
pub mod keys;
#[cfg(feature = "capture")]
pub mod live;
pub mod load;
pub mod maps;
pub mod plain;
pub mod reader;
#[cfg(feature = "capture")]
pub mod record;
pub mod signals;
pub mod state;
pub mod summary;
pub mod terminal;
pub mod top;
pub mod view;
#[cfg(not(feature = "capture"))]
mod viewer_only;

#[cfg(not(feature = "capture"))]
pub use viewer_only::{bench, doctor, record};

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
