//! Names of callers, each once: what is kept by them compares numbers instead of texts.
//!
//! Whoever makes a recording chooses them, and they are kept until this program ends; so only so many bytes of them are.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use internment::Intern;

/// As many bytes the names have together at the most. A symbol of the kernel has up to 512 (`KSYM_NAME_LEN` in
/// include/linux/kallsyms.h, Linux v6.12), and a few dozen functions call the grant table.
pub const MOST_BYTES: usize = 4 << 20;

/// The names that are kept.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    known: HashMap<&'static str, Intern<str>, RandomState>,
    bytes: usize,
}

impl Callers {
    /// The one copy of a name; `None`: there is no room for it.
    pub fn keep(&mut self, name: &str) -> Option<Intern<str>> {
        if let Some(known) = self.known.get(name) {
            return Some(*known);
        }
        if self.bytes + name.len() > MOST_BYTES {
            return None;
        }
        self.bytes += name.len();
        let caller: Intern<str> = Intern::from(name);
        self.known.insert(caller.as_ref(), caller);
        Some(caller)
    }

    /// The one copy of a name that is kept already.
    pub fn get(&self, name: &str) -> Option<Intern<str>> {
        self.known.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_beyond_the_bound_those_that_are_known() {
        let mut callers = Callers::default();
        let large = "x".repeat(MOST_BYTES - 5);
        let first = callers.keep("first");
        assert!(first.is_some() && callers.keep(&large).is_some());
        assert_eq!([callers.keep("first"), callers.get("first"), callers.keep("one more")], [first, first, None]);
        assert_eq!((callers.bytes, callers.get("one more")), (MOST_BYTES, None));
    }
}
