//! Everything between a recording and the person who reads the numbers: functions of values, for any machine.
//!
//! A recording's frames ([`recording`]) carry values of the [`model`]; [`stages`] makes stages of the hooks that an operation passed;
//! [`own`] says how much of their time was the probes'; [`series`] adds them up to histograms; [`history`] keeps what happened when;
//! [`marks`] are the names that somebody gave to times;
//! [`live`] follows the mappings that are alive; [`quantile`] is the table of quantiles, with what each needs; [`column`] is the table of
//! all that is shown of a series; [`select`] is the language that says which series are meant; [`compare`] puts buffer kinds side by side;
//! [`merge`] adds runs up; [`toml_text`] guards the parser of TOML, and says where in it something is; [`shown`] writes text that others
//! wrote; [`verify`] compares with what the load generator wrote down; [`report`] makes text and files of it all.
//!
//! ```
//! use grantscope_analysis::recording::Reader;
//! use grantscope_analysis::series::Aggregate;
//! use grantscope_wire::{Buffer, Op};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/version-1-sweep.gsr");
//! // `path` is that of a recording. Everything in it, added up to one histogram per series:
//! let mut reader = Reader::open(std::fs::File::open(path)?)?;
//! let mut aggregate = Aggregate::default();
//! while let Some(frame) = reader.next_frame()? {
//!     aggregate.add(&frame);
//! }
//!
//! // 99 % of the exports of write-combining buffers took at most this long, for each page count and domain:
//! for (key, series) in aggregate.series() {
//!     if key.op == Op::Export && key.buffer == Some(Buffer::Wc) && key.stage.is_none() {
//!         println!("{:?} pages of dom{:?}, {}: {:?} ns", key.pages, key.domid, key.outcome, series.quantile_ns(0.99));
//!     }
//! }
//! # let exports = aggregate.series().filter(|(key, _)| key.op == Op::Export && key.buffer == Some(Buffer::Wc));
//! # assert!(exports.count() > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod by_path;
pub mod column;
pub mod compare;
pub mod decide;
mod error_chain;
#[cfg(test)]
mod fixtures;
pub mod history;
pub mod live;
pub mod marks;
pub mod merge;
pub mod model;
pub mod own;
pub mod quantile;
pub mod recording;
pub mod report;
pub mod runs;
pub mod select;
pub mod series;
pub mod shown;
pub mod stages;
pub mod toml_text;
pub mod units;
pub mod verify;

pub use error_chain::error_chain;
