//! A campaign: a worker for each reader, and what becomes of the inputs that they fail on.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::execute::{Ended, this_program};
use crate::failure::Report;
use crate::minimise::minimised;
use crate::reader::Reader;
use crate::worker::CURRENT;

/// Defects of a reader, after which the next one's turn comes.
const MOST_DEFECTS: usize = 8;

/// Readers that are run one after the other.
pub struct Campaign {
    /// Which.
    pub readers: Vec<&'static Reader>,
    /// How long, all together.
    pub time: Duration,
    /// Makes the same inputs again.
    pub seed: u64,
    /// Where inputs go that a reader fails on.
    pub failures: PathBuf,
}

/// How far a worker has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    executions: u64,
    inputs: u64,
    memory_bytes: u64,
    /// Places that were passed, of all: 0 of 0 where they are not counted.
    places: (u64, u64),
}

impl Campaign {
    /// Runs it; whether a reader failed.
    ///
    /// # Errors
    /// A process cannot be started, or a file not be written.
    pub fn run(&self) -> Result<bool> {
        println!("seed {} (--seed {0} makes the same inputs)", self.seed);
        let share = self.time / u32::try_from(self.readers.len().max(1))?;
        let mut found = false;
        for reader in &self.readers {
            found |= self.run_reader(reader, share)?;
        }
        Ok(found)
    }

    fn run_reader(&self, reader: &'static Reader, share: Duration) -> Result<bool> {
        let (began, folder) = (Instant::now(), TempDir::new()?);
        let (mut sum, mut defects) = (Progress::default(), BTreeSet::new());
        for round in 0.. {
            let left = share.saturating_sub(began.elapsed());
            if round > 0 && left.is_zero() || defects.len() >= MOST_DEFECTS {
                break;
            }
            let seed = self.seed.wrapping_add(round);
            let (progress, ended) = work(reader, seed, left, folder.path(), sum)?;
            sum = progress;
            let Ended::Failed(report) = ended else { break };
            if defects.insert(report.defect()) {
                let input = fs::read(folder.path().join(CURRENT)).context("the input that it failed on cannot be read")?;
                self.keep(reader, input, &report, folder.path())?;
            }
        }
        let verdict = if defects.is_empty() { "ok  " } else { "FAIL" };
        println!("{verdict} {}: {}", reader.name, sum.line(reader, began.elapsed()));
        Ok(!defects.is_empty())
    }

    /// Makes the input smaller, writes it down, and says how to run it again.
    fn keep(&self, reader: &'static Reader, input: Vec<u8>, report: &Report, folder: &Path) -> Result<()> {
        let input = minimised(reader, input, &report.defect(), folder)?;
        fs::create_dir_all(&self.failures).with_context(|| format!("{:?} cannot be made", self.failures))?;
        let hash = crc32fast::hash(&input);
        let file = self.failures.join(format!("{}-{hash:08x}", reader.name));
        fs::write(&file, input).with_context(|| format!("{file:?} cannot be written"))?;
        println!("{}: {report}", reader.name);
        println!("    run it again: cargo xtask fuzz {} --input {}", reader.name, std::path::absolute(&file)?.display());
        println!("    once it is mended, it belongs into {}/", reader.corpus[0].0);
        Ok(())
    }
}

/// Has a worker execute a reader for so long, after `before`.
fn work(reader: &Reader, seed: u64, time: Duration, folder: &Path, before: Progress) -> Result<(Progress, Ended)> {
    let said = folder.join("said");
    let mut command = this_program(reader)?;
    command.args(["--seed", &seed.to_string(), "--for", &format!("{}ms", time.as_millis())]);
    command.arg("--worker").arg(folder).stdout(Stdio::piped()).stderr(File::create(&said)?);
    let mut child = command.spawn().context("the worker cannot be started")?;
    let mut progress = before;
    for line in BufReader::new(child.stdout.take().context("it has a pipe")?).lines() {
        progress = before.and(&line?);
        progress.show(reader);
    }
    let status = child.wait().context("the worker cannot be waited for")?;
    let said = fs::read(&said)?;
    Ok((progress, Report::of(status, &String::from_utf8_lossy(&said)).map_or(Ended::Well, Ended::Failed)))
}

impl Progress {
    /// With what a worker's line says.
    fn and(self, line: &str) -> Self {
        let mut numbers = line.split(' ').map_while(|number| number.parse::<u64>().ok());
        let mut next = || numbers.next().unwrap_or_default();
        Self {
            executions: self.executions + next(),
            inputs: next(),
            memory_bytes: self.memory_bytes.max(next()),
            places: (next(), next()),
        }
    }

    fn line(&self, reader: &Reader, time: Duration) -> String {
        let places = match self.places {
            (_, 0) => String::new(),
            (passed, all) => format!(", {passed} of {all} places passed"),
        };
        format!(
            "{} executions in {} s, {} inputs kept{places}, most memory {} KiB of {} KiB",
            self.executions,
            time.as_secs(),
            self.inputs,
            self.memory_bytes >> 10,
            reader.most_memory() >> 10
        )
    }

    /// How far it has come, on a terminal: over what was said before.
    fn show(&self, reader: &Reader) {
        if stderr().is_terminal() {
            // It is for people who look: nobody misses it.
            let _ = write!(stderr(), "\r\x1b[K{}: {} executions, {} inputs", reader.name, self.executions, self.inputs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_line_is_added_to_what_came_before() {
        let before = Progress { executions: 10, inputs: 5, memory_bytes: 1_000, places: (1, 9) };
        let after = before.and("100 7 200 3 9");
        assert_eq!(after, Progress { executions: 110, inputs: 7, memory_bytes: 1_000, places: (3, 9) });
    }
}
