//! Steps that release objects, or a part of them.

use std::time::Duration;

use crate::device::{Attachment, DmaBuf, GntDev, GrantMap, Mapping, Released};
use crate::engine::waiter::release_while_waited_for;
use crate::error::Result;
use crate::script::{Action, Order, Step};
use crate::truth::Log;

use super::{Item, Iteration, Worker, ordered, surprise, watch};

impl<'run> Worker<'run> {
    /// Releases what the step names, or a part of it.
    pub(super) fn end(&mut self, step: &'run Step, iteration: Iteration) -> Result<()> {
        match &step.action {
            Action::Close { object } => {
                self.close(*object);
                Ok(())
            }
            Action::Munmap { object, order } => self.end_part(*object, *order, |item| match item {
                Item::Map { mapping, .. } => mapping.take().map_or(Ok(()), Mapping::munmap),
                _ => Ok(()),
            }),
            Action::Unmap { object, order } => self.end_part(*object, *order, |item| match item {
                Item::Map { map, .. } => map.take().map_or(Ok(()), GrantMap::unmap),
                _ => Ok(()),
            }),
            Action::Detach { object, order } => self.end_part(*object, *order, |item| match item {
                Item::Buffer { attachment, .. } | Item::Foreign { attachment, .. } => {
                    attachment.take().map_or(Ok(()), Attachment::detach)
                }
                _ => Ok(()),
            }),
            Action::Release { object, order, waiter_every: Some(every) } => {
                let log = self.shared.log;
                let somebody_waits = iteration.number.is_multiple_of(*every);
                self.end_part(*object, *order, |item| match item {
                    Item::Buffer { attachment: None, buffer } => {
                        buffer.take().map_or(Ok(()), |buffer| release_and_ask(log, buffer, somebody_waits))
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
            Action::Free { object } => self.end_all(*object, Order::Made, |_| Ok(())),
            Action::ImportRelease { object, order } => {
                self.end_all(*object, *order, |item| if let Item::Import(import) = item { import.release() } else { Ok(()) })
            }
            Action::Ungrant { object, order } => {
                self.end_all(*object, *order, |item| if let Item::Grant(granted) = item { granted.ungrant() } else { Ok(()) })
            }
            Action::PeerLetGo { object, order, .. } => {
                self.end_all(*object, *order, |item| if let Item::Peer(asked) = item { asked.release() } else { Ok(()) })
            }
            Action::Drain { object } => {
                self.end_all(*object, Order::Made, |item| if let Item::Pipe(page) = item { page.release() } else { Ok(()) })
            }
            other => unreachable!("{other:?} ends nothing"),
        }
    }

    fn close(&mut self, object: usize) {
        // What could be waited for on it cannot any more, and would keep it open.
        for step in self.plan.steps() {
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

    /// Maps without an unmap go with the device, except mmapped ones.
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
}

/// Releases a buffer, with a waiting thread or with a query afterwards.
fn release_and_ask(log: &Log, buffer: DmaBuf<'_>, somebody_waits: bool) -> Result<()> {
    if somebody_waits {
        return release_while_waited_for(log, buffer);
    }
    let watch = buffer.watch();
    buffer.release()?;
    match watch.wait(Duration::ZERO)? {
        Released::Before => Ok(()),
        other => Err(surprise(other, "that it was released before (ENOENT)".to_owned())),
    }
}
