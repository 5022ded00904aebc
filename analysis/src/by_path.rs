//! What is made once for all operations that pass the same hooks in the same order: most do.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Paths that are remembered.
pub const MOST_PATHS: usize = 4_096;

/// Values by paths.
#[derive(Clone, Debug)]
pub struct ByPath<T> {
    known: HashMap<Box<[u8]>, T, RandomState>,
    /// The path that is asked for.
    path: Vec<u8>,
}

impl<T> Default for ByPath<T> {
    fn default() -> Self {
        Self { known: HashMap::default(), path: Vec::new() }
    }
}

impl<T> ByPath<T> {
    /// The value of a path: everything that it depends on. It is made if it is not known.
    pub fn of(&mut self, path: impl IntoIterator<Item = u8>, make: impl FnOnce() -> T) -> &T {
        self.path.clear();
        self.path.extend(path);
        if !self.known.contains_key(&self.path[..]) {
            if self.known.len() >= MOST_PATHS {
                self.known.clear();
            }
            self.known.insert(self.path[..].into(), make());
        }
        &self.known[&self.path[..]]
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// How many are known.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.known.len()
    }
}
