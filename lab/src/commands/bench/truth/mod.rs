//! `cargo xtask bench truth`: what a recording says of calls, compared with what is true of them: in one boot, calls are timed by the
//! program that makes them alone, while they are recorded, and alone again.

mod calls;
mod disturbed;
mod errors;
mod stages;
mod traced;

use std::{collections::BTreeMap, fs::File, io::BufReader, path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use grantscope_analysis::{
    model::{AttachMode, Outcome},
    recording::Reader,
    series::{Aggregate, Series as Durations},
    verify::Truth,
};
use grantscope_wire::{Detail, Stage};

use self::{
    calls::Nothing,
    errors::{Bound, Mapped, Measured, Ratio, Row},
    traced::Traced,
};
use super::{
    document,
    job::{self, Script},
    medians::{Median, Medians, Series},
};
use crate::{boot::run::Outcome as Ended, cache::Cache, checks::recorded::truth, fetch::Consent, lab::Lab, place};

/// The calls.
const SCENARIO: &str = include_str!("truth.toml");
/// What dom0 runs.
const SCRIPT: &str = include_str!("../../../../guest/measure-truth");
/// What it runs for `--stages`.
const STAGES_SCRIPT: &str = include_str!("../../../../guest/measure-stages");
/// Their page counts.
const PAGES: &str = "1,16,256,2025";
/// Those of `--check`.
const CHECKED_PAGES: &str = "1";
/// How many calls that do nothing are timed.
const NOTHING_CALLS: u32 = 1000;

/// How long the guest may be silent: a run of the scenario says nothing.
const PATIENCE: Duration = Duration::from_secs(240);
/// How far the medians of two boots may lie apart, as a share.
const BOOTS_WITHIN: f64 = 0.002;
/// A bare call whose medians before and after the recording differ by more is named: as a share.
const DRIFT: f64 = 0.01;
/// So many series that do not agree are named.
const NAMED: usize = 5;
/// With `--all`: after so many boots that do not agree, the last one is shown.
const MOST_BOOTS: usize = 4;

/// Arguments of `bench truth`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Boot at least twice, until the medians of the bare calls of two boots agree within 0.2 %, at most four times
    #[arg(long)]
    pub all: bool,
    /// Record with kprobes alone, which may be further off
    #[arg(long)]
    pub kprobe: bool,
    /// How much is recorded
    #[arg(long, default_value = "stages", value_parser = detail)]
    pub detail: Detail,
    /// Only a few page counts; fails with the name of every series that is further off than it may be
    #[arg(long, conflicts_with = "write")]
    pub check: bool,
    /// Compare stages: each with a run in which the kernel's tracer follows one function alone
    #[arg(long, conflicts_with_all = ["all", "check"])]
    pub stages: bool,
    /// Write the table into docs/performance.md
    #[arg(long, conflicts_with = "kprobe")]
    pub write: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

fn detail(name: &str) -> Result<Detail, String> {
    let names: Vec<_> = Detail::ALL.iter().map(|detail| detail.name()).collect();
    let named = Detail::ALL.iter().find(|detail| detail.name() == name);
    named.copied().ok_or_else(|| format!("one of {}", names.join(", ")))
}

/// Measures, and prints the tables.
///
/// # Errors
/// When the lab cannot be set up, or the run fails.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let lab = job::lab(&Cache::open()?, Consent::new(arguments.yes))?;
    if arguments.stages {
        return compare_stages(&lab, arguments);
    }
    let (measured, boots) = measured(&lab, arguments)?;
    let bound = if arguments.kprobe { Bound::KPROBE } else { Bound::FENTRY };
    let rows = measured.rows();
    let ratios = Ratio::all(&rows);
    let table = format!("{}\n\n{}\n{boots}", errors::tables(&rows, &ratios, bound), beside(&measured, &rows));
    println!("{table}");
    if arguments.write {
        document::write("truth", &table)?;
    }
    Ok(if arguments.check {
        verdict(&rows, &ratios, if arguments.kprobe { Bound::KPROBE } else { Bound::CHECK })
    } else {
        ExitCode::SUCCESS
    })
}

/// One boot's measures, and how it compares with others.
fn measured(lab: &Lab, arguments: &Arguments) -> Result<(Measured, String)> {
    let mut measured = measure(lab, arguments)?;
    if !arguments.all {
        return Ok((measured, "It is one boot, not compared with another.".to_owned()));
    }
    let mut report = String::new();
    for boot in 2..=MOST_BOOTS {
        let next = measure(lab, arguments)?;
        let apart = apart(&measured.before, &next.before);
        measured = next;
        if apart.is_empty() {
            let agree = "the medians of the bare calls of the last two agree within 0.2 %";
            return Ok((measured, format!("Of {boot} boots, {agree}.")));
        }
        report = format!(
            "Of {boot} boots, the last two do not agree within 0.2 % in {} series of bare calls: {}.",
            apart.len(),
            apart.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ")
        );
    }
    Ok((measured, report))
}

/// The series whose medians lie too far apart, or that only one of them has.
fn apart(one: &Medians, other: &Medians) -> Vec<String> {
    let is_close = |one: &Median, other: &Median| one.ns.abs_diff(other.ns) as f64 <= one.ns.min(other.ns) as f64 * BOOTS_WITHIN;
    let missing =
        other.0.keys().filter(|series| !one.0.contains_key(series)).map(|series| format!("{series}: in one of them only"));
    let apart = one.0.iter().filter_map(|(series, median)| match other.0.get(series) {
        None => Some(format!("{series}: in one of them only")),
        Some(again) if is_close(median, again) => None,
        Some(again) => Some(format!("{series}: {} and {} ns", median.ns, again.ns)),
    });
    apart.chain(missing).collect()
}

/// Boots and runs.
fn measure(lab: &Lab, arguments: &Arguments) -> Result<Measured> {
    let out = place::work_tree().join("target/bench-truth");
    let outcome = boot(lab, SCRIPT, &out, arguments)?;
    let traced = Traced::read(&outcome.required("trace")?)?;
    let nothing_traced = truth(&out.join("nothing-traced.json"))?;
    let refused = nothing_traced.calls.iter().filter(|call| call.op == "refused");
    Ok(Measured {
        before: Medians::read(&out.join("before.json"))?,
        after: Medians::read(&out.join("after.json"))?,
        added: disturbed::added(&truth(&out.join("before.json"))?, &truth(&out.join("with.json"))?),
        mapped: Mapped { areas: outcome.required("areas")?.trim().to_owned(), calls: Medians::read(&out.join("mapped.json"))? },
        said: medians(&recorded(&out.join("with.gsr"))?),
        traced: lone(&truth(&out.join("traced.json"))?, &traced),
        nothing: Nothing::of(&truth(&out.join("nothing.json"))?)?,
        tracer_ns: Median::of(refused.filter_map(|call| traced.within("gntdev_ioctl", call)).collect()).map(|median| median.ns),
    })
}

fn script(text: &str, arguments: &Arguments) -> String {
    let pages = if arguments.check { CHECKED_PAGES } else { PAGES };
    let pages = if arguments.stages { stages::PAGES.map(|pages| pages.to_string()).join(",") } else { pages.to_owned() };
    let functions = if arguments.stages { stages::functions() } else { calls::functions() };
    text.replace("PAGES", &pages)
        .replace("COUNT", &NOTHING_CALLS.to_string())
        .replace("DETAIL", arguments.detail.name())
        .replace("ATTACH", if arguments.kprobe { AttachMode::Kprobe } else { AttachMode::Best }.name())
        .replace("FUNCTIONS", &functions.join(" "))
}

/// One boot for the stages: prints their table.
fn compare_stages(lab: &Lab, arguments: &Arguments) -> Result<ExitCode> {
    let out = place::work_tree().join("target/bench-truth-stages");
    boot(lab, STAGES_SCRIPT, &out, arguments)?;
    let said = said_of_stages(&recorded(&out.join("with.gsr"))?);
    let bound = if arguments.kprobe { Bound::KPROBE } else { Bound::STAGES };
    let table = stages::table(&stages::Lone::read(&out)?, &said, bound);
    println!("{table}");
    if arguments.write {
        document::write("stages", &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a script to its end; its files are in `out`.
fn boot(lab: &Lab, text: &str, out: &Path, arguments: &Arguments) -> Result<Ended> {
    let script =
        Script { text: &script(text, arguments), files: &[("truth.toml", SCENARIO)], programs: &["nothing", "mappings"] };
    job::run(lab, &script.job(out)?, PATIENCE, out)
}

/// All that a recording says.
fn recorded(path: &Path) -> Result<Aggregate> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = Reader::open(BufReader::new(file))?;
    let mut aggregate = Aggregate::default();
    while let Some(frame) = reader.next_frame()? {
        aggregate.add(&frame);
    }
    Ok(aggregate)
}

/// What it says of operations that succeeded, and of their stages. Series that differ in what a truth does not have are one.
fn succeeded(aggregate: &Aggregate) -> BTreeMap<(Series, Option<Stage>), Median> {
    let mut all: BTreeMap<(Series, Option<Stage>), Durations> = BTreeMap::new();
    for (key, durations) in aggregate.series().filter(|(key, _)| key.outcome == Outcome::Ok) {
        let buffer = key.buffer.map(|buffer| buffer.name().to_owned());
        let series = Series { op: key.op.name().to_owned(), buffer, pages: key.pages };
        all.entry((series, key.stage)).or_default().merge(durations);
    }
    let median = |durations: &Durations| Some(Median { ns: durations.quantile_ns(0.5)?, count: durations.count() });
    all.into_iter().filter_map(|(key, durations)| Some((key, median(&durations)?))).collect()
}

/// Of whole operations.
fn medians(aggregate: &Aggregate) -> Medians {
    let whole = succeeded(aggregate).into_iter().filter(|((_, stage), _)| stage.is_none());
    Medians(whole.map(|((series, _), median)| (series, median)).collect())
}

/// Of stages.
fn said_of_stages(aggregate: &Aggregate) -> stages::Said {
    succeeded(aggregate).into_iter().filter_map(|((series, stage), median)| Some(((series, stage?), median.ns))).collect()
}

/// What the kernel's tracer says of the functions in successful calls, with its own cost.
fn lone(truth: &Truth, traced: &Traced) -> Medians {
    let calls = truth.calls.iter().filter(|call| call.outcome == "ok");
    Medians::of(calls.filter_map(|call| Some((Series::of(call), traced.within(calls::of(&call.op)?.function, call)?))))
}

/// What else one has to know of a boot.
fn beside(measured: &Measured, rows: &[Row]) -> String {
    let us = |ns: u64| ns as f64 / 1000.0;
    let Nothing { refused_ns, entered_ns } = measured.nothing;
    let tracer = measured.tracer_ns.map_or_else(|| "an unknown time".to_owned(), |ns| format!("{:.2} µs", us(ns)));
    let drift: Vec<_> =
        measured.drift(DRIFT).into_iter().map(|(share, series)| format!("{series} ({:.1} %)", share * 100.0)).collect();
    let drift = if drift.is_empty() { "none".to_owned() } else { drift.join(", ") };
    let apart = errors::references_apart_us(rows).map_or_else(|| "unknown".to_owned(), |us| format!("{us:.2} µs"));
    format!(
        "A refused ioctl takes {:.2} µs, a call that only enters the kernel {:.2} µs, and a refused ioctl in the lone pair {tracer}.\n\
         Where both are true, at one page, the bare call and the lone pair are at most {apart} apart.\n\
         Bare calls that differ by more than {} % before and after the recording, of which less is known: {drift}.\n{}\n{}",
        us(refused_ns),
        us(entered_ns),
        DRIFT * 100.0,
        measured.longer_with_mappings(),
        disturbed::line(&measured.added)
    )
}

/// How many figures were compared where the probes' own cost is the largest part, and what is not true of them.
///
/// # Errors
/// When the run fails.
pub fn check(lab: &Lab, kprobe: bool) -> Result<(usize, Vec<String>)> {
    let arguments = Arguments { all: false, kprobe, detail: Detail::Stages, check: true, stages: false, write: false, yes: true };
    let rows = measure(lab, &arguments)?.rows();
    let ratios = Ratio::all(&rows);
    let bound = if kprobe { Bound::KPROBE } else { Bound::CHECK };
    Ok((rows.len() + ratios.len(), complaints(&rows, &ratios, bound)))
}

/// All that is more wrong than can be explained.
fn complaints(rows: &[Row], ratios: &[Ratio], bound: Bound) -> Vec<String> {
    rows.iter().filter_map(|row| row.complaint(bound)).chain(ratios.iter().filter_map(Ratio::complaint)).collect()
}

/// Names all that is not true.
fn verdict(rows: &[Row], ratios: &[Ratio], bound: Bound) -> ExitCode {
    let complaints = complaints(rows, ratios, bound);
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::{
        model::{Log, Operation, Stages},
        recording::Frame,
        verify::Call,
    };
    use grantscope_wire::{Buffer, Op};

    use super::*;

    /// A call that succeeded, on one page.
    pub fn call(op: &str, start_ns: u64, duration_ns: u64) -> Call {
        Call {
            phase: "run".to_owned(),
            op: op.to_owned(),
            buffer: Some("pages".to_owned()),
            pages: Some(1),
            outcome: "ok".to_owned(),
            tid: 1,
            start_ns,
            duration_ns,
            why: None,
            arm: None,
        }
    }

    fn medians_of(all: &[(&str, u64)]) -> Medians {
        Medians::of(all.iter().map(|&(op, ns)| (Series::new(op, "pages", 1), ns)))
    }

    #[test]
    fn the_scenario_is_one_and_has_the_page_counts_of_the_command() {
        use grantscope_workload::script::{Given, Plan};
        for pages in [PAGES, CHECKED_PAGES] {
            let set = vec![Given::setting(&format!("pages={pages}")).unwrap()];
            Plan::read("truth.toml", SCENARIO, &Given { set, peer: true, ..Given::default() }).unwrap();
        }
    }

    #[test]
    fn every_word_of_the_script_is_replaced() {
        let arguments =
            Arguments { all: false, kprobe: true, detail: Detail::Full, check: true, stages: false, write: false, yes: true };
        let script = script(SCRIPT, &arguments);
        assert!(script.contains("--pages 1 ") && script.contains("--detail full --attach kprobe"), "{script}");
        let stages = super::script(STAGES_SCRIPT, &Arguments { stages: true, check: false, ..arguments });
        assert!(stages.contains("--pages 1,16 ") && stages.contains("gntdev_free_map "), "{stages}");
        assert!(
            script.contains("/job/nothing 1000") && script.contains("in __arm64_sys_munmap dmabuf_exp_ops_release"),
            "{script}"
        );
    }

    #[test]
    fn boots_agree_within_a_share() {
        let boot = |map, export| medians_of(&[("map", map), ("export", export)]);
        assert!(apart(&boot(2_000, 100_000), &boot(2_004, 100_200)).is_empty());
        assert_eq!(apart(&boot(2_000, 100_000), &boot(2_005, 100_000)), ["map pages 1: 2000 and 2005 ns"]);
        assert_eq!(apart(&boot(2_000, 100_000), &boot(2_000, 100_201)), ["export pages 1: 100000 and 100201 ns"]);
        assert_eq!(apart(&medians_of(&[("map", 1)]), &medians_of(&[])), ["map pages 1: in one of them only"]);
    }

    #[test]
    fn what_is_said_is_of_operations_that_succeeded_in_all_domains() {
        let operation = |domid, duration_ns, outcome| Operation {
            start_ns: 0,
            duration_ns,
            op: Op::Map,
            buffer: Some(Buffer::Pages),
            pages: Some(1),
            outcome,
            domid,
            tgid: 1,
            tid: 1,
            comm: "".into(),
            map_generation_ns: None,
            stages_incomplete: false,
            stages: Stages::new(),
            log: Log::new(),
            is_sounded: false,
            phase: None,
            details: vec![],
        };
        let mut aggregate = Aggregate::default();
        let operations =
            [(Some(0), 30, Outcome::Ok), (Some(1), 10, Outcome::Ok), (None, 20, Outcome::Ok), (None, 5, Outcome::Errno(12))];
        aggregate.add(&Frame::Operations(operations.map(|(domid, ns, outcome)| operation(domid, ns, outcome)).to_vec()));
        assert_eq!(medians(&aggregate).0[&Series::new("map", "pages", 1)], Median { ns: 20, count: 3 });
    }

    #[test]
    fn an_unknown_detail_is_refused_with_those_there_are() {
        assert_eq!(detail("full"), Ok(Detail::Full));
        assert_eq!(detail("all").unwrap_err(), "one of operations, stages, full");
    }
}
