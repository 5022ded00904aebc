//! What a reader is: a row of the table in `readers`.

use std::time::Duration;

use crate::mutate::Shape;

/// What reads something that others wrote.
pub struct Reader {
    /// Its name on the command line.
    pub name: &'static str,
    /// What its inputs are made of.
    pub shape: Shape,
    /// Where its corpus is: folders of the work tree, and how the names of its files end. What it fails on belongs into the first.
    pub corpus: &'static [(&'static str, &'static str)],
    /// Memory that an execution may have at the most. It is what `docs/SECURITY.md` promises, for inputs of this size.
    pub most_memory_mib: usize,
    /// Processor time that an execution may have at the most.
    pub most_time: Duration,
    /// Reads the input, does what the programs do with what was read, and says in a line what came of it. It panics where something came
    /// out that must not.
    pub run: fn(&[u8]) -> String,
}

impl Reader {
    /// Bytes that an execution may have.
    pub fn most_memory(&self) -> usize {
        self.most_memory_mib << 20
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
