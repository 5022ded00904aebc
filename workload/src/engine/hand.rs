//! One thread of a worker: the objects that it has made, and the steps that it does with them. Whatever it has left goes with it,
//! the last made first.

use std::time::Duration;

use crate::device::{
    Access, Attachment, DmaBuf, DmaHeap, ForeignBuf, GntAlloc, GntDev, GrantMap, Granted, HeldPage, Import, Mapping,
    ReleaseWatch, Released, Segment, UdmaBuf, Vgem,
};
use crate::error::{Error, Result};
use crate::requests::{AskedFor, Memory, Wish};
use crate::script::{Action, Amount, Mapped, Order, Pick, Side, Slice, Step, Worker};
use crate::shuffle::Shuffler;
use crate::stop;
use crate::truth::{Buffer, Log, monotonic_ns};
use crate::uapi::{DomId, GRANTED_BYTES, GrantRef};

use super::grants::Grants;
use super::meanwhile::{Wait, wait_while_detaching};
use super::meeting::Meeting;
use super::pace::start_after_pause;
use super::waiter::release_while_waited_for;

/// What all threads of a run share.
#[derive(Clone, Copy)]
pub struct Shared<'run> {
    /// Where calls are noted.
    pub log: &'run Log,
    /// The pages.
    pub grants: &'run Grants<'run>,
    /// This domain.
    pub own: DomId,
    /// What errors call the scenario's file.
    pub file: &'run str,
    /// Where they meet. When one has given up, the others end as if interrupted.
    pub meeting: &'run Meeting,
}

/// Which iteration a step belongs to.
#[derive(Clone, Copy)]
pub struct Iteration {
    /// From the first one of the warm-up on.
    pub number: u32,
    /// From the first one that counts on; none: it does not count.
    pub counted: Option<u32>,
}

/// One of the objects that a name stands for. Its parts are in the order in which they go if nobody lets go of them.
enum Item<'log> {
    Device(GntDev<'log>),
    /// `first` is its first page's place among those of its side.
    Map {
        mapping: Option<Mapping<'log>>,
        map: Option<GrantMap<'log>>,
        first: (Side, usize),
    },
    /// If it was released while vgem is attached, only the attachment is left.
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
    Peer(AskedFor<'log>),
}

/// What a thread's hand has from the one before, where one arm comes after another.
pub struct HandedOn<'run> {
    /// The orders of its actions.
    pub orders: Shuffler,
    /// Of a worker that opens none itself.
    pub device: Option<GntDev<'run>>,
}

/// One thread's side of a worker, in one arm.
pub struct Hand<'run> {
    shared: Shared<'run>,
    worker: &'run Worker,
    /// Which of the worker's threads, in all its processes.
    number: usize,
    draw: Shuffler,
    /// What it has from the hand before.
    handed_on: HandedOn<'run>,
    memory: Vec<u8>,
    /// By the object's place in [`Worker::objects`].
    objects: Vec<Vec<Item<'run>>>,
    /// Buffers that were released, for waiting; by object.
    released: Vec<Vec<ReleaseWatch<'run>>>,
    /// Objects that are there, in the order of their making.
    made: Vec<usize>,
    granting: Option<GntAlloc<'run>>,
    importer: Option<Vgem<'run>>,
}

impl<'run> Hand<'run> {
    /// With everything open that its steps use.
    pub fn new(
        shared: Shared<'run>,
        worker: &'run Worker,
        number: usize,
        seed: u64,
        mut handed_on: HandedOn<'run>,
    ) -> Result<Self> {
        let uses = |wanted: fn(&Action) -> bool| worker.steps().any(|step| wanted(&step.action));
        let device = uses(|action| {
            matches!(action, Action::Map { .. } | Action::Export { .. } | Action::Import { .. } | Action::Copy { .. })
        });
        if device && !worker.opens && handed_on.device.is_none() {
            handed_on.device = Some(GntDev::open(shared.log)?);
        }
        Ok(Self {
            handed_on,
            granting: uses(|action| matches!(action, Action::Grant { .. })).then(|| GntAlloc::open(shared.log)).transpose()?,
            importer: uses(|action| matches!(action, Action::Attach { .. })).then(|| Vgem::open(shared.log)).transpose()?,
            memory: vec![0; most_copied(worker) * GRANTED_BYTES],
            objects: worker.objects.iter().map(|_| Vec::new()).collect(),
            released: worker.objects.iter().map(|_| Vec::new()).collect(),
            made: Vec::new(),
            draw: Shuffler::new(seed),
            shared,
            worker,
            number,
        })
    }

    /// Does an iteration.
    pub fn iterate(&mut self, iteration: Iteration, pause_ms: u32) -> Result<()> {
        for (begins_an_action, step) in self.worker.iteration(&mut self.handed_on.orders) {
            if begins_an_action {
                let meeting = self.shared.meeting;
                stop::sleep_unless(start_after_pause(monotonic_ns(), pause_ms), || meeting.given_up())?;
            }
            self.perform([step], iteration)?;
        }
        Ok(())
    }

    /// Does these steps, one after the other.
    pub fn perform(&mut self, steps: impl IntoIterator<Item = &'run Step>, iteration: Iteration) -> Result<()> {
        for step in steps {
            stop::check()?;
            if self.shared.meeting.given_up() {
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
        match &step.action {
            Action::Open { object } => {
                let device = GntDev::open(self.shared.log)?;
                self.keep(*object, vec![Item::Device(device)]);
                Ok(())
            }
            Action::Close { object } => {
                self.close(*object);
                Ok(())
            }
            Action::Map { object, on, count, grants } => self.map(step, *object, *on, (*count, grants), iteration),
            Action::Mmap { object, read_only } => self.mmap(step, *object, *read_only),
            Action::Touch { object, pick } => {
                let grants = self.shared.grants;
                self.look(*object, *pick, iteration, |mapping, (side, first)| {
                    mapping.touch(first, |page| grants.contents(side, page))
                })
            }
            Action::Read { object, pick } => self.read(*object, *pick, iteration),
            Action::Munmap { object, order } => self.end_part(*object, *order, |item| match item {
                Item::Map { mapping, .. } => mapping.take().map_or(Ok(()), Mapping::munmap),
                _ => Ok(()),
            }),
            Action::Unmap { object, order } => self.end_part(*object, *order, |item| match item {
                Item::Map { map, .. } => map.take().map_or(Ok(()), GrantMap::unmap),
                _ => Ok(()),
            }),
            Action::Export { object, on, buffer, count, grants } => {
                self.export(step, *object, *on, (*buffer, *count, grants), iteration)
            }
            Action::Attach { object } => self.attach(step, *object),
            Action::Detach { object, order } => self.end_part(*object, *order, |item| match item {
                Item::Buffer { attachment, .. } | Item::Foreign { attachment, .. } => {
                    attachment.take().map_or(Ok(()), Attachment::detach)
                }
                _ => Ok(()),
            }),
            Action::Release { object, order, waiter_every: Some(every) } => {
                let somebody_waits = iteration.number.is_multiple_of(*every);
                self.end_part(*object, *order, |item| match item {
                    Item::Buffer { attachment: None, buffer } => {
                        buffer.take().map_or(Ok(()), |buffer| release_and_ask(buffer, somebody_waits))
                    }
                    _ => Ok(()),
                })
            }
            Action::Release { object, order, waiter_every: None } => {
                let buffers = self.objects[*object].iter().filter_map(watch).collect();
                self.released[*object] = buffers;
                self.end_part(*object, *order, |item| match item {
                    Item::Buffer { attachment: Some(attachment), buffer } => {
                        buffer.take().map_or(Ok(()), |buffer| buffer.leave_to(attachment))
                    }
                    Item::Buffer { attachment: None, buffer } => buffer.take().map_or(Ok(()), DmaBuf::release),
                    _ => Ok(()),
                })
            }
            Action::Wait { object, limit_ms, detach_after_ms: None } => {
                self.wait(step, *object, Duration::from_millis((*limit_ms).into()))
            }
            Action::Wait { object, limit_ms, detach_after_ms: Some(after_ms) } => {
                let [limit, detach_after] = [*limit_ms, *after_ms].map(|ms| Duration::from_millis(ms.into()));
                self.wait_while_detaching(*object, &Wait { limit, detach_after })
            }
            Action::Allocate { object, pages, count, from } => {
                let pages = self.amount(pages, iteration);
                let allocate = match from {
                    Some(Memory::Udmabuf) => UdmaBuf::create,
                    Some(Memory::DmaHeap) => DmaHeap::allocate,
                    None => ForeignBuf::of_any_kind,
                };
                let buffers = (0..*count).map(|_| allocate(pages)).collect::<Result<Vec<_>>>()?;
                self.keep(*object, buffers.into_iter().map(|buffer| Item::Foreign { attachment: None, buffer }).collect());
                Ok(())
            }
            Action::Free { object } => self.end_all(*object, Order::Made, |_| Ok(())),
            Action::Import { object, on, of } => self.import(step, *object, *on, *of),
            Action::ImportRelease { object, order } => {
                self.end_all(*object, *order, |item| if let Item::Import(import) = item { import.release() } else { Ok(()) })
            }
            Action::Grant { object, pages, count } => self.grant(step, *object, (pages, *count), iteration),
            Action::Ungrant { object, order } => {
                self.end_all(*object, *order, |item| if let Item::Grant(granted) = item { granted.ungrant() } else { Ok(()) })
            }
            Action::PeerGrant { object, pages, count } => {
                let pages = self.amount(pages, iteration) as u32;
                self.ask(*object, Wish::Grant { pages, looks: 0 }, *count)
            }
            Action::PeerImport { object, pages, count, from } => {
                let pages = self.amount(pages, iteration) as u32;
                self.ask(*object, Wish::Import { pages, from: *from }, *count)
            }
            Action::PeerLetGo { object, order, .. } => {
                self.end_all(*object, *order, |item| if let Item::Peer(asked) = item { asked.let_go() } else { Ok(()) })
            }
            Action::Copy { on, inwards, pages, slice } => self.copy(step, *on, *inwards, (pages, slice), iteration),
            Action::Pipe { object, of } => self.pipe(*object, *of),
            Action::Drain { object } => {
                self.end_all(*object, Order::Made, |item| if let Item::Pipe(page) = item { page.let_go() } else { Ok(()) })
            }
            // The iteration is made of them.
            Action::Actions { .. } => Ok(()),
            Action::Sleep { at: Some(at), .. } if iteration.counted != Some(*at) => Ok(()),
            Action::Sleep { ns, .. } => stop::sleep_unless(monotonic_ns() + ns, || self.shared.meeting.given_up()),
        }
    }

    fn close(&mut self, object: usize) {
        // What could be waited for on it cannot any more, and would keep it open.
        for step in self.worker.steps() {
            if let Action::Export { object: buffer, on, .. } = step.action
                && on.is_none_or(|on| on == object)
            {
                self.released[buffer].clear();
            }
        }
        for item in self.take(object) {
            if let Item::Device(device) = item {
                self.forget_maps_of(&device);
                device.close();
            }
        }
    }

    /// The device that a step names, else the one there is.
    fn device(&self, on: Option<usize>) -> Result<GntDev<'run>> {
        let named = on.map(|on| &self.objects[on]).into_iter().flatten();
        let only = self.made.iter().flat_map(|object| &self.objects[*object]);
        let device = named.chain(only).find_map(|item| if let Item::Device(device) = item { Some(device) } else { None });
        match device.or(self.handed_on.device.as_ref()) {
            Some(device) => Ok(device.clone()),
            None => GntDev::open(self.shared.log),
        }
    }

    /// Maps that nobody will unmap go with the device, but for what is mmapped of them.
    fn forget_maps_of(&mut self, device: &GntDev<'run>) {
        let mut forgotten = Vec::new();
        for items in &mut self.objects {
            for item in items.iter_mut() {
                match item {
                    Item::Map { map, .. } if map.as_ref().is_some_and(|map| map.device().is(device)) => {
                        forgotten.extend(map.take())
                    }
                    _ => {}
                }
            }
            items.retain(|item| !matches!(item, Item::Map { map: None, mapping: None, .. }));
        }
        self.made.retain(|made| !self.objects[*made].is_empty());
        forgotten.into_iter().for_each(GrantMap::leave);
    }

    fn keep(&mut self, object: usize, items: Vec<Item<'run>>) {
        // Whoever waits from now on waits for the new ones.
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

    /// The first page of this hand's object at `place` among those of its name.
    fn first(&self, slice: &Slice, place: usize) -> usize {
        slice.base + self.number * slice.per_hand + place * slice.per_item
    }

    /// What a step maps or exports, one after the other: where the first page of each is among those of its side, and its references.
    fn references(&mut self, grants: &Mapped, count: u32, iteration: Iteration) -> Vec<((Side, usize), DomId, &[GrantRef])> {
        match grants {
            Mapped::Pages(pages, slice) => {
                let (pages, side) = (self.amount(pages, iteration), slice.side);
                let one = |place| {
                    let first = self.first(slice, place);
                    let (domain, references) = self.shared.grants.of(side, first, pages);
                    ((side, first), domain, references)
                };
                (0..count as usize).map(one).collect()
            }
            Mapped::Of(other) => {
                let (own, peer) = (self.shared.own, self.shared.grants.peer());
                let items = self.objects[*other].iter().filter_map(|item| match item {
                    Item::Import(import) => Some(((Side::Own, 0), own, import.references())),
                    // Its pages are filled from 0 on, as the first ones are that the peer grants from the start.
                    Item::Peer(asked) => Some(((Side::Peer, 0), peer, asked.references())),
                    _ => None,
                });
                items.collect()
            }
        }
    }

    /// Has the peer make some of these.
    fn ask(&mut self, object: usize, wish: Wish, count: u32) -> Result<()> {
        let Some(desk) = self.shared.grants.desk() else { return Ok(()) };
        let items = (0..count).map(|_| AskedFor::new(desk, wish).map(Item::Peer)).collect::<Result<_>>()?;
        self.keep(object, items);
        Ok(())
    }

    fn map(&mut self, step: &Step, object: usize, on: Option<usize>, what: (u32, &Mapped), iteration: Iteration) -> Result<()> {
        let (count, grants) = what;
        let device = self.device(on)?;
        let mut items = Vec::new();
        for (first, domain, references) in self.references(grants, count, iteration) {
            let map = answered(step, "a map", device.map(domain, references))?;
            items.extend(map.map(|map| Item::Map { mapping: None, map: Some(map), first }));
        }
        self.keep(object, items);
        Ok(())
    }

    fn mmap(&mut self, step: &Step, object: usize, read_only: bool) -> Result<()> {
        let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
        for item in &mut self.objects[object] {
            if let Item::Map { mapping, map: Some(map), .. } = item {
                let mapped = answered(step, "an mmap", map.mmap(access))?;
                if mapped.is_some() {
                    *mapping = mapped;
                }
            }
        }
        Ok(())
    }

    fn look(
        &mut self,
        object: usize,
        pick: Pick,
        iteration: Iteration,
        mut look: impl FnMut(&Mapping<'_>, (Side, usize)) -> Result<()>,
    ) -> Result<()> {
        let count = self.objects[object].len();
        let one = match pick {
            Pick::All => None,
            Pick::Next => Some(iteration.number as usize % count.max(1)),
            Pick::Random => Some(self.draw.next_below(count.max(1) as u64) as usize),
        };
        let items = self.objects[object].iter().enumerate().filter(|(place, _)| one.is_none_or(|one| one == *place));
        for (_, item) in items {
            if let Item::Map { mapping: Some(mapping), first, .. } = item {
                look(mapping, *first)?;
            }
        }
        Ok(())
    }

    /// Has a part of each of them end; if nothing is left of any, they are forgotten.
    fn end_part(&mut self, object: usize, order: Order, end: impl Fn(&mut Item<'run>) -> Result<()>) -> Result<()> {
        let items = &mut self.objects[object];
        let places: Vec<usize> = (0..items.len()).collect();
        for place in ordered(places, order) {
            end(&mut items[place])?;
        }
        let over = |item: &Item<'_>| {
            matches!(item, Item::Map { mapping: None, map: None, .. } | Item::Buffer { attachment: None, buffer: None })
        };
        if items.iter().all(over) {
            self.take(object);
        }
        Ok(())
    }

    /// Has each of them end.
    fn end_all(&mut self, object: usize, order: Order, end: impl Fn(Item<'run>) -> Result<()>) -> Result<()> {
        ordered(self.take(object), order).try_for_each(end)
    }

    fn export(
        &mut self,
        step: &Step,
        object: usize,
        on: Option<usize>,
        what: (Buffer, u32, &Mapped),
        iteration: Iteration,
    ) -> Result<()> {
        let (buffer, count, grants) = what;
        let device = self.device(on)?;
        let mut items = Vec::new();
        for (_, domain, references) in self.references(grants, count, iteration) {
            let exported = answered(step, "an export", device.export(buffer, domain, references))?;
            items.extend(exported.map(|buffer| Item::Buffer { attachment: None, buffer: Some(buffer) }));
        }
        self.keep(object, items);
        Ok(())
    }

    fn import(&mut self, step: &Step, object: usize, on: Option<usize>, of: usize) -> Result<()> {
        let device = self.device(on)?;
        let imported = match self.objects[of].first() {
            Some(Item::Buffer { buffer: Some(buffer), .. }) => device.import(buffer, self.shared.own),
            Some(Item::Foreign { buffer, .. }) => device.import(buffer, self.shared.own),
            _ => return Ok(()),
        };
        let items = answered(step, "an import", imported)?.map(Item::Import);
        self.keep(object, items.into_iter().collect());
        Ok(())
    }

    fn grant(&mut self, step: &Step, object: usize, (pages, count): (&Amount, u32), iteration: Iteration) -> Result<()> {
        let pages = self.amount(pages, iteration);
        let mut items = Vec::new();
        for device in self.granting.iter().cycle().take(count as usize) {
            items.extend(answered(step, "a grant", device.grant(self.shared.own, pages))?.map(Item::Grant));
        }
        self.keep(object, items);
        Ok(())
    }

    /// The last page of each: a teardown waits for all of its pages.
    fn pipe(&mut self, object: usize, of: usize) -> Result<()> {
        let mappings = self.objects[of].iter().filter_map(|item| match item {
            Item::Map { mapping, .. } => mapping.as_ref(),
            _ => None,
        });
        let pages = mappings.map(|mapping| mapping.hold(mapping.pages() - 1).map(Item::Pipe)).collect::<Result<_>>()?;
        self.keep(object, pages);
        Ok(())
    }

    fn read(&mut self, object: usize, pick: Pick, iteration: Iteration) -> Result<()> {
        let mut memory = std::mem::take(&mut self.memory);
        let outcome = self.look(object, pick, iteration, |mapping, _| {
            for (page, target) in memory.chunks_exact_mut(GRANTED_BYTES).take(mapping.pages()).enumerate() {
                mapping.copy_page(page, target);
            }
            Ok(())
        });
        self.memory = memory;
        outcome
    }

    fn attach(&mut self, step: &Step, object: usize) -> Result<()> {
        let Some(vgem) = &self.importer else { return Ok(()) };
        for item in &mut self.objects[object] {
            let (attachment, attached) = match item {
                Item::Buffer { attachment, buffer: Some(buffer) } => (attachment, vgem.attach(buffer)),
                Item::Foreign { attachment, buffer } => (attachment, vgem.attach(buffer)),
                _ => continue,
            };
            *attachment = answered(step, "an attach", attached)?;
        }
        Ok(())
    }

    fn wait(&mut self, step: &Step, object: usize, limit: Duration) -> Result<()> {
        let there: Vec<_> = self.objects[object].iter().filter_map(watch).collect();
        there.iter().chain(&self.released[object]).try_for_each(|watch| {
            let waited = watch.wait(limit)?;
            let fits = match step.expect {
                None => waited != Released::NotYet,
                expected => waited.errno() == expected,
            };
            let expected = || step.expect.map_or_else(|| "that it is released".to_owned(), |errno| format!("{errno:?}"));
            if fits { Ok(()) } else { Err(surprise(waited, expected())) }
        })
    }

    fn wait_while_detaching(&mut self, object: usize, wait: &Wait) -> Result<()> {
        let Shared { log, meeting, .. } = self.shared;
        for (item, watch) in self.objects[object].iter_mut().zip(&self.released[object]) {
            let Item::Buffer { attachment, .. } = item else { continue };
            let Some(attachment) = attachment.take() else { continue };
            match wait_while_detaching(log, watch, attachment, wait, || meeting.given_up())? {
                Released::WhileWaiting => {}
                other => return Err(surprise(other, "that it is released meanwhile".to_owned())),
            }
        }
        self.take(object);
        Ok(())
    }

    fn copy(
        &mut self,
        step: &Step,
        on: Option<usize>,
        inwards: bool,
        what: (&Amount, &Slice),
        iteration: Iteration,
    ) -> Result<()> {
        let (pages, slice) = what;
        let (device, pages, first) = (self.device(on)?, self.amount(pages, iteration), self.first(slice, 0));
        let grants = self.shared.grants;
        let (domain, references) = grants.of(slice.side, first, pages);
        let memory = &mut self.memory[..pages * GRANTED_BYTES];
        if !inwards {
            // What their owner wrote there, so that the pages stay as they are.
            for (page, contents) in memory.chunks_exact_mut(GRANTED_BYTES).enumerate() {
                contents
                    .chunks_exact_mut(4)
                    .for_each(|word| word.copy_from_slice(&grants.contents(slice.side, first + page).to_ne_bytes()));
            }
        }
        let pairs = memory.chunks_exact_mut(GRANTED_BYTES).zip(references);
        let segments = pairs.map(|(memory, &reference)| {
            if inwards { Segment::read(domain, reference, 0, memory) } else { Segment::write(domain, reference, 0, memory) }
        });
        let copied = answered(step, "a copy", device.copy(segments.collect::<Result<Vec<_>>>()?))?;
        let refused = copied.iter().flatten().position(|status| *status != 0);
        match (refused, copied) {
            (Some(segment), Some(statuses)) => Err(Error::CopyRefused { segment, status: statuses[segment] }),
            (None, Some(_)) if inwards => came_in(memory, |page| grants.contents(slice.side, first + page)),
            _ => Ok(()),
        }
    }

    /// Lets go of everything that is left, the last made first.
    pub fn let_go_of_objects(&mut self) {
        self.released.iter_mut().for_each(Vec::clear);
        while let Some(object) = self.made.pop() {
            let items = std::mem::take(&mut self.objects[object]);
            ordered(items, Order::Reversed).for_each(drop);
        }
    }

    /// Closes the device of a worker that opens none itself.
    pub fn close_device(&mut self) {
        self.handed_on.device = None;
    }

    /// When its arm is done: for the next one of its thread.
    pub fn hand_on(mut self) -> HandedOn<'run> {
        let orders = std::mem::replace(&mut self.handed_on.orders, Shuffler::new(0));
        HandedOn { orders, device: self.handed_on.device.take() }
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        self.let_go_of_objects();
        self.close_device();
    }
}

/// The most pages that one of the worker's steps copies at a time.
fn most_copied(worker: &Worker) -> usize {
    let reads = worker.steps().any(|step| matches!(step.action, Action::Read { .. }));
    let of = |step: &Step| match &step.action {
        Action::Copy { pages, .. } => pages.most() as usize,
        Action::Map { grants, .. } if reads => grants.most() as usize,
        Action::PeerGrant { pages, .. } | Action::PeerImport { pages, .. } if reads => pages.most() as usize,
        _ => 0,
    };
    worker.steps().map(of).max().unwrap_or(0)
}

/// Whether what was copied into memory is what its owner wrote.
fn came_in(memory: &[u8], contents: impl Fn(usize) -> u32) -> Result<()> {
    let pages = memory.len() / GRANTED_BYTES;
    for (page, bytes) in memory.chunks_exact(GRANTED_BYTES).enumerate() {
        let (found, expected) = (u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]), contents(page));
        if found != expected {
            return Err(Error::WrongContents { page, pages, found, expected });
        }
    }
    Ok(())
}

/// Releases a buffer, with somebody waiting or with a question afterwards.
fn release_and_ask(buffer: DmaBuf<'_>, somebody_waits: bool) -> Result<()> {
    if somebody_waits {
        return release_while_waited_for(buffer);
    }
    let watch = buffer.watch();
    buffer.release()?;
    match watch.wait(Duration::ZERO)? {
        Released::Before => Ok(()),
        other => Err(surprise(other, "that it was released before (ENOENT)".to_owned())),
    }
}

fn ordered<T>(items: Vec<T>, order: Order) -> impl Iterator<Item = T> {
    let mut items = items;
    if order == Order::Reversed {
        items.reverse();
    }
    items.into_iter()
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
