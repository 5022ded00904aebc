//! A name that somebody gave to a time.

use std::sync::Arc;

use crate::shown::CUT;

/// A name has as many bytes at the most.
pub const MOST_MARK_BYTES: usize = 64;

/// A time with a name: "the cable is out", "second try".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    at_ns: u64,
    name: Arc<str>,
}

impl Mark {
    /// Of a name that is too long, the beginning, with [`CUT`] behind it.
    pub fn new(at_ns: u64, name: &str) -> Self {
        if name.len() <= MOST_MARK_BYTES {
            return Self { at_ns, name: name.into() };
        }
        let most = MOST_MARK_BYTES - CUT.len_utf8();
        let end = (0..=most).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        Self { at_ns, name: format!("{}{CUT}", &name[..end]).into() }
    }

    /// The time, monotonic.
    pub fn at_ns(&self) -> u64 {
        self.at_ns
    }

    /// Its name, as it was written: escaped where it is shown.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_cut_between_characters_and_says_so() {
        let whole = "x".repeat(MOST_MARK_BYTES);
        assert_eq!(Mark::new(1, &whole).name(), whole);
        assert_eq!(Mark::new(1, &format!("{whole}y")).name(), format!("{}…", "x".repeat(61)));
        assert_eq!(Mark::new(1, &"é".repeat(MOST_MARK_BYTES)).name(), format!("{}…", "é".repeat(30)));
    }
}
