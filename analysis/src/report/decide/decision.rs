//! A comparison, and what follows from it.

use crate::decide::{Comparison, Outcome, Remark};

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

impl Decision<'_> {
    /// Whether a remark may be.
    pub fn allows(&self, remark: &Remark) -> bool {
        remark.is_among(self.allowed)
    }
}
