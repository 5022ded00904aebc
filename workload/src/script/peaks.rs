//! Finds what a run needs and holds at most, by walking through its steps without doing them.

use super::held::Held;
use super::needs::Needs;
use super::order;
use super::plan::{Action, Arm, Mapped, Plan, Side, Step, WorkerPlan};
use crate::truth::Buffer;

/// The needs of a plan.
pub fn needs(plan: &Plan) -> Needs {
    let mut needs = Needs::default();
    let steps = || plan.arms.iter().flat_map(|arm| &arm.workers).flat_map(WorkerPlan::steps);
    steps().for_each(|step| add_step(&mut needs, step));
    // Of what is as large as what it is made of, the largest there is may be meant.
    if steps()
        .any(|step| matches!(step.action, Action::Export { grants: Mapped::Of(_), buffer: Buffer::Wc | Buffer::Coherent, .. }))
    {
        needs.largest_dma = needs.largest;
    }
    for arm in &plan.arms {
        let most = |so_far: usize, side| so_far.max(grants(arm, side));
        needs.own_pages = most(needs.own_pages, Side::Own);
        needs.peer_pages = most(needs.peer_pages, Side::Peer);
        needs.peer_dmabuf_pages = most(needs.peer_dmabuf_pages, Side::PeerDmabuf);
    }
    for arms in plan.rounds() {
        hold_at_once(&mut needs, &plan.arms[arms]);
    }
    needs
}

/// What an arm holds between its turns is held while the others have theirs.
fn hold_at_once(needs: &mut Needs, arms: &[Arm]) {
    let walks: Vec<_> = arms.iter().map(order::peaks).collect();
    let standing = walks.iter().fold(Held::default(), |sum, (standing, _)| sum.with(*standing, |a, b| a + b));
    let beyond = walks
        .iter()
        .fold(Held::default(), |most, (standing, peak)| most.with(peak.with(*standing, usize::saturating_sub), usize::max));
    needs.held = needs.held.with(standing.with(beyond, |a, b| a + b), usize::max);
    let most = walks.iter().map(|(standing, peak)| peak.all_pages().saturating_sub(standing.all_pages())).max();
    needs.pages_at_once = needs.pages_at_once.max(standing.all_pages() + most.unwrap_or(0));
}

fn add_step(needs: &mut Needs, step: &Step) {
    match &step.action {
        Action::Export { grants, buffer, .. } => {
            if matches!(buffer, Buffer::Wc | Buffer::Coherent) {
                needs.largest_dma = needs.largest_dma.max(grants.most());
            }
        }
        Action::PeerGrant { .. } | Action::PeerImport { .. } => needs.requests = true,
        _ => {}
    }
    if !matches!(step.action, Action::Allocate { .. }) {
        needs.largest = needs.largest.max(step.action.most_pages());
    }
    needs.gntdev |= matches!(
        step.action,
        Action::Open { .. } | Action::Map { .. } | Action::Export { .. } | Action::Import { .. } | Action::Copy { .. }
    );
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
