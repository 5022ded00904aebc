//! Steps that use objects, and wait for them.

use std::time::Duration;

use crate::device::{Access, ImporterKind, Mapping, Released, Segment};
use crate::engine::concurrent_detach::{Wait, wait_while_detaching};
use crate::error::{Error, Result};
use crate::script::{Action, Amount, Pick, Side, Slice, Step};
use crate::stop;
use crate::truth::{marks, monotonic_ns};
use crate::uapi::GRANTED_BYTES;

use super::{Item, Iteration, Shared, Worker, answered, surprise, watch};

impl<'run> Worker<'run> {
    /// Does what the step says with what is there.
    pub(super) fn apply(&mut self, step: &'run Step, iteration: Iteration) -> Result<()> {
        match &step.action {
            Action::Mmap { object, read_only } => self.mmap(step, *object, *read_only),
            Action::Touch { object, pick } => {
                let grants = self.shared.grants;
                self.look(*object, *pick, iteration, |mapping, (side, first)| {
                    mapping.touch(first, |page| grants.contents(side, page))
                })
            }
            Action::Read { object, pick } => self.read(*object, *pick, iteration),
            Action::Attach { object, to } => self.attach(step, *object, *to),
            Action::Wait { object, limit_ms, detach_after_ms: None } => {
                self.wait(step, *object, Duration::from_millis((*limit_ms).into()))
            }
            Action::Wait { object, limit_ms, detach_after_ms: Some(after_ms) } => {
                let [limit, detach_after] = [*limit_ms, *after_ms].map(|ms| Duration::from_millis(ms.into()));
                self.wait_while_detaching(*object, &Wait { limit, detach_after })
            }
            Action::Copy { on, inwards, pages, slice } => self.copy(step, *on, *inwards, (pages, slice), iteration),
            Action::Sleep { at: Some(at), .. } | Action::Mark { at: Some(at), .. } if iteration.counted != Some(*at) => Ok(()),
            Action::Sleep { ns, .. } => stop::sleep_unless(monotonic_ns() + ns, || self.shared.barrier.given_up()),
            Action::Mark { name, .. } => {
                marks::name_now(name);
                Ok(())
            }
            // The iteration is made of them.
            Action::Actions { .. } => Ok(()),
            other => unreachable!("{other:?} uses nothing"),
        }
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

    fn attach(&mut self, step: &Step, object: usize, to: ImporterKind) -> Result<()> {
        let Some((_, importer)) = self.importers.iter().find(|(kind, _)| *kind == to) else { return Ok(()) };
        for item in &mut self.objects[object] {
            let (attachment, attached) = match item {
                Item::Buffer { attachment, buffer: Some(buffer) } => (attachment, importer.attach(buffer)),
                Item::Foreign { attachment, buffer } => (attachment, importer.attach(buffer)),
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
        let Shared { log, barrier, .. } = self.shared;
        for (item, watch) in self.objects[object].iter_mut().zip(&self.released[object]) {
            let Item::Buffer { attachment, .. } = item else { continue };
            let Some(attachment) = attachment.take() else { continue };
            match wait_while_detaching(log, watch, attachment, wait, || barrier.given_up())? {
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
