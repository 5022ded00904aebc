//! Steps that make objects.

use crate::device::Memory;
use crate::device::{DmaHeap, ForeignBuf, GntDev, UdmaBuf};
use crate::error::Result;
use crate::peer::requests::{RemoteGrant, Request};
use crate::script::{Action, Amount, Mapped, Side, Step};
use crate::stop;
use crate::truth::Buffer;
use crate::uapi::{DomId, GrantRef};

use super::{Item, Iteration, Worker, answered};

impl<'run> Worker<'run> {
    /// Makes what the step names.
    pub(super) fn make(&mut self, step: &'run Step, iteration: Iteration) -> Result<()> {
        match &step.action {
            Action::Open { object } => {
                let device = GntDev::open(self.shared.log)?;
                self.keep(*object, vec![Item::Device(device)]);
                Ok(())
            }
            Action::Map { object, on, count, grants } => self.map(step, *object, *on, (*count, grants), iteration),
            Action::Export { object, on, buffer, count, grants } => {
                self.export(step, *object, *on, (*buffer, *count, grants), iteration)
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
            Action::Import { object, on, of } => self.import(step, *object, *on, *of),
            Action::Grant { object, pages, count } => self.grant(step, *object, (pages, *count), iteration),
            Action::PeerGrant { object, pages, count } => {
                let pages = self.amount(pages, iteration) as u32;
                self.ask(*object, Request::Grant { pages, looks: 0 }, *count)
            }
            Action::PeerImport { object, pages, count, from } => {
                let pages = self.amount(pages, iteration) as u32;
                self.ask(*object, Request::Import { pages, from: *from }, *count)
            }
            Action::Pipe { object, of } => self.pipe(*object, *of),
            other => unreachable!("{other:?} makes nothing"),
        }
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

    /// Has the peer make some of these.
    fn ask(&mut self, object: usize, request: Request, count: u32) -> Result<()> {
        let Some(frontend) = self.shared.grants.frontend() else { return Ok(()) };
        let make = |_| stop::check().and_then(|()| RemoteGrant::new(frontend, request)).map(Item::Peer);
        let items = (0..count).map(make).collect::<Result<_>>()?;
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
}
