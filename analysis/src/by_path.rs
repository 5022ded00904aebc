//! What is made once for all operations that pass the same hooks in the same order: most do.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use grantscope_wire::Event;

/// Paths that are remembered.
pub const MOST_PATHS: usize = 4_096;

/// Values by paths.
#[derive(Clone, Debug)]
pub struct ByPath<T> {
    /// Places in `values`.
    known: HashMap<Box<[u8]>, usize, RandomState>,
    values: Vec<T>,
    /// The path that is asked for.
    path: Vec<u8>,
}

impl<T> Default for ByPath<T> {
    fn default() -> Self {
        Self { known: HashMap::default(), values: Vec::new(), path: Vec::new() }
    }
}

impl<T> ByPath<T> {
    /// The value of what is known about operations and of their log's codes: of everything that it depends on. It is made if it is not known.
    pub fn of(&mut self, about: &[u8], log: &[Event], make: impl FnOnce() -> T) -> &T {
        self.path.clear();
        self.path.extend_from_slice(about);
        self.path.extend(log.iter().map(|event| event.code_of()));
        let place = self.known.get(&self.path[..]).copied().unwrap_or_else(|| self.add(make()));
        &self.values[place]
    }

    /// Remembers the value of the path that was asked for, and says its place.
    fn add(&mut self, value: T) -> usize {
        if self.values.len() >= MOST_PATHS {
            self.clear();
        }
        self.values.push(value);
        let place = self.values.len() - 1;
        self.known.insert(self.path[..].into(), place);
        place
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.known.clear();
        self.values.clear();
    }

    /// How many are known.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.known.len()
    }
}
