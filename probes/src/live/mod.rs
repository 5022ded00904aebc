//! What is alive: the ledger of what the hooks saw begin, and the census of what they did not; and where its pages lie.

mod census;
mod frames;
pub mod ledger;
mod pids;
pub mod table;
