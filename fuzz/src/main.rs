//! `grantscope-fuzz`: readers on mutated inputs. Run it as `cargo xtask fuzz`, which compiles it so that coverage guides it.
//!
//! `readers` is the table of what is run on which inputs; `mutate` makes inputs of others; `worker` executes them in a process of its own,
//! in bounded memory and time, guided by `coverage`; `driver` starts it, and keeps, minimises and reports what it failed on.

mod coverage;
mod driver;
mod execute;
mod failure;
mod limits;
mod memory;
mod minimise;
mod mutate;
mod pool;
mod reader;
mod readers;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use crate::driver::Campaign;
use crate::reader::Reader;

/// Runs every reader on mutated inputs, in little memory and time.
///
/// An input that a reader fails on (a panic, too much memory or time) is made as small as it can be, and written to a file; the
/// message says how to run it again.
#[derive(Debug, Parser)]
#[command(name = "grantscope-fuzz")]
struct Cli {
    /// The readers, by name; none: all of them
    #[arg(value_name = "READER", value_parser = readers::by_name)]
    readers: Vec<&'static Reader>,
    /// How long, all readers together: 30s, 10m, 2h
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = duration)]
    time: Duration,
    /// Repeats a run: the same seed makes the same inputs. Without: another one each time
    #[arg(long)]
    seed: Option<u64>,
    /// Runs the one reader on this input alone
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The folder for inputs that a reader fails on
    #[arg(long, value_name = "FOLDER", default_value = "fuzz-failures")]
    failures: PathBuf,
    /// Executes in this process; the driver starts it so
    #[arg(long, hide = true, value_name = "FOLDER")]
    worker: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let readers = if cli.readers.is_empty() { readers::READERS.iter().collect() } else { cli.readers };
    if let Some(input) = cli.input {
        return worker::once(&readers, &input).map(|()| ExitCode::SUCCESS);
    }
    let seed = cli.seed.unwrap_or_else(|| fastrand::u64(..));
    if let (Some(folder), [reader]) = (cli.worker, &readers[..]) {
        return worker::run(reader, seed, cli.time, &folder).map(|()| ExitCode::SUCCESS);
    }
    let found = Campaign { readers, time: cli.time, seed, failures: cli.failures }.run()?;
    Ok(if found { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `30s`, `10m`, `2h`, and `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let ms = match &text[number.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("give a number and s, m or h, such as 30s or 2h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "give a whole number, such as 30s or 2h".to_owned())?;
    number.checked_mul(ms).map(Duration::from_millis).ok_or_else(|| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "5", "h", "1.5h", "-1s", "5d", "99999999999999999999h", "18446744073709551615h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
