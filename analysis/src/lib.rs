//! Everything between a recording and the person who reads the numbers: functions of values, for any machine.
//!
//! A recording's frames ([`recording`]) carry values of the [`model`]; [`series`] adds them up to histograms; [`live`] follows the
//! mappings that are alive; [`verify`] compares with what the load generator wrote down; [`report`] turns it all into text and files.

#[cfg(test)]
mod fixtures;
pub mod live;
pub mod model;
pub mod recording;
pub mod report;
pub mod series;
pub mod verify;
