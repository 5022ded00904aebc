//! All workers: threads, their turns, and the processes that have threads of their own.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use grantscope_output::say;

use crate::error::{Error, Result};
use crate::line::on_a_line;
use crate::script::{Arm, Pace, Plan, Turns, WorkerPlan};
use crate::shuffle::Shuffler;
use crate::stop;
use crate::truth::{Log, Phase, Turn, monotonic_ns};

use super::Place;
use super::barrier::Barrier;
use super::grants::Grants;
use super::pace::Pacer;
use super::worker::{Carried, Iteration, Shared, Worker};

/// Has every worker do its work, stage after stage, and gives the iterations that counted.
pub fn work(log: &Log, plan: &Plan, place: &Place, grants: &Grants<'_>, turns: &mut Vec<Turn>) -> Result<()> {
    let worked = plan.stages().into_iter().try_for_each(|stage| {
        let barrier = Barrier::of(plan.threads(&stage))?;
        let shared = Shared { log, grants, own: place.own, file: &plan.file, barrier: &barrier };
        let until_ns = match plan.arms[stage.start].turns {
            Turns::Iterations(_) => u64::MAX,
            Turns::Seconds(seconds) => monotonic_ns() + u64::from(seconds) * 1_000_000_000,
        };
        Run { plan, stage: &stage, shared, until_ns }.work(turns)
    });
    log.enter(Phase::Teardown);
    worked
}

/// Of two outcomes the one that says more: an error before an interruption, which may only follow from it.
fn worse(one: Result<()>, other: Result<()>) -> Result<()> {
    match (one, other) {
        (Ok(()) | Err(Error::Interrupted), other @ Err(_)) => other,
        (one, _) => one,
    }
}

pub(super) fn panicked() -> Error {
    Error::Process { text: "a thread panicked: this is a defect of the workload; please report the text above".to_owned() }
}

/// A plan that is being run.
#[derive(Clone, Copy)]
pub(super) struct Run<'run> {
    pub(super) plan: &'run Plan,
    /// The arms that are done now.
    pub(super) stage: &'run Range<usize>,
    pub(super) shared: Shared<'run>,
    /// No iteration begins after that.
    pub(super) until_ns: u64,
}

/// A thread of a process.
#[derive(Clone, Copy)]
pub(super) struct Member {
    worker: usize,
    /// Among the processes of its worker.
    process: usize,
    /// Among the threads of its worker in its process.
    thread: usize,
}

impl Member {
    /// Which of the worker's threads it is in this arm; none: the arm has fewer.
    fn number_in(self, worker: &WorkerPlan) -> Option<usize> {
        let (processes, threads) = (worker.processes as usize, worker.threads as usize);
        (self.process < processes && self.thread < threads).then(|| self.process * threads + self.thread)
    }
}

impl<'run> Run<'run> {
    /// Runs all workers to their end.
    fn work(self, turns: &mut Vec<Turn>) -> Result<()> {
        // Processes before threads: a fork takes only the thread with it that calls it.
        let children = self.start_processes()?;
        thread::scope(|scope| {
            let readers: Vec<_> = children.into_iter().map(|child| scope.spawn(move || self.follow(child))).collect();
            let mut outcome = self.threads(&self.members(None, 0), turns);
            for reader in readers {
                let (more, followed) = reader.join().unwrap_or_else(|_| (vec![], Err(panicked())));
                turns.extend(more);
                outcome = worse(outcome, followed);
            }
            outcome
        })
    }

    /// The threads of one process: those of one worker, or of all workers that need none of their own.
    pub(super) fn members(&self, only: Option<usize>, process: usize) -> Vec<Member> {
        let crews = self.plan.crews(self.stage);
        let here = |worker: &usize| only.map_or_else(|| crews[*worker].processes == 1, |only| only == *worker);
        let of_worker = |worker: usize| (0..crews[worker].threads).map(move |thread| Member { worker, process, thread });
        (0..crews.len()).filter(here).flat_map(of_worker).collect()
    }

    /// Runs the threads of this process to their end.
    pub(super) fn threads(self, members: &[Member], turns: &mut Vec<Turn>) -> Result<()> {
        thread::scope(|scope| {
            let threads: Vec<_> = members.iter().map(|&member| scope.spawn(move || self.thread(member))).collect();
            let mut outcome = Ok(());
            for thread in threads {
                let (more, ended) = thread.join().unwrap_or_else(|_| (vec![], Err(panicked())));
                turns.extend(more);
                outcome = worse(outcome, ended);
            }
            outcome
        })
    }

    /// One thread, from its start to its end, in every arm.
    fn thread(self, member: Member) -> (Vec<Turn>, Result<()>) {
        let (mut workers, mut turns) = (Vec::new(), Vec::new());
        let worked = catch_unwind(AssertUnwindSafe(|| self.rounds(member, &mut workers, &mut turns)));
        let ended = worked.unwrap_or_else(|_| Err(panicked()));
        if ended.is_err() {
            self.shared.barrier.give_up();
        }
        (turns, ended)
    }

    /// All arms of the stage together, which take turns, or one after another.
    fn rounds(self, member: Member, workers: &mut Vec<Option<Worker<'run>>>, turns: &mut Vec<Turn>) -> Result<()> {
        let mut carried = None;
        let all = self.plan.rounds();
        for round in all.iter().filter(|round| self.stage.contains(&round.start)) {
            let began_ns = monotonic_ns();
            self.start(member, round, workers, carried.take())?;
            self.turns(member, round, workers, turns)?;
            // The others are still in the last turn.
            self.is_another_turn();
            self.end(member, round, workers)?;
            if all.len() > 1 && (member.worker, member.process, member.thread) == (0, 0, 0) {
                self.report(&self.plan.arms[round.start], began_ns);
            }
            if round.end < self.stage.end {
                carried = workers.pop().flatten().map(Worker::carry_on);
            }
        }
        Ok(())
    }

    /// How far it is. Standard error, because standard output may be the truth's.
    fn report(self, arm: &Arm, began_ns: u64) {
        let Turns::Iterations(counted) = arm.turns else { return };
        let ms = (monotonic_ns() - began_ns) / 1_000_000;
        let (name, warmup) = (&self.plan.name, self.plan.warmup);
        let line = format!("{name}: {}: {warmup} warm-up and {counted} counted iterations in {ms} ms", arm.name);
        say!("{}", on_a_line(&line));
    }

    /// Whether there is another turn. Where there are several arms all threads meet here first, so that each has its turn alone.
    fn is_another_turn(&self) -> bool {
        let barrier = self.shared.barrier;
        let go_on = || !barrier.given_up() && !stop::requested() && monotonic_ns() < self.until_ns;
        if self.stage.len() > 1 { barrier.wait(go_on) } else { go_on() }
    }

    /// The objects of this thread in each arm; empty in an arm that has fewer threads.
    fn start(
        self,
        member: Member,
        round: &Range<usize>,
        workers: &mut Vec<Option<Worker<'run>>>,
        mut carried: Option<Carried<'run>>,
    ) -> Result<()> {
        for arm in round.clone() {
            let planned = &self.plan.arms[arm].workers[member.worker];
            let Some(number) = member.number_in(planned) else {
                workers.push(None);
                continue;
            };
            Log::enter_alone(Phase::Setup, Some(arm as u16));
            let orders = Shuffler::new(self.plan.seed ^ scattered(member.worker, number, 0));
            let carried = carried.take().unwrap_or(Carried { orders, device: None });
            let seed = seed(self.plan.seed, member.worker, number, arm);
            workers.push(Some(Worker::new(self.shared, planned, number, seed, carried)?));
            if let Some(Some(worker)) = workers.last_mut() {
                worker.perform(planned.starting(), ONCE)?;
            }
        }
        Ok(())
    }

    fn turns(
        self,
        member: Member,
        round: &Range<usize>,
        workers: &mut [Option<Worker<'run>>],
        turns: &mut Vec<Turn>,
    ) -> Result<()> {
        let plan = self.plan;
        // Every thread shuffles for itself, and all of all processes come to the same orders.
        let mut shuffler = Shuffler::new(plan.seed);
        let arms: Vec<usize> = round.clone().collect();
        let mut pacer = Pacer::default();
        for number in 0u32.. {
            let counted = number.checked_sub(plan.warmup);
            if matches!((plan.arms[round.start].turns, counted), (Turns::Iterations(count), Some(counted)) if counted >= count) {
                break;
            }
            for arm in shuffler.next_order(&arms) {
                if !self.is_another_turn() {
                    return Ok(());
                }
                let Some(worker) = &mut workers[arm - round.start] else { continue };
                let planned = &plan.arms[arm].workers[member.worker];
                let phase = if counted.is_some() { Phase::Run } else { Phase::Warmup };
                Log::enter_alone(phase, Some(arm as u16));
                // Where there are actions, each of them has its pause.
                let pause_ms = if planned.parts.is_empty() { plan.pause_ms } else { 0 };
                let due_ns = pacer.next_due(monotonic_ns(), planned.pace, pause_ms);
                stop::sleep_unless(due_ns, || self.shared.barrier.given_up())?;
                let start_ns = monotonic_ns();
                worker.iterate(Iteration { number, counted }, plan.pause_ms)?;
                let end_ns = monotonic_ns();
                let due_ns = if planned.pace == Pace::Closed { start_ns } else { due_ns };
                if counted.is_some() {
                    turns.push(Turn { worker: member.worker as u16, arm: arm as u16, due_ns, start_ns, end_ns });
                }
            }
        }
        Ok(())
    }

    fn end(self, member: Member, round: &Range<usize>, workers: &mut [Option<Worker<'run>>]) -> Result<()> {
        if self.shared.barrier.given_up() || stop::requested() {
            return Err(Error::Interrupted);
        }
        for (arm, worker) in round.clone().zip(workers) {
            Log::enter_alone(Phase::Teardown, Some(arm as u16));
            if let Some(worker) = worker {
                worker.perform(self.plan.arms[arm].workers[member.worker].ending(), ONCE)?;
                worker.release_objects();
                if round.end == self.stage.end {
                    worker.close_device();
                }
            }
        }
        Ok(())
    }
}

/// Steps before the first iteration, or after the last.
const ONCE: Iteration = Iteration { number: 0, counted: None };

/// Every thread draws numbers of its own.
fn seed(seed: u64, worker: usize, thread: usize, arm: usize) -> u64 {
    Shuffler::new(seed ^ scattered(worker, thread, arm)).next_below(u64::MAX)
}

/// 0 for the first of all.
fn scattered(worker: usize, thread: usize, arm: usize) -> u64 {
    let which = (arm as u64) << 48 | (worker as u64) << 32 | thread as u64;
    which.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Crew, Given};

    #[test]
    fn in_an_arm_with_fewer_the_hands_are_numbered_without_a_gap_and_the_others_idle() {
        let text = "version = 1\nname = \"x\"\nsummary = \"s\"\nimitates = \"i\"\niterations = 1\n\
            [parameters]\nprocesses = 1\nthreads = 1\n[arms]\nprocesses = [2, 1]\nthreads = [1, 3]\n\
            [[workers]]\nname = \"alone\"\neach = [{ sleep_ms = 1 }]\n\
            [[workers]]\nname = \"w\"\nprocesses = \"$processes\"\nthreads = \"$threads\"\neach = [{ sleep_ms = 1 }]\n";
        let plan = Plan::read("f", text, &Given::default()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(plan.crews(&(0..4)), [Crew { processes: 1, threads: 1 }, Crew { processes: 2, threads: 3 }]);
        assert_eq!(plan.threads(&(0..4)), 7);
        let members: Vec<_> =
            (0..2).flat_map(|process| (0..3).map(move |thread| Member { worker: 1, process, thread })).collect();
        for arm in &plan.arms {
            let workers: Vec<_> = members.iter().filter_map(|member| member.number_in(&arm.workers[1])).collect();
            assert_eq!(workers, (0..arm.workers[1].threads_in_all()).collect::<Vec<_>>(), "{}", arm.name);
        }
    }
}
