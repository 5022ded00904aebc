//! Every order of release: of gntdev's descriptor, the map, the mapping or the dma-buf, an importer, and the owner's grant.
//!
//! What has to come of each order is worked out from the kernel's source ([`expected`]), and what came of it is looked at from the
//! owner's side: when the kernel unmapped the grants it cleared a byte in the owner's page ([`owner`]), and whether an ungrant
//! ended the grant shows when its reference is mapped again ([`ungranted`]). An answer that differs ends the run.

mod expected;
mod objects;
mod orders;
mod owner;
mod step;
mod ungranted;

use std::thread::sleep;

use crate::failure::Failure;
use grantscope_generator::device::{Importer, ImporterKind, Released};
use grantscope_generator::engine::capability::is_absence;
use grantscope_generator::error::{Error, Result};
use grantscope_generator::stop;
use grantscope_generator::truth::{Buffer, Log, Phase};

use crate::capability::{Action, importer, possible_actions};
use crate::options::Options;
use expected::Held;
use objects::Objects;
use orders::Order;
use owner::{Owner, PAGES};
use step::Step;

/// The default number of rounds through all orders.
const ITERATIONS: u32 = 1;

/// The things to release.
#[derive(Clone, Copy)]
enum Kind {
    Mapped,
    Exported(Buffer),
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Exported(buffer) => buffer.name(),
        }
    }
}

/// Whether the importer maps what it imports, if there is one.
pub fn importer_maps(log: &Log) -> Result<bool> {
    match Importer::open(log, ImporterKind::Vgem) {
        Err(error) if is_absence(&error) => Ok(true),
        found => found?.maps_at_import(),
    }
}

/// Goes through all of them, and prints what the kernel did in each.
pub fn run(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
    log.enter(Phase::Setup);
    let actions = possible_actions(log, options, skipped)?;
    let vgem = importer(log, &actions, skipped)?;
    let owner = Owner::of(log, options)?;
    let scene = Scene { log, owner: &owner, vgem };
    log.enter(Phase::Run);
    for iteration in 0..options.iterations.unwrap_or(ITERATIONS) {
        // Every iteration is checked, and so is the same: once is enough to read.
        let print = if iteration == 0 { |line: &str| eprintln!("{line}") } else { |_: &str| {} };
        print(HEAD);
        for action in &actions {
            match *action {
                Action::Map => scene.every_order(Kind::Mapped, print)?,
                Action::Export(buffer) => scene.every_order(Kind::Exported(buffer), print)?,
                Action::ImportForeign | Action::Grant => {}
            }
        }
    }
    eprintln!("release-orders: the kernel did in every order what its source says");
    Ok(())
}

/// The common start of every order.
struct Scene<'run> {
    log: &'run Log,
    owner: &'run Owner<'run>,
    vgem: Option<Importer<'run>>,
}

impl<'run> Scene<'run> {
    fn every_order(&self, kind: Kind, print: fn(&str)) -> Result<()> {
        let (steps, held) = self.beginning(kind);
        for order in orders::all(&steps, held) {
            stop::check()?;
            print(&self.go_through(kind, &order, held)?.row());
        }
        Ok(())
    }

    fn beginning(&self, kind: Kind) -> (Vec<Step>, Held) {
        match (kind, &self.vgem) {
            (Kind::Mapped, _) => (vec![Step::Close, Step::Unmap, Step::Munmap, Step::Ungrant], Held::mapped(expected::is_pv())),
            (Kind::Exported(_), Some(_)) => {
                (vec![Step::Close, Step::CloseBuffer, Step::Detach, Step::Ungrant], Held::exported(true))
            }
            (Kind::Exported(_), None) => (vec![Step::Close, Step::CloseBuffer, Step::Ungrant], Held::exported(false)),
        }
    }

    fn objects(&self, kind: Kind) -> Result<Objects<'run>> {
        match kind {
            Kind::Mapped => Objects::mapped(self.log, self.owner),
            Kind::Exported(buffer) => Objects::exported(self.log, self.owner, buffer, self.vgem.as_ref()),
        }
    }

    /// Releases in this order, and compares after every step.
    fn go_through<'order>(&self, kind: Kind, order: &'order Order, mut held: Held) -> Result<Seen<'order>> {
        let mut seen = Seen { kind, order, releases: vec![], went_with: None, met: 0 };
        let mut objects = self.objects(kind)?;
        for &step in &order.0 {
            let answer = objects.release_step(step);
            answer.map_err(|error| seen.differs(step, format!("the call failed: {error}"), "it succeeds".to_owned()))?;
            held.release_step(step);
            let mapped = seen.check(step, !objects.grants_are_unmapped()?, held.grants_are_mapped(), mapped_text)?;
            if !mapped && seen.went_with.is_none() {
                seen.went_with = Some(step);
            }
            let expected = if let Kind::Exported(_) = kind { held.release_is() } else { None };
            let release = seen.check(step, objects.release_is()?, expected, release_text)?;
            seen.releases.push(release);
            if step == Step::Ungrant {
                let expected = if mapped { PAGES } else { 0 };
                seen.met = seen.check(step, self.still_granted(&objects)?, expected, granted_text)?;
            }
        }
        if seen.met > 0 {
            sleep(ungranted::SETTLED_AFTER);
            let last = order.0[order.0.len() - 1];
            seen.check(last, self.still_granted(&objects)?, 0, granted_text)?;
        }
        Ok(seen)
    }

    fn still_granted(&self, objects: &Objects<'_>) -> Result<usize> {
        ungranted::still_granted(self.log, self.owner.domain(), &objects.references)
    }
}

/// What the kernel did in one order: all of it as expected.
struct Seen<'order> {
    kind: Kind,
    order: &'order Order,
    /// After each step, what a wait for the buffer's release answered.
    releases: Vec<Option<Released>>,
    /// The step within which the kernel unmapped the grants.
    went_with: Option<Step>,
    /// How many of the pages could still be mapped after the ungrant.
    met: usize,
}

impl Seen<'_> {
    /// Gives the answer back if it is what was expected.
    fn check<T: PartialEq>(&self, after: Step, answered: T, expected: T, text: fn(&T) -> String) -> Result<T> {
        if answered == expected { Ok(answered) } else { Err(self.differs(after, text(&answered), text(&expected))) }
    }

    fn differs(&self, after: Step, answered: String, expected: String) -> Error {
        let order = format!("{}, released by {}", self.kind.name(), self.order);
        Error::from(Failure::Order { order, when: format!("after {}", after.name()), answered, expected })
    }

    /// A line of the table. That every call succeeded was checked, or there is no line.
    fn row(&self) -> String {
        let steps: Vec<_> = self.order.0.iter().map(|step| format!("{} ok", step.name())).collect();
        let releases: Vec<_> = self.releases.iter().map(|release| release.map_or("–", errno_of)).collect();
        let releases = if let Kind::Mapped = self.kind { "–".to_owned() } else { releases.join(", ") };
        let (met, ended) = match self.met {
            0 => ("no user", "at once".to_owned()),
            _ => ("a user", format!("within {} ms", ungranted::SETTLED_AFTER.as_millis())),
        };
        format!(
            "| {:<8} | {:<49} | {:<36} | {:<16} | {met:<11} | {ended:<14} |",
            self.kind.name(),
            steps.join(", "),
            releases,
            self.went_with.map_or("no step", Step::name),
        )
    }
}

/// The table's beginning, in Markdown as the rest of it.
const HEAD: &str = "\
| what     | released, and the answers                         | wait_released after each step        | grants went with | ungrant met | grants ended   |
| -------- | ------------------------------------------------- | ------------------------------------ | ---------------- | ----------- | -------------- |";

fn mapped_text(mapped: &bool) -> String {
    format!("the grants {} mapped", if *mapped { "are" } else { "are not" })
}

fn release_text(release: &Option<Released>) -> String {
    format!("a wait for the buffer's release is answered with {}", release.map_or("nothing, as it cannot be asked", errno_of))
}

fn granted_text(pages: &usize) -> String {
    format!("{pages} of {PAGES} references can still be mapped")
}

/// The kernel's answer to a wait of no time.
fn errno_of(release: Released) -> &'static str {
    match release {
        Released::WhileWaiting => "ok",
        Released::Before => "ENOENT",
        Released::NotYet => "ETIMEDOUT",
    }
}
