//! Live mappings: what is held, by whom, for how long, and what looks like a leak.

mod leaks;
mod ledger;

pub use leaks::{LEAK_AFTER, Suspicion};
pub use ledger::{Held, Ledger};
