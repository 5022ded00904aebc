//! What a run will hold at most, found by walking through its steps without doing them.

use std::collections::BTreeMap;

use super::plan::{Action, Arm, Mapped, Plan, Side, Step, WorkerPlan};
use crate::shuffle::Shuffler;
use crate::truth::Buffer;

/// The most that is needed, all arms, workers, processes and threads together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Pages that this domain has to grant to itself.
    pub own_pages: usize,
    /// Pages that the peer has to grant.
    pub peer_pages: usize,
    /// Pages of a dma-buf that the peer has to grant.
    pub peer_dmabuf_pages: usize,
    /// The largest object, in pages.
    pub largest: u32,
    /// What is held at once, at most; each part by itself.
    pub held: Held,
    /// Pages of all parts together that are held at once, at most.
    pub pages_at_once: usize,
    /// The largest DMA buffer (WC or coherent) made of a domain's pages, in pages.
    pub largest_dma: u32,
    /// Whether it opens gntdev at all.
    pub gntdev: bool,
    /// Whether it asks the peer's frontend for more than it grants from the start.
    pub requests: bool,
}

/// What is held at a time, in pages; and in objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Pages that back maps and exports: ordinary memory.
    pub pages: usize,
    /// Pages of DMA buffers.
    pub dma_pages: usize,
    /// Pages of other drivers' dma-bufs.
    pub foreign_pages: usize,
    /// Pages granted by grant steps.
    pub granted_pages: usize,
    /// Objects: maps, dma-bufs, imports and grants.
    pub objects: usize,
}

impl Held {
    fn parts(&mut self) -> [&mut usize; 5] {
        [&mut self.pages, &mut self.dma_pages, &mut self.foreign_pages, &mut self.granted_pages, &mut self.objects]
    }

    /// Part by part.
    fn with(mut self, mut other: Self, what: impl Fn(usize, usize) -> usize) -> Self {
        for (part, other) in self.parts().into_iter().zip(other.parts()) {
            *part = what(*part, *other);
        }
        self
    }

    fn all_pages(self) -> usize {
        self.pages + self.dma_pages + self.foreign_pages + self.granted_pages
    }

    fn times(mut self, factor: usize) -> Self {
        for part in self.parts() {
            *part *= factor;
        }
        self
    }
}

impl Needs {
    /// Those of a plan.
    pub fn of(plan: &Plan) -> Self {
        let mut needs = Self::default();
        let steps = || plan.arms.iter().flat_map(|arm| &arm.workers).flat_map(WorkerPlan::steps);
        steps().for_each(|step| needs.look_at(step));
        // Of what is as large as what it is made of, the largest there is may be meant.
        if steps().any(|step| {
            matches!(step.action, Action::Export { grants: Mapped::Of(_), buffer: Buffer::Wc | Buffer::Coherent, .. })
        }) {
            needs.largest_dma = needs.largest;
        }
        for arm in &plan.arms {
            let most = |so_far: usize, side| so_far.max(grants(arm, side));
            needs.own_pages = most(needs.own_pages, Side::Own);
            needs.peer_pages = most(needs.peer_pages, Side::Peer);
            needs.peer_dmabuf_pages = most(needs.peer_dmabuf_pages, Side::PeerDmabuf);
        }
        for arms in plan.rounds() {
            needs.hold_at_once(&plan.arms[arms]);
        }
        needs
    }

    /// What an arm holds between its turns is held while the others have theirs.
    fn hold_at_once(&mut self, arms: &[Arm]) {
        let walks: Vec<_> = arms.iter().map(walk).collect();
        let standing = walks.iter().fold(Held::default(), |sum, (standing, _)| sum.with(*standing, |a, b| a + b));
        let beyond = walks
            .iter()
            .fold(Held::default(), |most, (standing, peak)| most.with(peak.with(*standing, usize::saturating_sub), usize::max));
        self.held = self.held.with(standing.with(beyond, |a, b| a + b), usize::max);
        let most = walks.iter().map(|(standing, peak)| peak.all_pages().saturating_sub(standing.all_pages())).max();
        self.pages_at_once = self.pages_at_once.max(standing.all_pages() + most.unwrap_or(0));
    }

    fn look_at(&mut self, step: &Step) {
        match &step.action {
            Action::Export { grants, buffer, .. } => {
                if matches!(buffer, Buffer::Wc | Buffer::Coherent) {
                    self.largest_dma = self.largest_dma.max(grants.most());
                }
            }
            Action::PeerGrant { .. } | Action::PeerImport { .. } => self.requests = true,
            _ => {}
        }
        if !matches!(step.action, Action::Allocate { .. }) {
            self.largest = self.largest.max(step.action.most_pages());
        }
        self.gntdev |= matches!(
            step.action,
            Action::Open { .. } | Action::Map { .. } | Action::Export { .. } | Action::Import { .. } | Action::Copy { .. }
        );
    }
}

/// How many grants of a side the arm's steps name.
fn grants(arm: &Arm, side: Side) -> usize {
    let of_worker = |worker: &WorkerPlan| {
        let ends = worker.steps().filter_map(|step| match &step.action {
            Action::Map { grants, .. } | Action::Export { grants, .. } => grants.slice(),
            Action::Copy { slice, .. } => Some(slice),
            _ => None,
        });
        ends.filter(|slice| slice.side == side)
            .map(|slice| slice.base + slice.per_thread * worker.threads_in_all())
            .max()
            .unwrap_or(0)
    };
    arm.workers.iter().map(of_worker).max().unwrap_or(0)
}

/// What an arm holds between two iterations, and at its worst moment. Workers, processes and threads may come to theirs at the
/// same time.
fn walk(arm: &Arm) -> (Held, Held) {
    let mut sums = (Held::default(), Held::default());
    for worker in &arm.workers {
        let (mut holding, mut peak) = (Holding::new(), Held::default());
        let mut pass = |steps: Vec<&Step>| {
            for step in steps {
                hold(step, &mut holding);
                peak = peak.with(total(&holding), usize::max);
            }
            total(&holding)
        };
        let standing = pass(worker.starting().collect());
        // In whatever order its actions come, each leaves what it found.
        pass(worker.iteration(&mut Shuffler::new(0)).into_iter().map(|(_, step)| step).collect());
        pass(worker.ending().collect());
        let threads = worker.threads_in_all();
        sums.0 = sums.0.with(standing.times(threads), |a, b| a + b);
        sums.1 = sums.1.with(peak.times(threads), |a, b| a + b);
    }
    sums
}

/// What is held, by object.
type Holding = BTreeMap<usize, Holds>;

/// What is held by an object.
struct Holds {
    held: Held,
    /// Pages of one of those that its name stands for.
    size: usize,
    /// Whether a mapping or vgem keeps it when it is let go of.
    kept: bool,
    /// Whether it was unmapped or released.
    let_go: bool,
}

/// Changes who holds an object; without anybody it is gone.
fn change(holding: &mut Holding, object: &usize, what: impl FnOnce(&mut Holds)) {
    holding.entry(*object).and_modify(what);
    holding.retain(|_, holds| holds.kept || !holds.let_go);
}

fn total(holding: &Holding) -> Held {
    holding.values().fold(Held::default(), |sum, holds| sum.with(holds.held, |a, b| a + b))
}

/// The pages of one, and how many there are.
fn of(holding: &Holding, grants: &Mapped, count: u32) -> (usize, u32) {
    match grants {
        Mapped::Pages(pages, _) => (pages.most() as usize, count),
        Mapped::Of(other) => holding.get(other).map_or((0, 0), |holds| (holds.size, holds.held.objects as u32)),
    }
}

/// What a step adds to or takes from what is held.
fn hold(step: &Step, holding: &mut Holding) {
    if step.expect.is_some() {
        return;
    }
    let size = |holding: &Holding, object: &usize| holding.get(object).map_or(0, |holds| holds.size);
    let (object, size, count, in_pages): (_, _, _, fn(&mut Held) -> Option<&mut usize>) = match &step.action {
        Action::Map { object, count, grants, .. } => {
            let (size, count) = of(holding, grants, *count);
            (object, size, count, |held| Some(&mut held.pages))
        }
        Action::Export { object, buffer, count, grants, .. } => {
            let (size, count) = of(holding, grants, *count);
            match buffer {
                Buffer::Pages | Buffer::Foreign => (object, size, count, |held| Some(&mut held.pages)),
                Buffer::Wc | Buffer::Coherent => (object, size, count, |held| Some(&mut held.dma_pages)),
            }
        }
        Action::Allocate { object, pages, count, .. } => {
            (object, pages.most() as usize, *count, |held| Some(&mut held.foreign_pages))
        }
        // Their memory is the peer's.
        Action::PeerGrant { object, pages, count } | Action::PeerImport { object, pages, count, .. } => {
            (object, pages.most() as usize, *count, |_| None)
        }
        Action::Grant { object, pages, count } => (object, pages.most() as usize, *count, |held| Some(&mut held.granted_pages)),
        // Its pages are its buffer's.
        Action::Import { object, of, .. } => (object, size(holding, of), 1, |_| None),
        Action::Mmap { object, .. } | Action::Attach { object } => return change(holding, object, |holds| holds.kept = true),
        Action::Munmap { object, .. } | Action::Detach { object, .. } | Action::Wait { object, detach_after_ms: Some(_), .. } => {
            return change(holding, object, |holds| holds.kept = false);
        }
        Action::Unmap { object, .. } | Action::Release { object, .. } => {
            return change(holding, object, |holds| holds.let_go = true);
        }
        Action::Free { object }
        | Action::ImportRelease { object, .. }
        | Action::Ungrant { object, .. }
        | Action::PeerLetGo { object, .. } => {
            holding.remove(object);
            return;
        }
        _ => return,
    };
    let mut held = Held { objects: count as usize, ..Held::default() };
    if let Some(pages) = in_pages(&mut held) {
        *pages = size * count as usize;
    }
    holding.insert(*object, Holds { held, size, kept: false, let_go: false });
}
