//! `cargo xtask bench view`: what watching costs on this machine, for every view, against what it may cost. It boots nothing:
//! `tui/benches/view.rs` does the work.

use std::process::ExitCode;

use anyhow::{Context, Result};

use super::document;
use crate::{command, place, programs};

/// Arguments of `bench view`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write the figures into docs/performance.md
    #[arg(long)]
    pub write: bool,
}

/// A figure that the benchmark measures of each view.
struct Measure {
    /// What the benchmark calls it.
    name: &'static str,
    heading: &'static str,
    /// So many of the benchmark's units are one of the table's.
    unit: f64,
    /// It may be so much, in the table's unit.
    most: f64,
}

/// A percent of a processor is so many ns in a second.
const PERCENT_NS: f64 = 1e7;
const MS_NS: f64 = 1e6;
const MIB_KIB: f64 = 1_024.0;

/// What a serial line of 115,200 bits a second carries besides keys, many times over.
const MOST_BYTES: f64 = 2_048.0;

const MEASURES: [Measure; 5] = [
    Measure { name: "picture", heading: "ms a picture", unit: MS_NS, most: 4.0 },
    Measure { name: "idle_cpu", heading: "% of a processor, idle", unit: PERCENT_NS, most: 1.0 },
    Measure { name: "few_cpu", heading: "10 operations a second", unit: PERCENT_NS, most: 1.0 },
    Measure { name: "idle_bytes", heading: "bytes a second, idle", unit: 1.0, most: MOST_BYTES },
    Measure { name: "few_bytes", heading: "10 operations a second", unit: 1.0, most: MOST_BYTES },
];

/// The most memory, in MiB.
const MOST_MIB: f64 = 32.0;
/// A day may take so much more than an hour, in MiB: what an allocator does not give back at once.
const MOST_GROWTH_MIB: f64 = 1.0;

/// Measures, and prints what came of it. Fails where a figure is beyond its limit.
///
/// # Errors
/// When the benchmark does not compile, or leaves a figure out.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut cargo = programs::stable_cargo();
    cargo.current_dir(place::work_tree()).args(["bench", "--quiet", "--package", "grantscope", "--bench", "view"]);
    let figures = Figures::read(&command::output(&mut cargo)?)?;
    let (text, beyond) = report(&figures)?;
    print!("{text}");
    beyond.iter().for_each(|line| eprintln!("beyond its limit: {line}"));
    if arguments.write {
        document::write("view", text.trim_end())?;
    }
    Ok(if beyond.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the benchmark said: the name of a figure, of what it is, and the figure.
struct Figures(Vec<(String, String, f64)>);

impl Figures {
    fn read(text: &str) -> Result<Self> {
        let figure = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, of, figure] => Some((name.to_owned(), of.to_owned(), figure.parse().ok()?)),
            _ => None,
        };
        text.lines().map(|line| figure(line).with_context(|| format!("no figure: {line:?}"))).collect::<Result<_>>().map(Self)
    }

    fn get(&self, name: &str, of: &str) -> Result<f64> {
        let figure = self.0.iter().find(|(its, what, _)| its == name && what == of);
        figure.map(|(_, _, figure)| *figure).with_context(|| format!("the benchmark did not say {name} of {of}"))
    }

    /// The views, in the order of the registry.
    fn views(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(name, ..)| name == MEASURES[0].name).map(|(_, of, _)| of.as_str())
    }
}

/// The measures as tables, and those that are beyond their limits.
fn report(figures: &Figures) -> Result<(String, Vec<String>)> {
    let mut beyond = Vec::new();
    let mut judge = |what: String, figure: f64, most: f64| {
        // What is no number is no proof either.
        if figure.is_nan() || figure > most {
            beyond.push(format!("{what}: {figure:.2}, and may be {most}"));
        }
    };
    let headings: Vec<_> = MEASURES.iter().map(|measure| measure.heading).collect();
    let limits: Vec<_> = MEASURES.iter().map(|measure| format!("(at most {})", measure.most)).collect();
    let mut text =
        format!("| view | {} |\n| --- | --- | --- | --- | --- | --- |\n| | {} |\n", headings.join(" | "), limits.join(" | "));
    for view in figures.views() {
        let mut cells = Vec::new();
        for measure in &MEASURES {
            let figure = figures.get(measure.name, view)? / measure.unit;
            judge(format!("{view}, {}", measure.heading), figure, measure.most);
            cells.push(if measure.unit == 1.0 { format!("{figure:.0}") } else { format!("{figure:.2}") });
        }
        text += &format!("| {view} | {} |\n", cells.join(" | "));
    }
    let mib = |hours| Ok::<_, anyhow::Error>(figures.get("memory", hours)? / MIB_KIB);
    let (hour, day) = (mib("1")?, mib("24")?);
    judge("MiB after an hour".to_owned(), hour, MOST_MIB);
    judge("MiB after a day".to_owned(), day, MOST_MIB);
    judge("MiB that a day takes more than an hour".to_owned(), day - hour, MOST_GROWTH_MIB);
    text += &format!("\nMemory at most: {hour:.1} MiB after an hour, {day:.1} MiB after 24 (at most {MOST_MIB:.0}).\n");
    Ok((text, beyond))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(picture: &str, day: &str) -> Figures {
        let text = format!(
            "picture a {picture}\nidle_cpu a 3000000\nfew_cpu a 4000000\nidle_bytes a 100\nfew_bytes a 2048\nmemory 1 20480\nmemory 24 {day}\n"
        );
        Figures::read(&text).unwrap()
    }

    #[test]
    fn what_is_within_its_limits_is_a_table() {
        let (text, beyond) = report(&figures("4000000", "20992")).unwrap();
        assert!(text.contains("\n| a | 4.00 | 0.30 | 0.40 | 100 | 2048 |\n"), "{text}");
        assert!(text.ends_with("Memory at most: 20.0 MiB after an hour, 20.5 MiB after 24 (at most 32).\n"), "{text}");
        assert!(beyond.is_empty(), "{beyond:?}");
    }

    #[test]
    fn what_is_beyond_its_limit_is_named() {
        let beyond = |picture, day| report(&figures(picture, day)).unwrap().1;
        assert_eq!(beyond("4100000", "20480"), ["a, ms a picture: 4.10, and may be 4"]);
        assert_eq!(beyond("1", "40960").len(), 2, "too much, and not flat");
        assert_eq!(beyond("NaN", "20480").len(), 1);
    }

    #[test]
    fn what_is_left_out_is_an_error() {
        assert!(report(&Figures::read("picture a 1\n").unwrap()).is_err());
        assert!(Figures::read("picture a\n").is_err());
    }
}
