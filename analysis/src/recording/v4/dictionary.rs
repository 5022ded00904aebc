//! What is described once and then has a number. Writer and reader give the same numbers: both add and forget alike.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// As many kinds, actors, and operations in a frame, there are at the most.
pub const MOST: usize = 65_536;
/// As many events the kinds of a dictionary have together, and the operations of a frame, at the most.
pub const MOST_EVENTS: usize = 1 << 20;
/// As many bytes a thread's name has at the most: the kernel's have 15.
pub const MOST_NAME_BYTES: usize = 255;

/// Entries by their numbers, which begin at 1.
#[derive(Debug)]
pub struct Dictionary<T> {
    entries: Vec<T>,
    events: usize,
}

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), events: 0 }
    }
}

impl<T> Dictionary<T> {
    /// Takes an entry that has so many events, and says its number. Where there is no room, all others are forgotten first.
    pub fn add(&mut self, entry: T, events: usize) -> usize {
        if self.entries.len() == MOST || self.events + events > MOST_EVENTS {
            *self = Self::default();
        }
        self.entries.push(entry);
        self.events += events;
        self.entries.len()
    }

    /// The entry of a number.
    pub fn get(&mut self, number: usize) -> Option<&mut T> {
        self.entries.get_mut(number.checked_sub(1)?)
    }
}

/// The numbers of descriptions, and what the writer keeps with each.
#[derive(Debug, Default)]
pub struct Numbers<T> {
    numbers: HashMap<Box<[u8]>, usize, RandomState>,
    entries: Dictionary<T>,
}

impl<T> Numbers<T> {
    /// The number of this description; `None`: it has none.
    pub fn number(&self, description: &[u8]) -> Option<usize> {
        self.numbers.get(description).copied()
    }

    /// Takes a new description, and says its number.
    pub fn add(&mut self, description: &[u8], entry: T, events: usize) -> usize {
        let number = self.entries.add(entry, events);
        if number == 1 {
            self.numbers.clear();
        }
        self.numbers.insert(description.into(), number);
        number
    }

    /// What is kept with a number.
    pub fn get(&mut self, number: usize) -> Option<&mut T> {
        self.entries.get(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_that_is_full_begins_anew() {
        let mut numbers = Numbers::default();
        for entry in 0..MOST as u32 {
            assert_eq!(numbers.add(&entry.to_le_bytes(), entry, 1), entry as usize + 1);
        }
        assert_eq!(numbers.number(&7_u32.to_le_bytes()), Some(8));
        assert_eq!(numbers.add(b"one more", 99, 1), 1);
        assert_eq!([numbers.number(b"one more"), numbers.number(&7_u32.to_le_bytes())], [Some(1), None]);
        assert_eq!([numbers.get(1).copied(), numbers.get(2).copied(), numbers.get(0).copied()], [Some(99), None, None]);
    }

    #[test]
    fn a_dictionary_is_also_full_of_events() {
        let mut dictionary = Dictionary::default();
        assert_eq!([dictionary.add("a", MOST_EVENTS - 1), dictionary.add("b", 1), dictionary.add("c", 1)], [1, 2, 1]);
        assert_eq!(dictionary.add("d", MOST_EVENTS), 1);
    }
}
