//! `cargo xtask bench overhead`: calls that map and export grants, timed by the program that makes them: alone, while they are recorded,
//! and alone again, all in one boot.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::{Context, Result, ensure};
use grantscope_wire::Detail;

use super::{document, medians::Medians};
use crate::{
    boot::console_watch::{End, TIMEOUT},
    cache::Cache,
    checks::recorded::truth,
    fetch::Consent,
    guest::job::Job,
    lab::Lab,
    place,
    platform::{Clock, MAIN},
    programs, setup,
};

/// The calls.
const SCENARIO: &str = include_str!("overhead.toml");
/// Their page counts, as in the scenario.
const PAGES: [u32; 3] = [1, 16, 256];

/// What is timed together: the calls that one action of the scenario makes.
struct Action {
    name: &'static str,
    buffer: &'static str,
    ops: &'static [&'static str],
}

impl Action {
    /// The sum of its calls' medians, in µs.
    fn us(&self, medians: &Medians, pages: u32) -> Result<f64> {
        self.ops.iter().map(|op| medians.us(op, self.buffer, pages)).sum()
    }
}

const ACTIONS: [Action; 3] = [
    Action { name: "map+mmap+munmap+unmap", buffer: "pages", ops: &["map", "mmap", "munmap", "unmap"] },
    Action { name: "export+close, pages", buffer: "pages", ops: &["export", "release"] },
    Action { name: "export+close, WC", buffer: "wc", ops: &["export", "release"] },
];

/// Arguments of `bench overhead`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Also print every call at every page count, and the kernel's statistics of every program
    #[arg(long)]
    pub all: bool,
    /// Write the table into docs/performance.md
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
    let compilers = setup::compilers(&cache, consent, &[MAIN])?;
    let parts = || setup::parts(&cache, consent, MAIN);
    let empty = Lab::new(parts()?, Some(&programs::for_lab_with_empty_programs(&compilers, MAIN.architecture)?))?;
    let ours = Lab::new(parts()?, Some(&programs::for_lab(&compilers, MAIN.architecture)?))?;
    let mut rows = Vec::new();
    for detail in Detail::ALL {
        for (kind, lab) in [("", &ours), (" (empty programs)", &empty)] {
            let measured = measure(lab, *detail)?;
            let name = format!("`--detail {}`{kind}", detail.name());
            if arguments.all {
                println!("\n{name}");
                measured.print()?;
            }
            rows.push(measured.row(name)?);
        }
    }
    let table = table(&rows);
    println!("\n{table}");
    if arguments.write {
        document::write("overhead", &table)?;
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
}

/// Boots and runs.
///
/// # Errors
/// When the run fails.
pub fn measure(lab: &Lab, detail: Detail) -> Result<Measured> {
    let out = place::work_tree().join("target/bench-overhead").join(detail.name());
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let outcome = lab.run(&Job::Script(script(detail)), Clock::Counted, TIMEOUT, &out, &mut ())?;
    if outcome.end != End::Pass {
        eprint!("{}", outcome.text("stderr").unwrap_or_default());
        return Err(outcome.error(&out.join("console.log")));
    }
    let medians = |name: &str| Medians::read(&out.join(name).with_extension("json"));
    Ok(Measured {
        before: medians("before")?,
        with: medians("with")?,
        after: medians("after")?,
        programs: programs_of(&outcome.required("programs")?),
        actions: actions_made(&out)?,
    })
}

impl Measured {
    /// What recording adds to each action of one page, in µs.
    ///
    /// # Errors
    /// When a call was not timed.
    pub fn added(&self) -> Result<Vec<f64>> {
        ACTIONS.iter().map(|action| Ok(action.us(&self.with, 1)? - action.us(&self.before, 1)?)).collect()
    }

    fn row(&self, name: String) -> Result<Row> {
        let alone = |medians: &Medians| ACTIONS.iter().map(|action| action.us(medians, 1)).collect::<Result<Vec<_>>>();
        let (before, after) = (alone(&self.before)?, alone(&self.after)?);
        Ok(Row {
            name,
            runs: total(&self.programs, "run_cnt") as f64 / self.actions as f64,
            added: self.added()?,
            drift: before.iter().zip(&after).map(|(before, after)| (after - before).abs()).fold(0.0, f64::max),
            alone: before,
        })
    }

    fn print(&self) -> Result<()> {
        print_calls(&self.before, &self.with, &self.after)?;
        print_programs(&self.programs);
        Ok(())
    }
}

/// What one boot showed, at one page.
struct Row {
    name: String,
    /// Runs of programs for the three actions together.
    runs: f64,
    /// Medians alone, in µs.
    alone: Vec<f64>,
    /// What recording adds to them.
    added: Vec<f64>,
    /// How far the medians before and after lie apart, at most.
    drift: f64,
}

/// As Markdown.
fn table(rows: &[Row]) -> String {
    let names: Vec<_> = ACTIONS.iter().map(|action| action.name).collect();
    let mut lines = vec![
        format!("| µs added to the calls, one page | {} | program runs, all three | drift |", names.join(" | ")),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    if let Some(row) = rows.first() {
        let alone: Vec<_> = row.alone.iter().map(|us| format!("({us:.1})")).collect();
        lines.push(format!("| alone | {} | | |", alone.join(" | ")));
    }
    for row in rows {
        let added: Vec<_> =
            row.added.iter().zip(&row.alone).map(|(us, alone)| format!("{us:.2} (+{:.0} %)", us / alone * 100.0)).collect();
        lines.push(format!("| {} | {} | {:.0} | {:.2} |", row.name, added.join(" | "), row.runs, row.drift));
    }
    lines.join("\n")
}

/// The kernel counts a program's runs, and their time, only while that is asked for, which costs time: so there is a run of its own.
fn script(detail: Detail) -> String {
    let detail = detail.name();
    format!(
        "
cat > /tmp/overhead.toml <<'END'
{SCENARIO}
END
calls() {{ grantscope-workload run --scenario /tmp/overhead.toml --peer 1 --truth /out/$1.json; }}
record() {{
    grantscope record -o /out/$1.gsr --clock counted --detail {detail} 2>/tmp/$1 &
    recorder=$!
    until grep -q 'hooks attached' /tmp/$1; do kill -0 $recorder || {{ cat /tmp/$1 >&2; exit 1; }}; sleep 0.1; done
}}
stop() {{ kill -INT $recorder; wait $recorder; }}
calls before || exit
record recorded
calls with || exit
stop || exit
calls after || exit
echo 1 > /proc/sys/kernel/bpf_stats_enabled
record counted
calls counted || exit
cat /proc/$recorder/fdinfo/* > /out/programs 2>/dev/null
stop
"
    )
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

/// The kernel's own statistics of each program, by its id.
type Programs = BTreeMap<u64, BTreeMap<String, u64>>;

/// `run_time_ns`, `run_cnt` and the like of `fdinfo` (kernel/bpf/syscall.c, Linux v6.12).
fn programs_of(fdinfo: &str) -> Programs {
    let (mut programs, mut current) = (Programs::new(), BTreeMap::new());
    // Every descriptor's part begins with its position.
    for line in fdinfo.lines().chain(["pos: 0"]) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name == "pos" {
            let last: BTreeMap<String, u64> = std::mem::take(&mut current);
            if let (Some(&id), true) = (last.get("prog_id"), last.contains_key("run_cnt")) {
                programs.insert(id, last);
            }
        }
        if let Ok(value) = value.trim().parse() {
            current.insert(name.to_owned(), value);
        }
    }
    programs
}

fn total(programs: &Programs, name: &str) -> u64 {
    programs.values().filter_map(|program| program.get(name)).sum()
}

fn print_programs(programs: &Programs) {
    println!("\n{:>7} {:>9} {:>9} {:>9}", "program", "runs", "ns a run", "verified");
    for (id, program) in programs {
        let of = |name: &str| program.get(name).copied().unwrap_or(0);
        if of("run_cnt") > 0 {
            let each = of("run_time_ns") / of("run_cnt");
            println!("{id:>7} {:>9} {each:>9} {:>9}", of("run_cnt"), of("verified_insns"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_of_programs_are_taken_from_among_other_descriptors() {
        let fdinfo = "pos:\t0\nflags:\t02\npos:\t0\nprog_id:\t7\nrun_time_ns:\t900\nrun_cnt:\t3\npos:\t0\nmap_id:\t7\n";
        let programs = programs_of(fdinfo);
        assert_eq!(programs.keys().collect::<Vec<_>>(), [&7]);
        assert_eq!((total(&programs, "run_cnt"), total(&programs, "run_time_ns")), (3, 900));
    }
}
