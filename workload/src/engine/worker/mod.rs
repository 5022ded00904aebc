//! One thread of a worker: the objects that it has made, and the steps that it does with them. Whatever it has left goes with it,
//! the last made first.

mod apply;
mod end;
mod make;

use crate::device::{
    Attachment, DmaBuf, ForeignBuf, GntAlloc, GntDev, GrantMap, Granted, HeldPage, Import, Importer, ImporterKind, Mapping,
    ReleaseWatch, Released,
};
use crate::error::{Error, Result};
use crate::peer::requests::RemoteGrant;
use crate::script::{Action, Amount, Order, Role, Side, Slice, Step, WorkerPlan};
use crate::shuffle::Shuffler;
use crate::stop;
use crate::truth::{Log, monotonic_ns};
use crate::uapi::{DomId, GRANTED_BYTES};

use super::barrier::Barrier;
use super::grants::Grants;
use super::pace::start_after_pause;

/// State that all threads of a run share.
#[derive(Clone, Copy)]
pub struct Shared<'run> {
    /// Where calls are noted.
    pub log: &'run Log,
    /// The pages.
    pub grants: &'run Grants<'run>,
    /// This domain.
    pub own: DomId,
    /// The name of the scenario's file in errors.
    pub file: &'run str,
    /// Where they meet. When one has given up, the others end as if interrupted.
    pub barrier: &'run Barrier,
}

/// Which iteration a step belongs to.
#[derive(Clone, Copy)]
pub struct Iteration {
    /// From the first one of the warm-up on.
    pub number: u32,
    /// From the first one that counts on; none: it does not count.
    pub counted: Option<u32>,
}

/// One of the objects that a name stands for. Its parts are in the order in which they are dropped.
enum Item<'log> {
    Device(GntDev<'log>),
    /// `first` is its first page's place among those of its side.
    Map {
        mapping: Option<Mapping<'log>>,
        map: Option<GrantMap<'log>>,
        first: (Side, usize),
    },
    /// If it was released while an importer is attached, only the attachment is left.
    Buffer {
        attachment: Option<Attachment<'log>>,
        buffer: Option<DmaBuf<'log>>,
    },
    Foreign {
        attachment: Option<Attachment<'log>>,
        buffer: ForeignBuf,
    },
    Import(Import<'log>),
    Grant(Granted<'log>),
    Pipe(HeldPage),
    Peer(RemoteGrant<'log>),
}

/// The objects that a thread keeps from one sequential arm to the next.
pub struct Carried<'run> {
    /// The orders of its actions.
    pub orders: Shuffler,
    /// Of a worker that opens none itself.
    pub device: Option<GntDev<'run>>,
}

/// One thread's side of a worker, in one arm.
pub struct Worker<'run> {
    shared: Shared<'run>,
    plan: &'run WorkerPlan,
    /// Which of the worker's threads, in all its processes.
    number: usize,
    draw: Shuffler,
    /// Objects kept from the arm before.
    carried: Carried<'run>,
    memory: Vec<u8>,
    /// By the object's place in [`WorkerPlan::objects`].
    objects: Vec<Vec<Item<'run>>>,
    /// Buffers that were released, for waiting; by object.
    released: Vec<Vec<ReleaseWatch<'run>>>,
    /// Objects that are there, in the order of their making.
    made: Vec<usize>,
    granting: Option<GntAlloc<'run>>,
    importers: Vec<(ImporterKind, Importer<'run>)>,
}

impl<'run> Worker<'run> {
    /// With everything open that its steps use.
    pub fn new(
        shared: Shared<'run>,
        plan: &'run WorkerPlan,
        number: usize,
        seed: u64,
        mut carried: Carried<'run>,
    ) -> Result<Self> {
        let uses = |wanted: fn(&Action) -> bool| plan.steps().any(|step| wanted(&step.action));
        let device = uses(|action| {
            matches!(action, Action::Map { .. } | Action::Export { .. } | Action::Import { .. } | Action::Copy { .. })
        });
        if device && !plan.opens && carried.device.is_none() {
            carried.device = Some(GntDev::open(shared.log)?);
        }
        Ok(Self {
            carried,
            granting: uses(|action| matches!(action, Action::Grant { .. })).then(|| GntAlloc::open(shared.log)).transpose()?,
            importers: importers(shared.log, plan)?,
            memory: vec![0; most_copied(plan) * GRANTED_BYTES],
            objects: plan.objects.iter().map(|_| Vec::new()).collect(),
            released: plan.objects.iter().map(|_| Vec::new()).collect(),
            made: Vec::new(),
            draw: Shuffler::new(seed),
            shared,
            plan,
            number,
        })
    }

    /// Does an iteration.
    pub fn iterate(&mut self, iteration: Iteration, pause_ms: u32) -> Result<()> {
        for (begins_an_action, step) in self.plan.iteration(&mut self.carried.orders) {
            if begins_an_action {
                let barrier = self.shared.barrier;
                stop::sleep_unless(start_after_pause(monotonic_ns(), pause_ms), || barrier.given_up())?;
            }
            self.perform([step], iteration)?;
        }
        Ok(())
    }

    /// Does these steps, one after the other.
    pub fn perform(&mut self, steps: impl IntoIterator<Item = &'run Step>, iteration: Iteration) -> Result<()> {
        for step in steps {
            stop::check()?;
            if self.shared.barrier.given_up() {
                return Err(Error::Interrupted);
            }
            self.step(step, iteration).map_err(|error| match error {
                Error::Interrupted => error,
                cause => Error::Step { place: format!("{}:{}", self.shared.file, step.line), cause: Box::new(cause) },
            })?;
        }
        Ok(())
    }

    fn step(&mut self, step: &'run Step, iteration: Iteration) -> Result<()> {
        match step.entry.role {
            Role::Makes => self.make(step, iteration),
            Role::Uses => self.apply(step, iteration),
            Role::Ends => self.end(step, iteration),
        }
    }

    /// The device that a step names, else the one there is.
    fn device(&self, on: Option<usize>) -> Result<GntDev<'run>> {
        let named = on.map(|on| &self.objects[on]).into_iter().flatten();
        let only = self.made.iter().flat_map(|object| &self.objects[*object]);
        let device = named.chain(only).find_map(|item| if let Item::Device(device) = item { Some(device) } else { None });
        match device.or(self.carried.device.as_ref()) {
            Some(device) => Ok(device.clone()),
            None => GntDev::open(self.shared.log),
        }
    }

    fn keep(&mut self, object: usize, items: Vec<Item<'run>>) {
        // A wait from now on is for the new ones.
        self.released[object].clear();
        if !items.is_empty() {
            self.objects[object] = items;
            self.made.push(object);
        }
    }

    fn take(&mut self, object: usize) -> Vec<Item<'run>> {
        self.made.retain(|made| *made != object);
        std::mem::take(&mut self.objects[object])
    }

    /// This iteration's number of pages.
    fn amount(&mut self, amount: &Amount, iteration: Iteration) -> usize {
        let pages = match amount {
            Amount::Fixed(pages) => *pages,
            Amount::Cycle(all) => all[iteration.number as usize % all.len()],
            Amount::Between(least, most) => least + self.draw.next_below(u64::from(most - least) + 1) as u32,
        };
        pages as usize
    }

    /// The first page of this thread's object at `place` among those of its name.
    fn first(&self, slice: &Slice, place: usize) -> usize {
        slice.base + self.number * slice.per_thread + place * slice.per_item
    }

    /// Releases everything that is left, in reverse order of creation.
    pub fn release_objects(&mut self) {
        self.released.iter_mut().for_each(Vec::clear);
        while let Some(object) = self.made.pop() {
            let items = std::mem::take(&mut self.objects[object]);
            ordered(items, Order::Reversed).for_each(drop);
        }
    }

    /// Closes the device of a worker that opens none itself.
    pub fn close_device(&mut self) {
        self.carried.device = None;
    }

    /// When its arm is done: for the next one of its thread.
    pub fn carry_on(mut self) -> Carried<'run> {
        let orders = std::mem::replace(&mut self.carried.orders, Shuffler::new(0));
        Carried { orders, device: self.carried.device.take() }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.release_objects();
        self.close_device();
    }
}

/// Those that the worker's steps name.
fn importers<'run>(log: &'run Log, plan: &WorkerPlan) -> Result<Vec<(ImporterKind, Importer<'run>)>> {
    let mut opened: Vec<(ImporterKind, Importer<'run>)> = Vec::new();
    for step in plan.steps() {
        if let Action::Attach { to, .. } = step.action
            && opened.iter().all(|(kind, _)| *kind != to)
        {
            opened.push((to, Importer::open(log, to)?));
        }
    }
    Ok(opened)
}

fn ordered<T>(items: Vec<T>, order: Order) -> impl Iterator<Item = T> {
    let mut items = items;
    if order == Order::Reversed {
        items.reverse();
    }
    items.into_iter()
}

/// The most pages that one of the worker's steps copies at a time.
fn most_copied(worker: &WorkerPlan) -> usize {
    let reads = worker.steps().any(|step| matches!(step.action, Action::Read { .. }));
    let of = |step: &Step| match &step.action {
        Action::Copy { pages, .. } => pages.most() as usize,
        Action::Map { grants, .. } if reads => grants.most() as usize,
        Action::PeerGrant { pages, .. } | Action::PeerImport { pages, .. } if reads => pages.most() as usize,
        _ => 0,
    };
    worker.steps().map(of).max().unwrap_or(0)
}

fn watch<'log>(item: &Item<'log>) -> Option<ReleaseWatch<'log>> {
    if let Item::Buffer { buffer: Some(buffer), .. } = item { Some(buffer.watch()) } else { None }
}

/// A wait that ended otherwise than it had to.
fn surprise(waited: Released, expected: String) -> Error {
    let answered = match waited {
        Released::WhileWaiting => "that it was released meanwhile",
        Released::Before => "that it was released before (ENOENT)",
        Released::NotYet => "that it was not released in time (ETIMEDOUT)",
    };
    Error::Surprise { what: "a wait", answered: answered.to_owned(), expected }
}

/// What a call gave, if it went as the step expects; nothing if that was to fail.
fn answered<T>(step: &Step, what: &'static str, answer: Result<T>) -> Result<Option<T>> {
    match (step.expect, answer) {
        (None, answer) => answer.map(Some),
        (Some(expected), Err(error)) if error.errno() == Some(expected) => Ok(None),
        (Some(expected), Err(error)) if error.errno().is_some() => {
            let answered = error.errno().map_or_else(String::new, |errno| format!("{errno:?}"));
            Err(Error::Surprise { what, answered, expected: format!("{expected:?}") })
        }
        (Some(_), Err(error)) => Err(error),
        (Some(expected), Ok(_)) => Err(Error::Surprise { what, answered: "ok".to_owned(), expected: format!("{expected:?}") }),
    }
}
