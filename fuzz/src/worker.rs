//! Executes a reader on one input after the other, in a process of its own: whatever an input does to it, the driver goes on.

use std::fs::{self, File};
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fastrand::Rng;

use crate::coverage::Coverage;
use crate::failure;
use crate::limits::Watch;
use crate::memory;
use crate::mutate::mutated;
use crate::pool::Pool;
use crate::reader::Reader;

/// The name of the file that has the input under execution.
pub const CURRENT: &str = "current";
/// Between two reports.
const PERIOD: Duration = Duration::from_secs(1);

/// Executes a reader for so long. Lines on standard output say how far it has come: executions, inputs in the pool, most memory in bytes,
/// places passed, places in all.
///
/// # Errors
/// The corpus cannot be read, or the input not written down. A reader's failure ends the process.
pub fn run(reader: &Reader, seed: u64, time: Duration, folder: &Path) -> Result<()> {
    let mut worker = Worker::new(reader, folder)?;
    let (mut rng, began) = (Rng::with_seed(seed), Instant::now());
    let mut pool = Pool::of(reader)?;
    for input in pool.inputs().to_vec() {
        worker.execute(&input, &mut pool)?;
    }
    let mut reported = began;
    while began.elapsed() < time {
        let (input, other) = (pool.any(&mut rng), pool.any(&mut rng));
        let input = mutated(reader.shape, &mut rng, input, other);
        if worker.execute(&input, &mut pool)? {
            pool.keep(&mut rng, input);
        }
        if reported.elapsed() > PERIOD {
            reported = Instant::now();
            worker.report(&pool)?;
        }
    }
    worker.report(&pool)
}

/// Executes readers on the input in a file.
///
/// # Errors
/// It cannot be read. A reader's failure ends the process.
pub fn once(readers: &[&Reader], input: &Path) -> Result<()> {
    let bytes = fs::read(input).with_context(|| format!("{input:?} cannot be read"))?;
    let mut watch = Watch::new()?;
    for reader in readers {
        watch.begin(reader.most_time)?;
        let (said, memory) = measured(reader, &bytes);
        println!("{}: {said}; {} KiB", reader.name, memory >> 10);
    }
    Ok(())
}

struct Worker<'a> {
    reader: &'a Reader,
    watch: Watch,
    coverage: Coverage,
    current: File,
    executions: u64,
}

impl<'a> Worker<'a> {
    fn new(reader: &'a Reader, folder: &Path) -> Result<Self> {
        let current = File::create(folder.join(CURRENT)).context("the input cannot be written down")?;
        Ok(Self { reader, watch: Watch::new()?, coverage: Coverage::default(), current, executions: 0 })
    }

    /// Whether it was of use: it got somewhere new.
    fn execute(&mut self, input: &[u8], pool: &mut Pool) -> Result<bool> {
        self.current.set_len(input.len() as u64)?;
        self.current.write_all_at(input, 0)?;
        self.coverage.forget();
        self.watch.begin(self.reader.most_time)?;
        let (said, memory) = measured(self.reader, input);
        self.executions += 1;
        // Both are asked: each remembers.
        let (is_covered, is_news) = (self.coverage.is_new(), pool.is_news(&said, memory));
        Ok(is_covered || is_news)
    }

    fn report(&self, pool: &Pool) -> Result<()> {
        let (passed, places) = self.coverage.places().unwrap_or_default();
        let (inputs, memory) = (pool.inputs().len(), pool.most_memory());
        writeln!(stdout().lock(), "{} {inputs} {memory} {passed} {places}", self.executions)?;
        Ok(())
    }
}

/// What the reader says of the input, and the memory that this took; more than it may have ends the process.
fn measured(reader: &Reader, input: &[u8]) -> (String, usize) {
    let (said, memory) = memory::measured(|| (reader.run)(input));
    if memory > reader.most_memory() {
        failure::too_much_memory(memory, reader.most_memory());
    }
    (said, memory)
}
