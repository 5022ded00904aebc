//! What is timed together: the actions of the scenario.

use anyhow::Result;

use crate::commands::bench::medians::Medians;

/// The calls.
pub const SCENARIO: &str = include_str!("overhead.toml");
/// Their page counts, as in the scenario.
pub const PAGES: [u32; 3] = [1, 16, 256];

/// What is timed together: the calls that one action of the scenario makes.
pub struct Action {
    /// In the tables.
    pub name: &'static str,
    /// The kind of buffer that it is about.
    pub buffer: &'static str,
    /// Its calls.
    pub ops: &'static [&'static str],
}

impl Action {
    /// The sum of its calls' medians, in µs.
    ///
    /// # Errors
    /// When a call was not timed.
    pub fn us(&self, medians: &Medians, pages: u32) -> Result<f64> {
        self.ops.iter().map(|op| medians.us(op, self.buffer, pages)).sum()
    }
}

/// All, in the order of the tables.
pub const ACTIONS: [Action; 3] = [
    Action { name: "map+mmap+munmap+unmap", buffer: "pages", ops: &["map", "mmap", "munmap", "unmap"] },
    Action { name: "export+close, pages", buffer: "pages", ops: &["export", "release"] },
    Action { name: "export+close, WC", buffer: "wc", ops: &["export", "release"] },
];

/// Of each action at one page, in µs.
///
/// # Errors
/// When a call was not timed.
pub fn actions_us(medians: &Medians) -> Result<Vec<f64>> {
    ACTIONS.iter().map(|action| action.us(medians, 1)).collect()
}
