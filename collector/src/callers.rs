//! In-kernel users of the grant table: where its functions lie, and the names of those who call them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use crate::symbols::Kallsyms;

/// Functions of drivers/xen/grant-table.c (Linux v6.12) that stand on the stack between a hook and the caller.
const GRANT_TABLE: [&str; 8] = [
    "gnttab_map_refs",
    "gnttab_unmap_refs",
    "gnttab_batch_map",
    "gnttab_batch_copy",
    "__gnttab_unmap_refs_async",
    "gnttab_unmap_refs_async",
    "gnttab_unmap_refs_sync",
    "gnttab_unmap_work",
];

/// They come out of one file of 1,700 lines. Where a linker has scattered them, what lies between is not all the grant table's.
const LARGEST_SPAN: u64 = 64 << 10;

/// Names of callers, each looked up once.
#[derive(Debug)]
pub struct Callers {
    grant_table: Range<u64>,
    names: HashMap<i32, String>,
}

impl Callers {
    /// Looks for the grant table's functions.
    pub fn find(symbols: &Kallsyms) -> Self {
        let span = symbols.span(&GRANT_TABLE).filter(|span| span.end - span.start <= LARGEST_SPAN);
        Self { grant_table: span.unwrap_or(0..0), names: HashMap::new() }
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
                let symbol = Kallsyms::read().ok()?.function_at(address)?;
                Some(new.insert(symbol.to_string()).clone())
            }
        }
    }
}
