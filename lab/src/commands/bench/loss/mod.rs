//! `cargo xtask bench loss`: whether a recorder keeps up with four threads as fast as they go, and with more: real records that a program
//! writes into its ring at a multiple of that rate.

use std::{mem::offset_of, path::Path, process::ExitCode};

use anyhow::{Context, Result, ensure};
use grantscope_wire::{
    Op, OpHeader,
    record::{HEADER_BYTES, PART, SOUNDED},
};

use super::{
    document,
    job::{self, Script},
};
use crate::{
    boot::{console_watch::TIMEOUT, run::Outcome},
    cache::Cache,
    checks::recorded::truth,
    fetch::Consent,
    place,
};

/// What dom0 runs.
const SCRIPT: &str = include_str!("../../../../guest/measure-loss");
/// The calls.
const SCENARIO: &str = include_str!("loss.toml");
/// Iterations of each thread.
const THREADS_ITERATIONS: u32 = 2000;
/// Multiples of the threads' rate.
const TIMES: [u32; 4] = [1, 2, 5, 10];
/// For how long, in seconds.
const SECONDS: u32 = 2;
/// Operations of which a record is one: those that unmap carry a second one, the teardown.
const OPS: [Op; 4] = [Op::Map, Op::Mmap, Op::Munmap, Op::Export];

/// Arguments of `bench loss`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write the table into docs/performance.md
    #[arg(long)]
    pub write: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Measures, and prints the table.
///
/// # Errors
/// When the lab cannot be set up, the run fails, or records vanish without being counted as lost.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let lab = job::lab(&Cache::open()?, Consent::new(arguments.yes))?;
    let out = place::work_tree().join("target/bench-loss");
    let text = script();
    let script = Script { text: &text, files: &[("loss.toml", SCENARIO)], programs: &["producer"] };
    let outcome = job::run(&lab, &script.job(&out)?, TIMEOUT, &out)?;
    let table = table(&rows(&out, &outcome)?);
    println!("{table}");
    if arguments.write {
        document::write("loss", &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn script() -> String {
    let ops = OPS.iter().fold(0_u64, |bits, op| bits | 1 << op.id());
    let offsets = [
        offset_of!(OpHeader, op),
        offset_of!(OpHeader, flags),
        offset_of!(OpHeader, event_count),
        offset_of!(OpHeader, status_count),
    ];
    let record = [&offsets[..], &[HEADER_BYTES, usize::from(PART | SOUNDED)]].concat();
    let record: Vec<_> = record.iter().map(usize::to_string).chain([ops.to_string()]).collect();
    SCRIPT
        .replace("THREADS_ITERATIONS", &THREADS_ITERATIONS.to_string())
        .replace("TIMES", &TIMES.map(|times| times.to_string()).join(" "))
        .replace("RECORD", &record.join(" "))
        .replace("SECONDS", &SECONDS.to_string())
}

/// What one recorder had to do, and what came of it.
#[derive(Debug, PartialEq)]
struct Row {
    what: String,
    a_second: f64,
    made: u64,
    recorded: u64,
    lost: u64,
    /// What making one takes, in ns of the processor's time; `None`: not known.
    each_ns: Option<f64>,
}

fn rows(out: &Path, outcome: &Outcome) -> Result<Vec<Row>> {
    let rate = number(&outcome.required("rate")?)?;
    let mut rows = vec![of_threads(out, outcome, rate)?];
    for times in TIMES {
        rows.push(of_producer(times, out, outcome)?);
    }
    for row in &rows {
        let Row { what, made, recorded, lost, .. } = row;
        ensure!(recorded + lost == *made, "{what}: {recorded} were recorded and {lost} lost, of {made}");
    }
    Ok(rows)
}

fn of_threads(out: &Path, outcome: &Outcome, rate: u64) -> Result<Row> {
    let (recorded, lost) = said(&outcome.required("said-threads")?)?;
    let made = truth(&out.join("threads.json"))?.operation_count();
    Ok(Row { what: "four threads, calls".to_owned(), a_second: rate as f64, made, recorded, lost, each_ns: None })
}

/// What the recorder lost of it is what the ring refused: the producer counts that itself. Operations beside it are not counted here.
fn of_producer(times: u32, out: &Path, outcome: &Outcome) -> Result<Row> {
    let (recorded, lost) = said(&outcome.required(&format!("said-{times}"))?)?;
    let beside = truth(&out.join(format!("{times}.json")))?.operation_count();
    ensure!(lost == 0, "of the few operations beside the producer {lost} were lost");
    let produced = outcome.required(&format!("produced-{times}"))?;
    let words = produced.split_whitespace().map(number).collect::<Result<Vec<_>>>()?;
    let [made, refused, ns, cpu_ns] = words[..] else { anyhow::bail!("the producer said {produced:?}") };
    let recorded = recorded.checked_sub(beside).context("not even the operations beside the producer were recorded")?;
    Ok(Row {
        what: format!("{times} × that, records"),
        a_second: made as f64 / ns as f64 * 1e9,
        made,
        recorded,
        lost: refused,
        each_ns: Some(cpu_ns as f64 / made as f64),
    })
}

fn number(text: &str) -> Result<u64> {
    text.trim().parse().with_context(|| format!("no number: {text:?}"))
}

/// How many operations the recorder recorded and lost, from what it said at its end.
fn said(text: &str) -> Result<(u64, u64)> {
    let numbers = |line: &str| {
        let (recorded, lost) = line.strip_prefix("grantscope: ")?.split_once(" operations recorded, ")?;
        Some((recorded.parse().ok()?, lost.split_once(" lost")?.0.parse().ok()?))
    };
    text.lines().find_map(numbers).with_context(|| format!("the recorder did not say how many operations it recorded: {text}"))
}

/// As Markdown.
fn table(rows: &[Row]) -> String {
    let mut lines = vec![
        "| made | a second | all | recorded | lost | µs to make one |".to_owned(),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let Row { what, a_second, made, recorded, lost, each_ns } = row;
        let share = *lost as f64 / *made as f64 * 100.0;
        let each = each_ns.map_or_else(|| "–".to_owned(), |ns| format!("{:.2}", ns / 1000.0));
        format!("| {what} | {a_second:.0} | {made} | {recorded} | {lost} ({share:.1} %) | {each} |")
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_script_is_replaced() {
        let script = script();
        assert!(script.contains("calls threads 2000 4") && script.contains("for times in 1 2 5 10;"), "{script}");
        assert!(script.contains("/job/producer 58 61 60 68 72 48 46 $((rate * times)) 2 "), "{script}");
    }

    #[test]
    fn what_the_recorder_said_is_read_from_its_last_line() {
        let text = "grantscope: 40 of 50 hooks attached\ngrantscope: 12 operations recorded, 3 lost\n";
        assert_eq!(said(text).unwrap(), (12, 3));
        assert!(said("grantscope: 40 of 50 hooks attached\n").is_err());
    }

    #[test]
    fn a_row_says_how_much_of_it_was_lost() {
        let row = Row { what: "x".to_owned(), a_second: 2000.4, made: 200, recorded: 197, lost: 3, each_ns: Some(1500.0) };
        assert!(table(&[row]).ends_with("| x | 2000 | 200 | 197 | 3 (1.5 %) | 1.50 |"));
    }
}
