//! What is common to all views: the data read so far, and the rows that it makes.

pub mod activity;
pub mod columns;
pub mod common;
pub mod connection;
pub mod data;
pub mod detail;
pub mod group;
pub mod listing;
pub mod rows;
pub mod selection;

#[cfg(test)]
mod tests;
