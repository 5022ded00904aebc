//! `cargo xtask bench collector`: how fast records are decoded, and recordings written, read, added up, compared and exported on this
//! machine. It boots nothing: `collector/benches/records.rs` and `analysis/benches/recordings.rs` do the work, for each measure in a process of
//! its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};

use super::document;
use crate::{command, place, programs};

/// The measures: the benchmark, its package, what it calls the measure, and what that is.
const MEASURES: &[(&str, &str, &str, &str)] = &[
    ("records", "grantscope-collector", "decode", "records decoded"),
    ("records", "grantscope-collector", "record", "records decoded and written: what `record` does"),
    ("records", "grantscope-collector", "watch", "records decoded and added up: what `top` does"),
    ("recordings", "grantscope-analysis", "write", "written"),
    ("recordings", "grantscope-analysis", "read", "read"),
    ("recordings", "grantscope-analysis", "add up", "read and added up"),
    ("recordings", "grantscope-analysis", "compare", "two read, added up and compared, on two cores"),
    ("recordings", "grantscope-analysis", "compare series", "two of many series read, added up and compared, on two cores"),
    ("recordings", "grantscope-analysis", "export", "exported as CSV"),
    ("recordings", "grantscope-analysis", "merge", "a hundred such CSVs merged"),
];

/// Arguments of `bench collector`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recording whose operations are taken
    #[arg(long, value_name = "FILE", default_value = "docs/recordings/sweep.gsr")]
    pub recording: PathBuf,
    /// How often they are repeated
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub times: u32,
    /// Write the figures into docs/performance.md
    #[arg(long)]
    pub write: bool,
}

/// Measures, and prints what came of it.
///
/// # Errors
/// When the benchmark does not compile, or cannot read the recording.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let recording = std::path::absolute(&arguments.recording)?;
    let measured: Vec<_> = MEASURES.iter().map(|measure| figures(measure, &recording, arguments.times)).collect::<Result<_>>()?;
    let text = table(&measured)?;
    print!("{text}");
    if arguments.write {
        document::write("collector", text.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn figures((bench, package, measure, _): &(&str, &str, &str, &str), recording: &Path, times: u32) -> Result<Figures> {
    let mut cargo = programs::stable_cargo();
    cargo.current_dir(place::work_tree());
    cargo.args(["bench", "--quiet", "--package", package, "--bench", bench, "--", measure]);
    Figures::read(&command::output(cargo.arg(recording).arg(times.to_string()))?)
}

/// What the benchmark said, by name.
struct Figures(BTreeMap<String, f64>);

impl Figures {
    fn read(text: &str) -> Result<Self> {
        let figure = |line: &str| Some((line.split_once(' ')?.0.to_owned(), line.split_once(' ')?.1.parse().ok()?));
        let figures = text.lines().map(|line| figure(line).with_context(|| format!("no figure: {line:?}")));
        figures.collect::<Result<_>>().map(Self)
    }

    fn get(&self, name: &str) -> Result<f64> {
        self.0.get(name).copied().with_context(|| format!("the benchmark did not say {name}"))
    }
}

/// The measures, as a table.
fn table(measured: &[Figures]) -> Result<String> {
    let mut lines = String::from("| | operations a second, millions | ms | at most, MiB |\n| --- | --- | --- | --- |\n");
    for ((_, _, measure, about), figures) in MEASURES.iter().zip(measured) {
        let ns = figures.get("ns")?;
        // What depends on how many series there are, and not on how many operations.
        let rate = match *measure {
            "compare series" | "export" | "merge" => "–".to_owned(),
            _ => format!("{:.2}", figures.get("operations")? / ns * 1e3),
        };
        let memory = figures.get("kib").map_or_else(|_| "–".to_owned(), |kib| format!("{:.1}", kib / 1024.0));
        lines += &format!("| {about} | {rate} | {:.1} | {memory} |\n", ns / 1e6);
    }
    let of = |name| measured.iter().find_map(|figures| figures.get(name).ok()).with_context(|| format!("nothing said {name}"));
    let operations = of("operations")?;
    Ok(format!(
        "{lines}\n{operations} operations of {:.1} events and {:.1} bytes, {} series; of many series, {} are judged\n",
        of("events")? / operations,
        of("bytes")? / operations,
        of("series")?,
        of("judged")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_operations_and_an_export_has_none() {
        let figures = |text| Figures::read(text).unwrap();
        let usual = || figures("operations 2000\nevents 40000\nbytes 60000\nns 1000000");
        let added_up = figures("operations 2000\nevents 40000\nbytes 60000\nns 4000000\nkib 2048");
        let of_many = figures("judged 9\noperations 2000\nevents 40000\nbytes 60000\nns 3000000");
        let exported = figures("series 7\noperations 2000\nevents 40000\nbytes 60000\nns 5000000");
        let text = table(&[usual(), usual(), usual(), usual(), usual(), added_up, usual(), of_many, exported, usual()]).unwrap();
        let rows: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            [rows[4], rows[5], rows[8]],
            ["| read | 2.00 | 1.0 | – |", "| read and added up | 0.50 | 4.0 | 2.0 |", "| exported as CSV | – | 5.0 | – |"]
        );
        assert!(rows[7].starts_with("| two of many series") && rows[7].ends_with("| – | 3.0 | – |"), "{}", rows[7]);
        assert_eq!(rows[11], "2000 operations of 20.0 events and 30.0 bytes, 7 series; of many series, 9 are judged");
    }

    #[test]
    fn what_is_no_figure_is_an_error() {
        assert!(Figures::read("ns many").is_err());
        assert!(Figures::read("ns 5").unwrap().get("kib").is_err());
    }
}
