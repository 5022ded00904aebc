//! The series that slices tell apart: each has a number, and there are only so many.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::series::SeriesKey;

/// As many are told apart. What comes beyond is counted in all sums, and in no row.
const MOST_KEYS: u16 = 1_024;
/// What is told apart no further, and did not fail; behind it what did.
const OTHERS: u16 = MOST_KEYS;
/// Numbers that there can be.
pub const PLACES: usize = MOST_KEYS as usize + 2;

/// The numbers.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    all: Vec<SeriesKey>,
    places: HashMap<SeriesKey, u16, RandomState>,
}

/// Which series are asked for.
#[derive(Clone, Copy)]
pub enum Which<'a> {
    /// All, also what is told apart no further.
    All,
    /// Those of which this is true, as of a selector or of the members of a group.
    Of(&'a dyn Fn(&SeriesKey) -> bool),
}

impl Which<'_> {
    /// Whether this one is.
    pub(super) fn means(&self, key: &SeriesKey) -> bool {
        match self {
            Self::All => true,
            Self::Of(is_meant) => is_meant(key),
        }
    }
}

impl Keys {
    /// The number of a series of whole operations; `None`: of what has none.
    pub fn place(&mut self, key: Option<SeriesKey>, is_failure: bool) -> u16 {
        let others = OTHERS + u16::from(is_failure);
        let Some(key) = key else { return others };
        if let Some(&place) = self.places.get(&key) {
            return place;
        }
        let place = self.all.len() as u16;
        if place == MOST_KEYS {
            return others;
        }
        self.all.push(key);
        self.places.insert(key, place);
        place
    }

    /// The series of a number; `None`: what is told apart no further.
    pub fn key(&self, place: u16) -> Option<SeriesKey> {
        self.all.get(usize::from(place)).copied()
    }

    /// Whether operations of this number failed.
    pub fn is_failure(&self, place: u16) -> bool {
        self.key(place).map_or(place != OTHERS, |key| key.is_failure())
    }

    /// For each number, whether it is asked for.
    pub fn wanted(&self, which: Which<'_>) -> Box<[bool]> {
        let is_wanted = |place| self.key(place).map_or(matches!(which, Which::All), |key| which.means(&key));
        (0..PLACES as u16).map(is_wanted).collect()
    }

    /// Memory.
    pub fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<SeriesKey>() + self.places.capacity() * size_of::<(SeriesKey, u16)>() * 8 / 7
    }

    /// As much as that can be: a vector and a table that grow have at most twice the room that they need.
    pub const fn most_bytes() -> usize {
        2 * PLACES * (size_of::<SeriesKey>() + size_of::<(SeriesKey, u16)>() * 8 / 7)
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;
    use crate::model::Outcome;

    fn key(pages: u32) -> SeriesKey {
        SeriesKey { pages: Some(pages), ..SeriesKey::total(&export(Buffer::Wc, 1), None) }
    }

    #[test]
    fn series_beyond_the_bound_are_told_apart_by_whether_they_failed() {
        let mut keys = Keys::default();
        let places: Vec<_> = (0..2_000).map(|pages| keys.place(Some(key(pages)), false)).collect();
        assert!(places.iter().take(1_024).copied().eq(0..1_024) && places[1_024..].iter().all(|&place| place == OTHERS));
        let failed = SeriesKey { outcome: Outcome::Errno(12), ..key(1) };
        let beyond = [keys.place(Some(failed), true), keys.place(None, false)];
        assert_eq!(beyond.map(|place| (keys.key(place), keys.is_failure(place))), [(None, true), (None, false)]);
        assert_eq!(keys.place(Some(key(5)), false), 5);
        assert!(keys.bytes() <= Keys::most_bytes());
    }

    #[test]
    fn only_what_is_asked_for_is_wanted() {
        let mut keys = Keys::default();
        let places: Vec<_> = (0..3).map(|pages| keys.place(Some(key(pages)), false)).collect();
        let wanted = |which| keys.wanted(which).iter().filter(|&&wanted| wanted).count();
        assert_eq!((wanted(Which::All), wanted(Which::Of(&|key| key.pages == Some(2)))), (PLACES, 1));
        assert_eq!(places, [0, 1, 2]);
    }
}
