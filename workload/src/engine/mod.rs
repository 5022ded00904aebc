//! Runs the plan of a scenario file: gets the pages, starts the workers, and undoes whatever they left, in every case.

mod crowd;
mod grants;
mod hand;
mod limits;
mod meanwhile;
mod meeting;
mod pace;
mod processes;

use std::collections::BTreeMap;

use crate::balloon::with_balloon;
use crate::error::Result;
use crate::scenario::Source;
use crate::script::{Pace, Plan, Scalar};
use crate::truth::{BalloonReport, Log, LoopTimes, Phase, RunInfo, Turn, loops};
use crate::uapi::DomId;

use grants::with_grants;

/// Where a scenario is run.
#[derive(Clone, Debug)]
pub struct Place {
    /// This domain's number.
    pub own: DomId,
    /// Whose pages are mapped where the file does not say.
    pub source: Source,
}

/// Runs it. Calls are noted in `log`, and what there is to say about the run in `info` and `balloon`.
pub fn run(log: &Log, plan: &Plan, place: &Place, info: &mut RunInfo, balloon: &mut BalloonReport) -> Result<()> {
    log.enter(Phase::Setup);
    limits::check(log, plan)?;
    let mut turns = Vec::new();
    let outcome = with_balloon(plan.pin(), balloon, || {
        with_grants(log, plan, place, |grants| crowd::work(log, plan, place, grants, &mut turns))
    });
    info.loops = times(plan, &turns);
    report(&plan.name, &info.loops);
    outcome
}

/// What the truth says about a run of this plan, before it is run.
pub fn run_info(plan: &Plan) -> RunInfo {
    let value = |scalar: &Scalar| match scalar {
        Scalar::Number(number) => (*number).into(),
        Scalar::Word(word) => word.clone().into(),
    };
    let parameters: BTreeMap<_, _> = plan.parameters.iter().map(|(name, scalar)| (name.clone(), value(scalar))).collect();
    let arms = plan.arms.iter().map(|arm| arm.name.clone()).filter(|name| !name.is_empty()).collect();
    RunInfo { file: plan.text.clone(), parameters, arms, loops: Vec::new() }
}

fn times(plan: &Plan, turns: &[Turn]) -> Vec<LoopTimes> {
    let arms: Vec<String> = plan.arms.iter().map(|arm| arm.name.clone()).collect();
    let period = |pace| match pace {
        Pace::Closed => None,
        Pace::Open { period_ns } => Some(period_ns),
    };
    loops(turns, &arms, |worker, arm| {
        let worker = plan.arms.get(arm)?.workers.get(worker)?;
        Some((&*worker.name, period(worker.pace)))
    })
}

/// A line for each loop. Standard error, because standard output may be the truth's.
fn report(scenario: &str, loops: &[LoopTimes]) {
    for times in loops {
        eprintln!("{scenario}: {times}");
    }
}
