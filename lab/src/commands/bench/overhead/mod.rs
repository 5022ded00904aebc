//! `cargo xtask bench overhead`: calls timed by the program that makes them, alone, while they are recorded, and alone again, all in one
//! boot: those that map and export grants, and those of somebody who has nothing to do with grants.

mod actions;
mod peers;
mod programs;
mod row;
mod strangers;

use std::{path::Path, process::ExitCode};

use anyhow::{Result, ensure};
use grantscope_wire::Detail;

use self::{
    actions::{ACTIONS, PAGES, SCENARIO, actions_us},
    programs::Programs,
    row::{Row, table},
};
use super::{
    document,
    job::{self, Script},
    medians::Medians,
};
use crate::{
    boot::{console_watch::TIMEOUT, run::Outcome},
    cache::Cache,
    checks::recorded::truth,
    fetch::Consent,
    lab::Lab,
    place,
    platform::MAIN,
    programs as ours, setup,
};

/// What dom0 runs.
const SCRIPT: &str = include_str!("../../../../guest/measure-overhead");
/// Arguments of `bench overhead`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Also print every call at every page count, and the kernel's statistics of every program
    #[arg(long)]
    pub all: bool,
    /// Measure the kernel's own tracers and other profilers instead, at the same functions
    #[arg(long, conflicts_with = "all")]
    pub peers: bool,
    /// Write the tables into docs/performance.md
    #[arg(long)]
    pub write: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Measures, and prints the tables.
///
/// # Errors
/// When the lab cannot be set up, or the run fails.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let consent = Consent::new(arguments.yes);
    let cache = Cache::open()?;
    let lab = job::lab(&cache, consent)?;
    if arguments.peers {
        return compare(&cache, &lab, arguments.write);
    }
    let empty = ours::for_lab_with_empty_programs(&setup::compilers(&cache, consent, &[MAIN])?, MAIN.architecture)?;
    let empty = Lab::new(setup::parts(&cache, consent, MAIN)?, Some(&empty))?;
    let (mut rows, mut of_strangers) = (Vec::new(), Vec::new());
    for detail in Detail::ALL {
        for (kind, lab) in [("", &lab), (" (empty programs)", &empty)] {
            let measured = measure(lab, *detail)?;
            let name = format!("`--detail {}`{kind}", detail.name());
            if arguments.all {
                println!("\n{name}");
                measured.print()?;
            }
            rows.push(measured.row(name.clone())?);
            of_strangers.push(Row { name, ..measured.strangers });
        }
    }
    let calls = table("µs added to the calls, one page", &ACTIONS.map(|action| action.name), &["program runs, all three"], &rows);
    let strangers = strangers::table(&of_strangers);
    println!("\n{calls}\n\n{strangers}");
    if arguments.write {
        document::write("overhead", &calls)?;
        document::write("strangers", &strangers)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(cache: &Cache, lab: &Lab, write: bool) -> Result<ExitCode> {
    let table = peers::measure(cache, lab)?;
    println!("\n{table}");
    if write {
        document::write("peers", &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One boot with its three runs, and one of which the kernel counted the programs' runs.
pub struct Measured {
    before: Medians,
    with: Medians,
    after: Medians,
    programs: Programs,
    /// How often each action was done while the programs' runs were counted.
    actions: usize,
    strangers: Row,
}

/// Boots and runs.
///
/// # Errors
/// When the run fails.
pub fn measure(lab: &Lab, detail: Detail) -> Result<Measured> {
    let out = place::work_tree().join("target/bench-overhead").join(detail.name());
    let text = script(detail);
    let script = Script { text: &text, files: &[("overhead.toml", SCENARIO)], programs: &["stranger"] };
    let outcome = job::run(lab, &script.job(&out)?, TIMEOUT, &out)?;
    Measured::read(&out, &outcome)
}

fn script(detail: Detail) -> String {
    SCRIPT
        .replace("DETAIL", detail.name())
        .replace("COUNT", &strangers::CALLS.to_string())
        .replace("KINDS", &strangers::names().join(" "))
}

impl Measured {
    fn read(out: &Path, outcome: &Outcome) -> Result<Self> {
        let medians = |name: &str| Medians::read(&out.join(name).with_extension("json"));
        Ok(Self {
            before: medians("before")?,
            with: medians("with")?,
            after: medians("after")?,
            programs: Programs::read(&outcome.required("programs-calls")?),
            actions: actions_made(out)?,
            strangers: strangers::row(out, outcome)?,
        })
    }

    /// What recording adds to each action of one page, in µs.
    ///
    /// # Errors
    /// When a call was not timed.
    pub fn added(&self) -> Result<Vec<f64>> {
        Ok(self.row(String::new())?.added)
    }

    fn row(&self, name: String) -> Result<Row> {
        let runs = self.programs.runs() as f64 / self.actions as f64;
        Ok(Row::new(
            name,
            [actions_us(&self.before)?, actions_us(&self.with)?, actions_us(&self.after)?],
            vec![format!("{runs:.0}")],
        ))
    }

    fn print(&self) -> Result<()> {
        print_calls(&self.before, &self.with, &self.after)?;
        self.programs.print();
        Ok(())
    }
}

/// What recording adds, call by call and action by action.
fn print_calls(before: &Medians, with: &Medians, after: &Medians) -> Result<()> {
    println!("{:34} {:>6} {:>10} {:>10} {:>10} {:>8}", "medians in µs", "pages", "alone", "recorded", "added", "again");
    let line = |name: &str, pages: u32, alone: f64, recorded: f64, again: f64| {
        println!("{name:34} {pages:>6} {alone:>10.2} {recorded:>10.2} {:>+10.2} {:>+8.2}", recorded - alone, again - alone);
    };
    for pages in PAGES {
        for action in &ACTIONS {
            let at = |medians: &Medians| action.us(medians, pages);
            line(action.name, pages, at(before)?, at(with)?, at(after)?);
            for op in action.ops {
                let at = |medians: &Medians| medians.us(op, action.buffer, pages);
                line(&format!("    {op}"), pages, at(before)?, at(with)?, at(after)?);
            }
        }
    }
    Ok(())
}

/// How often each action was done while program runs were counted.
fn actions_made(out: &Path) -> Result<usize> {
    let counted = truth(&out.join("counted.json"))?;
    let maps = counted.calls.iter().filter(|call| call.op == "map").count();
    ensure!(maps > 0, "no map was made while the programs' runs were counted");
    Ok(maps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_script_is_replaced() {
        let script = script(Detail::Full);
        assert!(script.contains("--detail full ") && script.contains("/job/stranger 200 >"), "{script}");
        assert!(script.contains("for kind in munmap "), "{script}");
    }
}
