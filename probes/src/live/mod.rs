//! What is alive: the ledger of what the hooks saw begin, and the census of what they did not.

mod census;
pub mod ledger;
mod pids;
pub mod table;
