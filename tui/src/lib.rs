//! The command `grantscope`: its command line, the live views, and what turns a recording into tables.
//!
//! From a frame to a cell on the screen: `reader` → `state` (pure) → `view` (draws from borrowed state) → `terminal`.

pub mod bench;
pub mod cli;
pub mod event_loop;
pub mod exit;
pub mod export;
pub mod input;
pub mod keys;
#[cfg(feature = "capture")]
pub mod live;
pub mod load;
pub mod plain;
pub mod reader;
pub mod record;
pub mod signals;
pub mod state;
pub mod summary;
pub mod terminal;
pub mod top;
pub mod view;

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
