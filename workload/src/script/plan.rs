//! What is to be done: typed steps, with the parameters filled in, once for every arm.

use std::collections::BTreeMap;
use std::ops::Range;

use nix::errno::Errno;

use super::document::Scalar;
use super::needs::Needs;
use crate::balloon::{Pin, Wanted};
use crate::device::Memory;
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

/// What is given from outside the file.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Parameters with other values than the file's; several make arms.
    pub set: Vec<(String, Vec<Scalar>)>,
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
    /// So many that count, and the warm-up before them.
    Iterations(u32),
    /// As many as begin within so many seconds.
    Seconds(u32),
}

/// A scenario, ready to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What errors call the file.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The scenario's name.
    pub name: String,
    /// One line about it.
    pub summary: String,
    /// What orders and drawn numbers are derived from.
    pub seed: u64,
    /// Iterations before those that count.
    pub warmup: u32,
    /// Those that count.
    pub turns: Turns,
    /// The grid that iterations of closed loops start on; 0: none.
    pub pause_ms: u32,
    /// How many pages are to be in the balloon, where it is to be pinned.
    pub balloon: Option<Wanted>,
    /// Parameters that are the same in every arm.
    pub parameters: BTreeMap<String, Scalar>,
    /// Every combination of what arms vary; one without a name if there are none.
    pub arms: Vec<Arm>,
    /// What it needs and holds at most.
    pub needs: Needs,
}

/// One combination.
#[derive(Clone, Debug)]
pub struct Arm {
    /// As in `buffer=wc,pages=16`; empty: there is nothing to tell apart.
    pub name: String,
    /// Who does what.
    pub workers: Vec<Worker>,
}

/// Some threads that do the same.
#[derive(Clone, Debug)]
pub struct Worker {
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
    /// Whether it opens its devices itself.
    pub opens: bool,
}

impl Worker {
    /// All of its steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.start.iter().chain(&self.each).chain(&self.end)
    }

    /// How many threads do this, in all processes together.
    pub fn hands(&self) -> usize {
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
    /// One is due every so many nanoseconds.
    Open {
        /// The period.
        period_ns: u64,
    },
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
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

/// Grants of a side that one object's pages are; every hand has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Whose.
    pub side: Side,
    /// Where those of the first hand begin among all of that side.
    pub base: usize,
    /// How far it is to the next hand's.
    pub per_hand: usize,
    /// How far it is to the next object's of the same name; 0: all map the same.
    pub per_item: usize,
}

/// What is mapped or exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// So many of somebody's pages.
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

/// The order in which several are let go of.
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

/// What a step does. Objects and devices are places in [`Worker::objects`]; no device: the worker's only one.
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
    Attach { object: usize },
    Detach { object: usize, order: Order },
    Release { object: usize, order: Order },
    Wait { object: usize, limit_ms: u32, detach_after_ms: Option<u32> },
    Allocate { object: usize, pages: Amount, count: u32, from: Memory },
    Free { object: usize },
    Import { object: usize, on: Option<usize>, of: usize },
    ImportRelease { object: usize, order: Order },
    Grant { object: usize, pages: Amount, count: u32 },
    Ungrant { object: usize, order: Order },
    PeerGrant { object: usize, pages: Amount, count: u32 },
    PeerImport { object: usize, pages: Amount, count: u32, from: Memory },
    PeerLetGo { object: usize, order: Order, import: bool },
    Copy { on: Option<usize>, inwards: bool, pages: Amount, slice: Slice },
    Sleep { ns: u64, at: Option<u32> },
}

impl Plan {
    /// Who there has to be for each worker.
    pub fn crews(&self) -> Vec<Crew> {
        let workers = self.arms.first().map_or(0, |arm| arm.workers.len());
        let most = |worker: usize, count: fn(&Worker) -> u32| {
            self.arms.iter().map(|arm| count(&arm.workers[worker]) as usize).max().unwrap_or(0)
        };
        let crew =
            |worker| Crew { processes: most(worker, |worker| worker.processes), threads: most(worker, |worker| worker.threads) };
        (0..workers).map(crew).collect()
    }

    /// How many threads there are, in all processes together.
    pub fn threads(&self) -> usize {
        self.crews().iter().map(|crew| crew.processes * crew.threads).sum()
    }

    /// What it is and needs, for people.
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
        lines.push(String::new());
        lines.join("\n")
    }

    /// What is to be pinned of the balloon.
    pub fn pin(&self) -> Option<Pin> {
        let (needs, mapped) = (&self.needs, self.needs.held.pages);
        let beside = needs.pages_at_once.saturating_sub(mapped) + needs.own_pages;
        self.balloon.map(|wanted| Pin { pages: wanted.pages(mapped as u64), beside: beside as u64 })
    }

    /// More calls than the run will make, for the log to have room for.
    pub fn expected_calls(&self) -> usize {
        const SEARCHING: usize = 10_000;
        let turns = match self.turns {
            Turns::Iterations(count) => (count + self.warmup) as usize,
            Turns::Seconds(seconds) => seconds as usize * 1000,
        };
        let items = |step: &Step| match &step.action {
            Action::Map { count, .. } | Action::Export { count, .. } | Action::Grant { count, .. } => *count as usize,
            _ => 1,
        };
        let most = |worker: &Worker| worker.steps().map(items).max().unwrap_or(1);
        let each =
            |worker: &Worker| (worker.each.len() * turns + worker.start.len() + worker.end.len()) * most(worker) * worker.hands();
        let calls: usize = self.arms.iter().flat_map(|arm| &arm.workers).map(each).sum();
        // Not beyond what a small domain can spare; a longer log grows as it goes.
        (SEARCHING + calls).min(1 << 18)
    }
}
