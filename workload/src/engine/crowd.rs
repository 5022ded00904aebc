//! Everybody who works: threads, whose turn it is, and the processes that have threads of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::error::{Error, Result};
use crate::plan::Shuffler;
use crate::script::{Pace, Plan, Turns};
use crate::stop;
use crate::truth::{Log, Phase, Turn, monotonic_ns};

use super::Place;
use super::grants::Grants;
use super::hand::{Hand, Iteration, Shared};
use super::pace::Pacer;

/// Has every worker do its work, and gives the iterations that counted.
pub fn work(log: &Log, plan: &Plan, place: &Place, grants: &Grants<'_>, turns: &mut Vec<Turn>) -> Result<()> {
    let given_up = AtomicBool::new(false);
    let shared = Shared { log, grants, own: place.own, file: &plan.file, given_up: &given_up };
    let run = Run { plan, shared };
    // Processes before threads: a fork takes only the thread with it that calls it.
    let children = run.start_processes()?;
    let outcomes = thread::scope(|scope| {
        let readers: Vec<_> = children.into_iter().map(|child| scope.spawn(move || run.follow(child))).collect();
        let mut outcome = run.threads(&run.members(None, 0), turns);
        for reader in readers {
            let (more, followed) = reader.join().unwrap_or_else(|_| (vec![], Err(panicked())));
            turns.extend(more);
            outcome = worse(outcome, followed);
        }
        outcome
    });
    log.enter(Phase::Teardown);
    outcomes
}

/// Of two outcomes the one that says more: an error before an interruption, which may only follow from it.
fn worse(one: Result<()>, other: Result<()>) -> Result<()> {
    match (one, other) {
        (Ok(()) | Err(Error::Interrupted), other @ Err(_)) => other,
        (one, _) => one,
    }
}

fn panicked() -> Error {
    Error::Process { text: "a thread panicked: this is a defect of the workload; please report the text above".to_owned() }
}

/// A plan that is being run.
#[derive(Clone, Copy)]
pub(super) struct Run<'run> {
    pub(super) plan: &'run Plan,
    pub(super) shared: Shared<'run>,
}

/// A thread of a process: which worker's, and which of that worker's hands.
#[derive(Clone, Copy)]
pub(super) struct Member {
    worker: usize,
    /// Among the threads of its worker in its process.
    thread: usize,
    /// Among all threads of its worker.
    number: usize,
}

impl<'run> Run<'run> {
    /// The threads of one process: those of one worker, or of all workers that need none of their own.
    pub(super) fn members(&self, only: Option<usize>, process: usize) -> Vec<Member> {
        let workers = self.plan.arms.first().map_or(&[][..], |arm| &arm.workers);
        let of_worker = |worker: usize| {
            // Where arms differ in it, as many as the one that has the most.
            let threads = self.plan.arms.iter().map(|arm| arm.workers[worker].threads as usize).max().unwrap_or(0);
            (0..threads).map(move |thread| Member { worker, thread, number: process * threads + thread })
        };
        let here = |worker: &usize| only.map_or_else(|| workers[*worker].processes == 1, |only| only == *worker);
        (0..workers.len()).filter(here).flat_map(of_worker).collect()
    }

    /// Runs the threads of this process to their end.
    pub(super) fn threads(self, members: &[Member], turns: &mut Vec<Turn>) -> Result<()> {
        let gate = Gate::new(self, members.len());
        thread::scope(|scope| {
            let gate = &gate;
            let threads: Vec<_> = members.iter().map(|&member| scope.spawn(move || self.thread(member, gate))).collect();
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
    fn thread(self, member: Member, gate: &Gate<'run>) -> (Vec<Turn>, Result<()>) {
        let (mut hands, mut turns) = (Vec::new(), Vec::new());
        let worked = catch_unwind(AssertUnwindSafe(|| {
            self.start(member, &mut hands)?;
            self.turns(member, &mut hands, gate, &mut turns)
        }));
        let worked = worked.unwrap_or_else(|_| Err(panicked()));
        if worked.is_err() {
            self.shared.given_up.store(true, Ordering::Relaxed);
        }
        gate.leave();
        let ended = worked.and_then(|()| self.end(member, &mut hands));
        if ended.is_err() {
            self.shared.given_up.store(true, Ordering::Relaxed);
        }
        (turns, ended)
    }

    /// What this thread holds in each arm; nothing in an arm that has fewer threads.
    fn start(self, member: Member, hands: &mut Vec<Option<Hand<'run>>>) -> Result<()> {
        for (arm, planned) in self.plan.arms.iter().enumerate() {
            let worker = &planned.workers[member.worker];
            if member.thread >= worker.threads as usize {
                hands.push(None);
                continue;
            }
            Log::enter_alone(Phase::Setup, Some(arm as u16));
            let hand = Hand::new(self.shared, worker, member.number, seed(self.plan.seed, member, arm))?;
            hands.push(Some(hand));
            if let Some(Some(hand)) = hands.last_mut() {
                hand.perform(&worker.start, ONCE)?;
            }
        }
        Ok(())
    }

    fn turns(self, member: Member, hands: &mut [Option<Hand<'run>>], gate: &Gate<'run>, turns: &mut Vec<Turn>) -> Result<()> {
        let plan = self.plan;
        // Every thread shuffles for itself, and all come to the same orders.
        let mut shuffler = Shuffler::new(plan.seed);
        let arms: Vec<usize> = (0..plan.arms.len()).collect();
        let mut pacer = Pacer::default();
        for number in 0u32.. {
            let counted = number.checked_sub(plan.warmup);
            if matches!((plan.turns, counted), (Turns::Iterations(count), Some(counted)) if counted >= count) {
                break;
            }
            for arm in shuffler.next_order(&arms) {
                if !gate.pass() {
                    return Ok(());
                }
                let Some(hand) = &mut hands[arm] else { continue };
                let worker = &plan.arms[arm].workers[member.worker];
                let phase = if counted.is_some() { Phase::Run } else { Phase::Warmup };
                Log::enter_alone(phase, Some(arm as u16));
                let due_ns = pacer.next_due(monotonic_ns(), worker.pace, plan.pause_ms);
                stop::sleep_unless(due_ns, || self.shared.given_up.load(Ordering::Relaxed))?;
                let start_ns = monotonic_ns();
                hand.perform(&worker.each, Iteration { number, counted })?;
                let end_ns = monotonic_ns();
                let due_ns = if worker.pace == Pace::Closed { start_ns } else { due_ns };
                if counted.is_some() {
                    turns.push(Turn { worker: member.worker as u16, arm: arm as u16, due_ns, start_ns, end_ns });
                }
            }
        }
        Ok(())
    }

    fn end(self, member: Member, hands: &mut [Option<Hand<'run>>]) -> Result<()> {
        if self.shared.given_up.load(Ordering::Relaxed) || stop::requested() {
            return Err(Error::Interrupted);
        }
        for (arm, hand) in hands.iter_mut().enumerate() {
            Log::enter_alone(Phase::Teardown, Some(arm as u16));
            if let Some(hand) = hand {
                hand.perform(&self.plan.arms[arm].workers[member.worker].end, ONCE)?;
                hand.let_go();
            }
        }
        Ok(())
    }
}

/// What is done before the first iteration, or after the last.
const ONCE: Iteration = Iteration { number: 0, counted: None };

/// Every thread draws numbers of its own.
fn seed(seed: u64, member: Member, arm: usize) -> u64 {
    let which = (arm as u64) << 48 | (member.worker as u64) << 32 | member.number as u64;
    Shuffler::new(seed ^ which.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next_below(u64::MAX)
}

/// Where threads wait for each other before a turn, if there are several threads and several arms: an arm has its turn alone.
///
/// Every thread passes before each turn, until it is told that there is none; and leaves once, after its last turn or its failure.
struct Gate<'run> {
    barrier: Option<Barrier>,
    open: AtomicBool,
    given_up: &'run AtomicBool,
    until_ns: u64,
}

impl<'run> Gate<'run> {
    fn new(run: Run<'run>, threads: usize) -> Self {
        let barrier = (threads > 1 && run.plan.arms.len() > 1).then(|| Barrier::new(threads));
        let until_ns = match run.plan.turns {
            Turns::Iterations(_) => u64::MAX,
            Turns::Seconds(seconds) => monotonic_ns() + u64::from(seconds) * 1_000_000_000,
        };
        Self { barrier, open: AtomicBool::new(true), given_up: run.shared.given_up, until_ns }
    }

    /// Waits for the others; whether there is another turn.
    fn pass(&self) -> bool {
        let go_on = || !self.given_up.load(Ordering::Relaxed) && !stop::requested() && monotonic_ns() < self.until_ns;
        let Some(barrier) = &self.barrier else { return go_on() };
        // One decides for all of them, and nobody looks before it has.
        if barrier.wait().is_leader() {
            self.open.store(go_on(), Ordering::Relaxed);
        }
        barrier.wait();
        self.open.load(Ordering::Relaxed)
    }

    /// Waits for the others a last time, unless they know already that there is no other turn: nobody waits for one who has gone.
    fn leave(&self) {
        if self.open.load(Ordering::Relaxed) {
            self.pass();
        }
    }
}
