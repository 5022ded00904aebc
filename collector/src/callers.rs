//! In-kernel users of the grant table: where its functions lie, and the names of those who call them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use crate::symbols::{self, Symbols};

/// Functions of drivers/xen/grant-table.c (Linux v6.12) that stand on the stack between a hook and the caller.
pub const GRANT_TABLE: [&str; 8] = [
    "gnttab_map_refs",
    "gnttab_unmap_refs",
    "gnttab_batch_map",
    "gnttab_batch_copy",
    "__gnttab_unmap_refs_async",
    "gnttab_unmap_refs_async",
    "gnttab_unmap_refs_sync",
    "gnttab_unmap_work",
];

/// Names of callers, each looked up once.
#[derive(Debug)]
pub struct Callers {
    grant_table: Range<u64>,
    names: HashMap<i32, String>,
}

impl Callers {
    /// Of symbols among which the grant table's functions were looked for.
    pub fn find(symbols: &Symbols) -> Self {
        Self { grant_table: symbols.span().unwrap_or(0..0), names: HashMap::new() }
    }

    /// Where they lie; empty: not known, then nor are callers.
    pub fn grant_table(&self) -> &Range<u64> {
        &self.grant_table
    }

    /// The function that a call comes from; `None`: not known. The probes report the address behind the call.
    pub fn name(&mut self, offset: i32) -> Option<String> {
        match self.names.entry(offset) {
            Entry::Occupied(known) => Some(known.get().clone()),
            Entry::Vacant(new) => {
                let address = self.grant_table.start.checked_add_signed(offset.into())?.checked_sub(1)?;
                // Read anew: its module may have come only now. A kernel has few places that call the grant table.
                let symbol = symbols::function_at(address)?;
                Some(new.insert(symbol.to_string()).clone())
            }
        }
    }
}
