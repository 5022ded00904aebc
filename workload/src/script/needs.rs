//! What a run needs and will hold at most, found by walking through its steps without doing them.

use super::held::Held;
use super::order;
use super::plan::{Action, Arm, Mapped, Plan, Side, Step, WorkerPlan};
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
        let walks: Vec<_> = arms.iter().map(order::peaks).collect();
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
