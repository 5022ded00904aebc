//! What this kernel can do, asked before anything is mapped.

use grantscope_generator::device::{ForeignBuf, GntAlloc, GntDev, Importer, ImporterKind, read_limit};
use grantscope_generator::engine::capability::is_absence;
use grantscope_generator::error::{Error, Result};
use grantscope_generator::truth::{Buffer, Log};
use grantscope_generator::uapi::gntdev;

use crate::failure::Failure;
use crate::options::Options;

/// An operation on grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Mapping them.
    Map,
    /// Making a dma-buf of them.
    Export(Buffer),
    /// Granting another driver's buffer.
    ImportForeign,
    /// Granting pages of this domain.
    Grant,
}

/// The actions of one iteration: what was asked for, less what this kernel cannot do. That is an
/// error where it was asked for by name, else it is noted in `skipped`.
pub fn possible_actions(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<Vec<Action>> {
    check_counts(options)?;
    let device = GntDev::open(log)?;
    let mut actions = Vec::new();
    let mut consider = |action: Action, missing: Result<()>| match missing {
        Ok(()) => {
            actions.push(action);
            Ok(())
        }
        Err(error) if options.buffers_are_explicit || !is_absence(&error) => Err(error),
        Err(error) => {
            leave_out(describe(action), &error, skipped);
            Ok(())
        }
    };
    if options.buffers.contains(&Buffer::Pages) {
        consider(Action::Map, Ok(()))?;
        consider(Action::Grant, GntAlloc::open(log).map(drop))?;
    }
    if options.without_dmabuf {
        return if actions.is_empty() { Err(Failure::NothingToDo.into()) } else { Ok(actions) };
    }
    let dmabuf = device.knows_dmabuf()?;
    for &buffer in &options.buffers {
        let missing = match buffer {
            _ if !dmabuf => Err(Error::NoDmabuf),
            Buffer::Foreign => ForeignBuf::of_any_kind(1).map(drop),
            _ => Ok(()),
        };
        let action = match buffer {
            Buffer::Foreign => Action::ImportForeign,
            kind => Action::Export(kind),
        };
        consider(action, missing)?;
    }
    Ok(actions)
}

/// The importer of exported buffers. No option names it, so its absence is noted in `skipped`.
pub fn importer<'log>(log: &'log Log, actions: &[Action], skipped: &mut Vec<String>) -> Result<Option<Importer<'log>>> {
    if !actions.iter().any(|action| matches!(action, Action::Export(_))) {
        return Ok(None);
    }
    match Importer::open(log, ImporterKind::Vgem) {
        Err(error) if is_absence(&error) => {
            leave_out("attach", &error, skipped);
            Ok(None)
        }
        found => found.map(Some),
    }
}

fn leave_out(what: &str, error: &Error, skipped: &mut Vec<String>) {
    eprintln!("note: left out {what}: {error}");
    skipped.push(format!("{what}: {error}"));
}

/// Every count against the limit, so that no size fails after others have run.
fn check_counts(options: &Options) -> Result<()> {
    // Where the driver is missing, opening the device says so better than its missing limit.
    let limit = read_limit(gntdev::LIMIT).unwrap_or(usize::MAX);
    for &count in &options.pages {
        let count = count as usize;
        if count == 0 {
            return Err(Error::EmptyCount { call: "run" });
        }
        if count > limit {
            let limit_path = gntdev::LIMIT;
            return Err(Error::OverLimit { call: "run", count, limit, limit_path });
        }
        let imports = !options.without_dmabuf;
        if imports && count >= gntdev::IMPORT_PAGES_END {
            return Err(Error::ImportTooLarge { count });
        }
    }
    Ok(())
}

fn describe(action: Action) -> &'static str {
    match action {
        Action::Map => "map",
        Action::Export(Buffer::Wc) => "wc",
        Action::Export(Buffer::Coherent) => "coherent",
        Action::Export(_) => "export of pages",
        Action::ImportForeign => "foreign",
        Action::Grant => "grant",
    }
}

/// Whether there is more than maps and grants. Notes what this kernel lacks; here every kind of buffer is needed.
pub fn knows_dmabufs(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<bool> {
    Ok(possible_actions(log, options, skipped)?.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantscope_generator::engine::{Place, Source};

    fn options(pages: Vec<u32>) -> Options {
        Options {
            pages,
            buffers: vec![Buffer::Pages],
            buffers_are_explicit: false,
            without_dmabuf: false,
            iterations: None,
            place: Place { own: 0, source: Source::Own },
        }
    }

    #[test]
    fn a_size_that_cannot_be_run_is_refused_before_any_other_is() {
        assert!(check_counts(&options(vec![1, 16])).is_ok());
        assert!(matches!(check_counts(&options(vec![1, 0])), Err(Error::EmptyCount { .. })));
        assert!(check_counts(&options(vec![1, 65_536])).is_err());
    }
}
