//! The sweep: every operation, on every kind of buffer, at every size.

use std::time::{Duration, Instant};

use crate::device::{Access, DmaBuf, ForeignBuf, GntAlloc, GntDev, Importable, Released, Vgem};
use crate::error::{Error, Result};
use crate::peer::fill_word;
use crate::plan::{Action, Shuffler, WAITER_EVERY};
use crate::stop;
use crate::truth::{Log, Phase};
use crate::uapi::gntalloc;
use crate::undo::RaisedLimit;

use super::Options;
use super::capability::{importer, possible_actions};
use super::pages::{Shared, with_shared_pages};
use super::waiter::release_while_waited_for;

/// Iterations of the loopback: it shows a path, it is not there to be compared.
const LOOPBACK_ITERATIONS: u32 = 10;

/// Runs the sweep as `options` say.
pub fn run(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
    log.enter(Phase::Setup);
    let actions = possible_actions(log, options, skipped)?;
    let importer = importer(log, &actions, skipped)?;
    with_shared_pages(log, options, |shared| {
        let mut shuffler = Shuffler::new(options.seed);
        for &pages in &options.pages {
            let mut size = Size { log, options, shared, pages, foreign: foreign(&actions, pages)?, importer: importer.as_ref() };
            size.run(&actions, &mut shuffler)?;
        }
        for &pages in &options.loopback {
            loopback(log, options, &actions, pages)?;
        }
        Ok(())
    })
}

/// A foreign buffer of so many pages, if the actions need one.
fn foreign(actions: &[Action], pages: u32) -> Result<Option<ForeignBuf>> {
    let needed = actions.contains(&Action::ImportForeign);
    needed.then(|| ForeignBuf::of_any_kind(pages as usize)).transpose()
}

/// Everything that is done at one page count.
struct Size<'run> {
    log: &'run Log,
    options: &'run Options,
    shared: Shared<'run>,
    pages: u32,
    foreign: Option<ForeignBuf>,
    importer: Option<&'run Vgem<'run>>,
}

impl Size<'_> {
    fn run(&mut self, actions: &[Action], shuffler: &mut Shuffler) -> Result<()> {
        let began = Instant::now();
        let _raised =
            if actions.contains(&Action::Grant) { Some(RaisedLimit::by(gntalloc::LIMIT, self.pages as usize)?) } else { None };
        let (warmup, counted) = (self.options.warmup, self.options.iterations_at(self.pages));
        for iteration in 0..warmup + counted {
            stop::check()?;
            self.log.enter(if iteration < warmup { Phase::Warmup } else { Phase::Run });
            self.iterate(iteration, &shuffler.next_order(actions))?;
        }
        eprintln!(
            "sweep: {} pages: {warmup} warm-up and {counted} counted iterations in {} ms",
            self.pages,
            began.elapsed().as_millis()
        );
        Ok(())
    }

    /// One iteration, on an open of its own, so that closing is measured as often as the rest.
    fn iterate(&mut self, iteration: u32, order: &[Action]) -> Result<()> {
        let device = GntDev::open(self.log)?;
        for action in order {
            self.options.pause();
            match *action {
                Action::Map => self.map(&device)?,
                Action::Export(buffer) => {
                    let references = &self.shared.references[..self.pages as usize];
                    let exported = device.export(buffer, self.shared.domain, references)?;
                    device.import(&exported, self.options.own)?.release()?;
                    attach_and_detach(self.importer, &exported)?;
                    release(exported, iteration.is_multiple_of(WAITER_EVERY))?;
                }
                Action::ImportForeign => {
                    if let Some(foreign) = &self.foreign {
                        device.import(foreign, self.options.own)?.release()?;
                        attach_and_detach(self.importer, foreign)?;
                    }
                }
                Action::Grant => {
                    let device = GntAlloc::open(self.log)?;
                    device.grant(self.options.own, self.pages as usize)?.ungrant()?;
                }
            }
        }
        Ok(())
    }

    fn map(&self, device: &GntDev<'_>) -> Result<()> {
        let references = &self.shared.references[..self.pages as usize];
        let map = device.map(self.shared.domain, references)?;
        let mapping = map.mmap(Access::ReadWrite)?;
        mapping.touch(0, fill_word)?;
        mapping.munmap()?;
        map.unmap()
    }
}

/// Hands a buffer to the importer, if there is one, and takes it back.
fn attach_and_detach(importer: Option<&Vgem<'_>>, buffer: &impl Importable) -> Result<()> {
    match importer {
        Some(vgem) => vgem.attach(buffer)?.detach(),
        None => Ok(()),
    }
}

/// Releases a buffer, with somebody waiting or with a question afterwards.
fn release(buffer: DmaBuf<'_>, somebody_waits: bool) -> Result<()> {
    if somebody_waits {
        return release_while_waited_for(buffer);
    }
    let watch = buffer.watch();
    buffer.release()?;
    match watch.wait(Duration::ZERO)? {
        Released::Before => Ok(()),
        other => {
            let what = format!("found the buffer {other:?} after it was closed");
            Err(Error::Waiter { what })
        }
    }
}

/// Foreign memory granted to this very domain and exported from there: a whole round trip without
/// a second domain.
fn loopback(log: &Log, options: &Options, actions: &[Action], pages: u32) -> Result<()> {
    let Some(foreign) = foreign(actions, pages)? else { return Ok(()) };
    let began = Instant::now();
    for iteration in 0..options.warmup + LOOPBACK_ITERATIONS {
        stop::check()?;
        log.enter(if iteration < options.warmup { Phase::Warmup } else { Phase::Run });
        let device = GntDev::open(log)?;
        let import = device.import(&foreign, options.own)?;
        for action in actions {
            if let Action::Export(buffer) = *action {
                options.pause();
                let exported = device.export(buffer, options.own, import.references())?;
                release(exported, false)?;
            }
        }
        import.release()?;
    }
    eprintln!(
        "sweep: loopback of {pages} pages: {} warm-up and {LOOPBACK_ITERATIONS} counted iterations in {} ms",
        options.warmup,
        began.elapsed().as_millis()
    );
    Ok(())
}
