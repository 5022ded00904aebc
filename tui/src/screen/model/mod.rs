//! What is common to all views: the data read so far, and the rows that it makes.

pub mod baseline;
pub mod columns;
pub mod common;
pub mod connection;
pub mod data;
pub mod detail;
pub mod listing;
pub mod output;
pub mod passed;
pub mod rows;
pub mod selection;
pub mod sizes;
pub mod subject;
pub mod timeline;

#[cfg(test)]
mod tests;
