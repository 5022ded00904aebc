//! What is to be done: typed steps, with the parameters filled in, once for every arm.

use std::collections::BTreeMap;
use std::ops::Range;

use nix::errno::Errno;

use super::document::Scalar;
use super::held::Held;
use super::needs::Needs;
use super::vocabulary::Entry;
use crate::balloon::{Pin, Wanted};
use crate::device::{ImporterKind, Memory};
use crate::line::on_a_line;
use crate::shuffle::Shuffler;
use crate::truth::Buffer;

/// Whose pages are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This domain's own.
    Own,
    /// The peer's.
    Peer,
    /// Those of a dma-buf that the peer imported.
    PeerDmabuf,
}

/// The values given from outside the file.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Parameters with other values than the file's; several make arms. None: workers that use it are left out.
    pub set: Vec<(String, Vec<Scalar>)>,
    /// The kinds of buffers that are asked for by name; none: all.
    pub kinds: Vec<Buffer>,
    /// Whether whatever needs dma-bufs is left out.
    pub without_dmabuf: bool,
    /// Whether pages are a peer's where a step does not say whose.
    pub peer: bool,
    /// Instead of the file's.
    pub iterations: Option<u32>,
    /// Instead of the file's.
    pub warmup: Option<u32>,
    /// Instead of the file's.
    pub seed: Option<u64>,
    /// Instead of the file's.
    pub pause_ms: Option<u32>,
    /// Instead of the file's.
    pub balloon: Option<Wanted>,
}

/// How many iterations there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// A fixed number, after the warm-up.
    Iterations(u32),
    /// As many as begin within this many seconds.
    Seconds(u32),
}

/// A scenario, ready to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file's name in errors.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The scenario's name.
    pub name: String,
    /// One line about it.
    pub summary: String,
    /// The seed of random orders and numbers.
    pub seed: u64,
    /// Iterations before those that count.
    pub warmup: u32,
    /// The grid that iterations of closed loops, or their actions, start on; 0: none.
    pub pause_ms: u32,
    /// Whether one arm comes after another; else they take turns in each iteration.
    pub sequential: bool,
    /// The treatment of what this kernel does not support.
    pub if_missing: Missing,
    /// How many pages are to be in the balloon, where it is to be pinned.
    pub balloon: Option<Wanted>,
    /// Parameters that are the same in every arm.
    pub parameters: BTreeMap<String, Scalar>,
    /// Every combination of what arms vary; one without a name if there are none.
    pub arms: Vec<Arm>,
    /// What it needs and holds at most.
    pub needs: Needs,
}

/// The treatment of actions and arms that the kernel does not support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The run fails.
    Fails,
    /// They are left out, and that is noted; but actions that were asked for by name fail.
    IsLeftOut {
        /// Whether they were asked for by name.
        but_actions: bool,
    },
}

/// One combination.
#[derive(Clone, Debug)]
pub struct Arm {
    /// As in `buffer=wc,pages=16`; empty: there is only one arm.
    pub name: String,
    /// Those of a stage begin when those of the stage before are done.
    pub stage: usize,
    /// The workers.
    pub workers: Vec<WorkerPlan>,
    /// How many iterations count.
    pub turns: Turns,
}

impl Arm {
    /// The largest object of its steps, in pages.
    pub fn largest(&self) -> u32 {
        self.workers.iter().flat_map(WorkerPlan::steps).map(|step| step.action.most_pages()).max().unwrap_or(0)
    }
}

/// Some threads that do the same.
#[derive(Clone, Debug)]
pub struct WorkerPlan {
    /// Its name.
    pub name: String,
    /// How many processes.
    pub processes: u32,
    /// How many threads in each.
    pub threads: u32,
    /// How its iterations follow each other.
    pub pace: Pace,
    /// The names of its objects; steps mean them by their place here.
    pub objects: Vec<String>,
    /// Once at the start.
    pub start: Vec<Step>,
    /// In each iteration.
    pub each: Vec<Step>,
    /// Once at the end.
    pub end: Vec<Step>,
    /// The actions of its step `actions`.
    pub parts: Vec<Part>,
    /// Whether it opens its devices itself.
    pub opens: bool,
}

/// An action of a worker: one of the things that it does in each iteration.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name, as it is noted when it is left out.
    pub name: String,
    /// Once at the start.
    pub start: Vec<Step>,
    /// In each iteration.
    pub each: Vec<Step>,
    /// Once at the end.
    pub end: Vec<Step>,
}

impl Part {
    /// All of its steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.start.iter().chain(&self.each).chain(&self.end)
    }
}

impl WorkerPlan {
    /// Steps before the first iteration.
    pub fn starting(&self) -> impl Iterator<Item = &Step> {
        self.start.iter().chain(self.parts.iter().flat_map(|part| &part.start))
    }

    /// What it does in an iteration, in the order of `orders`. `true`: it is the first step of an action.
    pub fn iteration(&self, orders: &mut Shuffler) -> Vec<(bool, &Step)> {
        let mut steps = Vec::new();
        for step in &self.each {
            let Action::Actions { shuffled } = step.action else {
                steps.push((false, step));
                continue;
            };
            let listed: Vec<&Part> = self.parts.iter().collect();
            let parts = if shuffled { orders.next_order(&listed) } else { listed };
            steps.extend(parts.iter().flat_map(|part| part.each.iter().enumerate().map(|(place, step)| (place == 0, step))));
        }
        steps
    }

    /// Steps after the last iteration.
    pub fn ending(&self) -> impl Iterator<Item = &Step> {
        self.parts.iter().flat_map(|part| &part.end).chain(&self.end)
    }

    /// Its steps without those of its actions.
    pub fn own_steps(&self) -> impl Iterator<Item = &Step> {
        self.start.iter().chain(&self.each).chain(&self.end)
    }

    /// All of its steps, those of its actions among them.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.starting().chain(&self.each).chain(self.parts.iter().flat_map(|part| &part.each)).chain(self.ending())
    }

    /// How many threads do this, in all processes together.
    pub fn threads_in_all(&self) -> usize {
        self.processes as usize * self.threads as usize
    }
}

/// Who there has to be for a worker. Where arms differ in it, as many as the arm with the most; the others let some of them idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crew {
    /// How many processes.
    pub processes: usize,
    /// How many threads in each.
    pub threads: usize,
}

/// How iterations follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The next begins when the last is done.
    Closed,
    /// The period, in nanoseconds.
    Open {
        /// The period.
        period_ns: u64,
    },
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its verb.
    pub entry: &'static Entry,
    /// What it does.
    pub action: Action,
    /// How it has to fail, if it has to.
    pub expect: Option<Errno>,
    /// Its line in the file.
    pub line: usize,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// A number of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Always the same.
    Fixed(u32),
    /// One after the other.
    Cycle(Vec<u32>),
    /// Drawn from here to there.
    Between(u32, u32),
}

impl Amount {
    /// The largest it can be.
    pub fn most(&self) -> u32 {
        match self {
            Self::Fixed(pages) | Self::Between(_, pages) => *pages,
            Self::Cycle(all) => all.iter().copied().max().unwrap_or(0),
        }
    }
}

/// Grants of a side that one object's pages are; every thread has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Whose.
    pub side: Side,
    /// Where those of the first thread begin among all of that side.
    pub base: usize,
    /// How far it is to the next thread's.
    pub per_thread: usize,
    /// How far it is to the next object's of the same name; 0: all map the same.
    pub per_item: usize,
}

/// The pages of a map or an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// A number of pages of one source.
    Pages(Amount, Slice),
    /// The references of an import, or of what the peer granted or imported when it was asked.
    Of(usize),
}

impl Mapped {
    /// The most pages that one of them has, where that is said here.
    pub fn most(&self) -> u32 {
        match self {
            Self::Pages(pages, _) => pages.most(),
            Self::Of(_) => 0,
        }
    }

    /// The grants handed out to it, if they were.
    pub fn slice(&self) -> Option<&Slice> {
        match self {
            Self::Pages(_, slice) => Some(slice),
            Self::Of(_) => None,
        }
    }
}

/// The order in which several objects are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were made.
    Made,
    /// The last first.
    Reversed,
}

/// Which of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// All.
    All,
    /// Another one each iteration, in turn.
    Next,
    /// One drawn.
    Random,
}

/// What a step does. Objects and devices are places in [`WorkerPlan::objects`]; no device: the worker's only one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the vocabulary describes every one of them")]
pub enum Action {
    Open { object: usize },
    Close { object: usize },
    Map { object: usize, on: Option<usize>, count: u32, grants: Mapped },
    Mmap { object: usize, read_only: bool },
    Touch { object: usize, pick: Pick },
    Read { object: usize, pick: Pick },
    Munmap { object: usize, order: Order },
    Unmap { object: usize, order: Order },
    Export { object: usize, on: Option<usize>, buffer: Buffer, count: u32, grants: Mapped },
    Attach { object: usize, to: ImporterKind },
    Detach { object: usize, order: Order },
    Release { object: usize, order: Order, waiter_every: Option<u32> },
    Wait { object: usize, limit_ms: u32, detach_after_ms: Option<u32> },
    Allocate { object: usize, pages: Amount, count: u32, from: Option<Memory> },
    Free { object: usize },
    Import { object: usize, on: Option<usize>, of: usize },
    ImportRelease { object: usize, order: Order },
    Grant { object: usize, pages: Amount, count: u32 },
    Ungrant { object: usize, order: Order },
    PeerGrant { object: usize, pages: Amount, count: u32 },
    PeerImport { object: usize, pages: Amount, count: u32, from: Memory },
    PeerLetGo { object: usize, order: Order, import: bool },
    Copy { on: Option<usize>, inwards: bool, pages: Amount, slice: Slice },
    Pipe { object: usize, of: usize },
    Drain { object: usize },
    Actions { shuffled: bool },
    Sleep { ns: u64, at: Option<u32> },
    Mark { name: String, at: Option<u32> },
}

impl Action {
    /// What is held once it has made `count` objects of `pages` pages each.
    pub fn holds(&self, pages: usize, count: usize) -> Held {
        let mut held = Held { objects: count, ..Held::default() };
        match self {
            Self::Map { .. } | Self::Export { buffer: Buffer::Pages | Buffer::Foreign, .. } => held.pages = pages * count,
            Self::Export { .. } => held.dma_pages = pages * count,
            Self::Allocate { .. } => held.foreign_pages = pages * count,
            Self::Grant { .. } => held.granted_pages = pages * count,
            // An import's pages are its buffer's, and the memory of what the peer makes is the peer's.
            Self::Import { .. } | Self::PeerGrant { .. } | Self::PeerImport { .. } => {}
            _ => held.objects = 0,
        }
        held
    }

    /// Whether it is a call that only a gntdev with dma-bufs knows.
    pub fn needs_dmabuf(&self) -> bool {
        matches!(self, Self::Export { .. } | Self::Import { .. } | Self::Wait { .. })
    }

    /// The most pages that one object of it has, where that is said here.
    pub fn most_pages(&self) -> u32 {
        match self {
            Self::Map { grants, .. } | Self::Export { grants, .. } => grants.most(),
            Self::Allocate { pages, .. }
            | Self::Grant { pages, .. }
            | Self::PeerGrant { pages, .. }
            | Self::PeerImport { pages, .. }
            | Self::Copy { pages, .. } => pages.most(),
            _ => 0,
        }
    }
}

impl Plan {
    /// The arms of each stage, by their places.
    pub fn stages(&self) -> Vec<Range<usize>> {
        let mut stages: Vec<Range<usize>> = Vec::new();
        for (place, arm) in self.arms.iter().enumerate() {
            match stages.last_mut() {
                Some(stage) if self.arms[stage.start].stage == arm.stage => stage.end = place + 1,
                _ => stages.push(place..place + 1),
            }
        }
        stages
    }

    /// The arms whose objects are there at the same time: those of a stage, or one of them after another.
    pub fn rounds(&self) -> Vec<Range<usize>> {
        match self.sequential {
            true => (0..self.arms.len()).map(|arm| arm..arm + 1).collect(),
            false => self.stages(),
        }
    }

    /// Who there has to be for each worker of a stage.
    pub fn crews(&self, stage: &Range<usize>) -> Vec<Crew> {
        let arms = &self.arms[stage.clone()];
        let workers = arms.first().map_or(0, |arm| arm.workers.len());
        let most = |worker: usize, count: fn(&WorkerPlan) -> u32| {
            arms.iter().map(|arm| count(&arm.workers[worker]) as usize).max().unwrap_or(0)
        };
        let crew =
            |worker| Crew { processes: most(worker, |worker| worker.processes), threads: most(worker, |worker| worker.threads) };
        (0..workers).map(crew).collect()
    }

    /// How many threads there are in a stage, in all processes together.
    pub fn threads(&self, stage: &Range<usize>) -> usize {
        self.crews(stage).iter().map(|crew| crew.processes * crew.threads).sum()
    }

    /// Its description and needs, for people.
    pub fn describe(&self) -> String {
        let (needs, held) = (&self.needs, self.needs.held);
        let mut lines = vec![format!("{}: {}", self.name, self.summary)];
        let arms: Vec<&str> = self.arms.iter().map(|arm| arm.name.as_str()).filter(|name| !name.is_empty()).collect();
        if !arms.is_empty() {
            lines.push(format!("{} arms: {}", arms.len(), arms.join("; ")));
        }
        let mut at_once = vec![format!("{} objects", held.objects)];
        let parts = [
            (held.pages, "mapped pages"),
            (held.dma_pages, "pages of DMA buffers"),
            (held.foreign_pages, "pages of other drivers' buffers"),
            (held.granted_pages, "granted pages"),
        ];
        at_once.extend(parts.into_iter().filter(|(pages, _)| *pages > 0).map(|(pages, what)| format!("{pages} {what}")));
        lines.push(format!("holds at once, at most: {}", at_once.join(", ")));
        if needs.peer_dmabuf_pages > 0 {
            lines.push(format!("needs {} pages of a peer's dma-buf (its frontend's --dmabuf-pages)", needs.peer_dmabuf_pages));
        }
        lines.push(match (needs.peer_pages, needs.own_pages) {
            (0, 0) => "needs no other granted pages".to_owned(),
            (peer, 0) => format!("needs {peer} pages granted, by a peer (--peer) or by this domain itself (--self)"),
            (peer, own) => format!("needs {peer} pages of a peer (--peer), and {own} of this domain's own"),
        });
        if let Some(pin) = self.pin() {
            lines.push(format!("pins the balloon with {} pages in it", pin.pages));
        }
        lines.iter().map(|line| format!("{}\n", on_a_line(line))).collect()
    }

    /// The pages to pin in the balloon.
    pub fn pin(&self) -> Option<Pin> {
        let (needs, mapped) = (&self.needs, self.needs.held.pages);
        let beside = needs.pages_at_once.saturating_sub(mapped) + needs.own_pages;
        self.balloon.map(|wanted| Pin { pages: wanted.pages(mapped as u64), beside: beside as u64 })
    }

    /// More calls than the run will make, for the log to have room for.
    pub fn expected_calls(&self) -> usize {
        const SEARCHING: usize = 10_000;
        let items = |step: &Step| match &step.action {
            Action::Map { count, .. } | Action::Export { count, .. } | Action::Grant { count, .. } => *count as usize,
            _ => 1,
        };
        let most = |worker: &WorkerPlan| worker.steps().map(items).max().unwrap_or(1);
        let each = |worker: &WorkerPlan| worker.each.len() + worker.parts.iter().map(|part| part.each.len()).sum::<usize>();
        let once = |worker: &WorkerPlan| worker.starting().count() + worker.ending().count();
        let calls = |arm: &Arm| {
            let turns = match arm.turns {
                Turns::Iterations(count) => (count + self.warmup) as usize,
                Turns::Seconds(seconds) => seconds as usize * 1000,
            };
            let of = |worker: &WorkerPlan| (each(worker) * turns + once(worker)) * most(worker) * worker.threads_in_all();
            arm.workers.iter().map(of).sum::<usize>()
        };
        let calls: usize = self.arms.iter().map(calls).sum();
        // Not beyond what a small domain can spare; a longer log grows as it goes.
        (SEARCHING + calls).min(1 << 18)
    }
}
