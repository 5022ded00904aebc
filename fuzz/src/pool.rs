//! The inputs that others are made of: the corpus, and what got somewhere new.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result};
use fastrand::Rng;

use crate::limits::MOST_INPUT_BYTES;
use crate::reader::Reader;

/// Inputs that are kept at the most; beyond that one takes another's place.
const MOST: usize = 4_096;

/// Inputs, and what readers said of them.
pub struct Pool {
    inputs: Vec<Vec<u8>>,
    /// Those of the corpus come first, and stay.
    of_corpus: usize,
    said: HashSet<u64>,
    most_memory: usize,
}

impl Pool {
    /// The reader's corpus: files of this work tree, in the order of their names.
    ///
    /// # Errors
    /// It cannot be read, or is empty.
    pub fn of(reader: &Reader) -> Result<Self> {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in a folder of the work tree")?;
        let mut files = Vec::new();
        for (folder, end) in reader.corpus {
            let folder = tree.join(folder);
            let entries = fs::read_dir(&folder).with_context(|| format!("{folder:?} cannot be read"))?;
            let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
            files.extend(paths.into_iter().filter(|path| path.to_string_lossy().ends_with(end)));
        }
        files.sort();
        let read = |path| fs::read(path).with_context(|| format!("{path:?} cannot be read"));
        let mut inputs = files.iter().map(read).collect::<Result<Vec<_>>>()?;
        inputs.retain(|input| input.len() <= MOST_INPUT_BYTES);
        anyhow::ensure!(!inputs.is_empty(), "the reader {} has no corpus", reader.name);
        Ok(Self { of_corpus: inputs.len(), inputs, said: HashSet::new(), most_memory: 0 })
    }

    /// All of them.
    pub fn inputs(&self) -> &[Vec<u8>] {
        &self.inputs
    }

    /// Any of them: one of the latest as often as one of all, and rather a small one, of which more are executed in the same time.
    pub fn any(&self, rng: &mut Rng) -> &[u8] {
        let latest = self.inputs.len().saturating_sub(32);
        let from = if rng.bool() { latest } else { 0 };
        let [one, other] = [(); 2].map(|()| &self.inputs[rng.usize(from..self.inputs.len())]);
        if one.len() < other.len() { one } else { other }
    }

    /// Whether a reader has said this for the first time, but for its numbers, or has taken clearly more memory than ever.
    pub fn is_news(&mut self, said: &str, memory: usize) -> bool {
        let mut hasher = DefaultHasher::new();
        said.bytes().filter(|byte| !byte.is_ascii_digit()).for_each(|byte| byte.hash(&mut hasher));
        let takes_more = memory > self.most_memory + self.most_memory / 16;
        self.most_memory = self.most_memory.max(memory);
        self.said.insert(hasher.finish()) || takes_more
    }

    /// Most memory of an execution so far.
    pub fn most_memory(&self) -> usize {
        self.most_memory
    }

    /// Keeps an input.
    pub fn keep(&mut self, rng: &mut Rng, input: Vec<u8>) {
        if self.inputs.len() < MOST {
            self.inputs.push(input);
        } else {
            let place = rng.usize(self.of_corpus.min(MOST - 1)..MOST);
            self.inputs[place] = input;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::READERS;

    #[test]
    fn every_reader_has_a_corpus() {
        for reader in READERS {
            assert!(Pool::of(reader).unwrap().inputs().iter().any(|input| !input.is_empty()), "{}", reader.name);
        }
    }

    #[test]
    fn news_are_other_words_or_more_memory_and_not_other_numbers() {
        let mut pool = Pool::of(&READERS[0]).unwrap();
        assert!(pool.is_news("5 frames", 100));
        assert!(!pool.is_news("6 frames", 100));
        assert!(pool.is_news("no frames", 100) && pool.is_news("6 frames", 200));
    }
}
