//! Runs the plan of a scenario file: gets the pages, starts the workers, and undoes whatever they left, in every case.

mod barrier;
pub mod capability;
mod concurrent_detach;
mod grants;
mod limits;
mod pace;
mod place;
mod processes;
mod scheduler;
mod waiter;
mod worker;

use std::collections::BTreeMap;

use grantscope_output::say;

use crate::balloon::with_balloon;
use crate::error::Result;
use crate::line::on_a_line;
use crate::script::{Pace, Plan, Scalar};
use crate::truth::{Header, Log, LoopTimes, Phase, RunInfo, Turn, loops};

use grants::with_grants;
pub use place::{Place, Source};

/// Runs it, but for what this kernel cannot do and the file says may be left out. Calls are noted in `log`, and what there is to say
/// about the run in `header`.
///
/// # Errors
/// This kernel or this machine cannot do what the plan needs; a step ended otherwise than the file expects; or a signal ended it.
pub fn run(log: &Log, mut plan: Plan, place: &Place, header: &mut Header) -> Result<()> {
    log.enter(Phase::Setup);
    header.run_info = Some(run_info(&plan));
    let limit = capability::leave_out(log, &mut plan, header)?;
    let plan = &plan;
    let info = header.run_info.insert(run_info(plan));
    limits::check(plan, limit)?;
    let mut turns = Vec::new();
    let outcome = with_balloon(plan.pin(), &mut header.balloon, || {
        with_grants(log, plan, place, |grants| scheduler::work(log, plan, place, grants, &mut turns))
    });
    info.loops = times(plan, &turns);
    report(&plan.name, &info.loops);
    outcome
}

/// The truth's head for a run of this plan, known before the run.
fn run_info(plan: &Plan) -> RunInfo {
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
        say!("{}", on_a_line(&format!("{scenario}: {times}")));
    }
}
