//! What this kernel can do, asked before anything is mapped; and what becomes of the steps that need more.

use grantscope_output::say;

use crate::device::{DmaHeap, ForeignBuf, GntAlloc, GntDev, Importer, ImporterKind, Memory, UdmaBuf, maps_own_grants};
use crate::error::{Error, Result};
use crate::script::{Action, Arm, Mapped, Missing, Plan, Side, Step, WorkerPlan, needs_of};
use crate::truth::{Header, Log};

/// Takes out of a plan what this kernel cannot do, if its file says so, and notes it in `header`, as what its
/// importer does; else that is an error. Gives gntdev's limit, if the plan needs gntdev.
///
/// # Errors
/// The kernel cannot do what may not be left out, or cannot be asked.
pub fn leave_out(log: &Log, plan: &mut Plan, header: &mut Header) -> Result<Option<usize>> {
    let skipped = &mut header.skipped;
    let device = if plan.needs.gntdev { Some(GntDev::open(log)?) } else { None };
    let limit = device.as_ref().map(GntDev::limit);
    let mut kernel = Kernel { log, device, dmabuf: None };
    let mut arms = Vec::new();
    let maps_own_grants = maps_own_grants();
    for mut arm in std::mem::take(&mut plan.arms) {
        if !maps_own_grants && arm.workers.iter().any(maps_own) {
            if plan.if_missing == Missing::Fails {
                return Err(Error::NoOwnGrants);
            }
            note(&arm.name, &Error::NoOwnGrants, skipped);
            continue;
        }
        leave_out_actions(&mut kernel, &mut arm, plan.if_missing, skipped)?;
        match kernel.lacks(arm.workers.iter().flat_map(|worker| worker.own_steps())) {
            Ok(()) => arms.push(arm),
            Err(error) if plan.if_missing == Missing::Fails || !is_absence(&error) => return Err(error),
            // What its actions were left out for says enough.
            Err(error) if skipped.iter().any(|skipped| skipped.ends_with(&format!(": {error}"))) => {}
            Err(error) => note(&arm.name, &error, skipped),
        }
    }
    if arms.is_empty() {
        return Err(Error::NothingPossible { why: skipped.join("; ") });
    }
    plan.arms = arms;
    for kind in [ImporterKind::Vgem, ImporterKind::Device] {
        header.importer_maps &= look_at_importer(log, plan, kind, skipped)?;
    }
    plan.needs = needs_of(plan);
    Ok(limit)
}

/// Whether it maps what this domain grants itself: pages, or a buffer that it has imported.
fn maps_own(worker: &WorkerPlan) -> bool {
    let imports =
        |object| worker.steps().any(|step| matches!(step.action, Action::Import { object: made, .. } if made == object));
    worker.steps().any(|step| match &step.action {
        Action::Map { grants, .. } | Action::Export { grants, .. } => match grants {
            Mapped::Pages(_, slice) => slice.side == Side::Own,
            Mapped::Of(object) => imports(*object),
        },
        _ => false,
    })
}

fn leave_out_actions(kernel: &mut Kernel<'_>, arm: &mut Arm, if_missing: Missing, skipped: &mut Vec<String>) -> Result<()> {
    for worker in &mut arm.workers {
        let mut possible = Vec::new();
        for part in std::mem::take(&mut worker.parts) {
            match kernel.lacks(part.steps()) {
                Ok(()) => possible.push(part),
                Err(error) if if_missing != (Missing::IsLeftOut { but_actions: false }) || !is_absence(&error) => {
                    return Err(error);
                }
                Err(error) => note(&part.name, &error, skipped),
            }
        }
        worker.parts = possible;
    }
    Ok(())
}

/// An importer of buffers: whether it maps what it imports. No option names it, so it may be left out wherever leaving out is allowed.
fn look_at_importer(log: &Log, plan: &mut Plan, kind: ImporterKind, skipped: &mut Vec<String>) -> Result<bool> {
    let attaches = |step: &Step| matches!(step.action, Action::Attach { to, .. } if to == kind);
    if !plan.arms.iter().flat_map(|arm| &arm.workers).any(|worker| worker.steps().any(attaches)) {
        return Ok(true);
    }
    match Importer::open(log, kind).and_then(|importer| importer.maps_at_import()) {
        Err(error) if plan.if_missing != Missing::Fails && is_absence(&error) => {
            note("attach", &error, skipped);
            for worker in plan.arms.iter_mut().flat_map(|arm| &mut arm.workers) {
                retain(worker, |step| !attaches(step));
                let attached = worker.steps().filter_map(|step| match step.action {
                    Action::Attach { object, .. } => Some(object),
                    _ => None,
                });
                let attached: Vec<_> = attached.collect();
                retain(worker, |step| !matches!(step.action, Action::Detach { object, .. } if !attached.contains(&object)));
            }
            Ok(true)
        }
        seen => seen,
    }
}

fn retain(worker: &mut WorkerPlan, keep: impl Fn(&Step) -> bool) {
    let of_parts = worker.parts.iter_mut().flat_map(|part| [&mut part.start, &mut part.each, &mut part.end]);
    let own = [&mut worker.start, &mut worker.each, &mut worker.end];
    own.into_iter().chain(of_parts).for_each(|steps| steps.retain(&keep));
}

fn note(what: &str, error: &Error, skipped: &mut Vec<String>) {
    let text = format!("{what}: {error}");
    if !skipped.contains(&text) {
        say!("note: left out {text}");
        skipped.push(text);
    }
}

/// The running kernel, for queries of what it supports.
struct Kernel<'log> {
    log: &'log Log,
    /// Open for questions, if anything needs it.
    device: Option<GntDev<'log>>,
    /// Whether gntdev has dma-bufs; none: nothing has needed them yet. Asking is a call that is noted.
    dmabuf: Option<bool>,
}

impl Kernel<'_> {
    /// An error if these steps need what is not there. What attaches to buffers is another question.
    fn lacks<'a>(&mut self, steps: impl Iterator<Item = &'a Step>) -> Result<()> {
        let mut tried = Vec::new();
        for step in steps {
            let action = &step.action;
            if action.needs_dmabuf() && !self.knows_dmabuf()? {
                return Err(Error::NoDmabuf);
            }
            match action {
                Action::Grant { .. } => drop(GntAlloc::open(self.log)?),
                Action::Allocate { from, .. } if !tried.contains(from) => {
                    match from {
                        Some(Memory::Udmabuf) => UdmaBuf::create(1),
                        Some(Memory::DmaHeap) => DmaHeap::allocate(1),
                        None => ForeignBuf::of_any_kind(1),
                    }?;
                    tried.push(*from);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn knows_dmabuf(&mut self) -> Result<bool> {
        if let (None, Some(device)) = (self.dmabuf, &self.device) {
            self.dmabuf = Some(device.knows_dmabuf()?);
        }
        Ok(self.dmabuf.unwrap_or(false))
    }
}

/// Whether it says that a kernel lacks something, and not that something went wrong.
pub fn is_absence(error: &Error) -> bool {
    matches!(
        error,
        Error::NoDevice { .. } | Error::NoDmabuf | Error::NoOwnGrants | Error::NoVgem { .. } | Error::ImporterUnseen { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{builtin::BUILTIN, script::Given};

    #[test]
    fn an_arm_maps_own_pages_where_nobody_else_grants_and_in_the_loopback() {
        let own = |peer: bool| -> Vec<String> {
            let sweep = BUILTIN.iter().find(|file| file.name == "sweep").unwrap();
            let plan = Plan::read("sweep", sweep.text, &Given { peer, ..Given::default() }).unwrap();
            plan.arms.iter().filter(|arm| arm.workers.iter().any(maps_own)).map(|arm| arm.name.clone()).collect()
        };
        assert_eq!(own(true), ["loopback=4", "loopback=64"]);
        assert_eq!(own(false).len(), 6);
    }

    #[test]
    fn only_what_is_absent_may_be_left_out() {
        assert!(is_absence(&Error::NoDmabuf));
        assert!(!is_absence(&Error::Interrupted));
        assert!(!is_absence(&Error::NoXen { path: "/dev/xen/gntdev" }));
    }
}
