//! The command `grantscope`: its command line, the live views, and what turns a recording into tables.
//!
//! A verb is a file in `commands`; frames come from `source`; people watch `screen`; what needs root is in `this_machine`.

pub mod commands;
pub mod config;
pub mod destination;
pub mod exit;
pub mod options;
pub mod remote;
pub mod screen;
pub mod source;
pub mod this_machine;

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
