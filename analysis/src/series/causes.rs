//! Why operations failed: causes, and the statuses of the references that Xen refused.

use std::collections::BTreeMap;

use crate::model::status_name;

/// Grant references by the status that Xen refused them with.
pub type Statuses = BTreeMap<i16, u64>;

/// Statuses as a list: the name, and how many references.
pub fn list_of(statuses: &Statuses, between: &str, separator: &str) -> String {
    let each = statuses.iter().rev().map(|(&status, references)| format!("{}{between}{references}", status_name(status)));
    each.collect::<Vec<_>>().join(separator)
}
