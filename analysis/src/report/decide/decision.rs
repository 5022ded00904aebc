//! A comparison, and what follows from it.

use crate::decide::{Comparison, Outcome};

/// What is said beside the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// What was compared.
    pub comparison: &'a Comparison,
    /// Remarks that are allowed, by name.
    pub allowed: &'a [String],
    /// What follows.
    pub outcome: Outcome,
}
