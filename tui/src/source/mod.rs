//! Where frames come from: a file, a stream, or this machine.

pub mod again;
pub mod control;
pub mod file;
pub mod frames;
pub mod live;
pub mod load;
pub mod not_written;
pub mod pace;
pub mod runs;
pub mod same_run;
pub mod serial;
pub mod stream;
pub mod tee;
pub mod text;
pub mod whole_runs;
pub mod written;

use std::path::Path;

use anyhow::{Result, bail};
use grantscope_analysis::model::Filter;

use self::frames::Input;

/// Opens what was asked for; `None`: this machine, live, as far as the filter lets it pass.
///
/// # Errors
/// It cannot be opened, is not readable as a recording, or cannot be filtered.
pub fn open(path: Option<&Path>, filter: Filter) -> Result<Input> {
    match path {
        None => live::input(filter),
        Some(path) if !filter.is_any() => bail!(
            "{}: what is recorded was chosen when it was recorded: filters ({filter}) need a live capture; give them to \
             `grantscope record`",
            path.display()
        ),
        Some(path) if stream::is_stdin(path) => stream::input(),
        Some(path) => file::input(path),
    }
}
