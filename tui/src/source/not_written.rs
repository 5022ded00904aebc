//! What is read is not written to meanwhile.

use std::io;

use anyhow::{Result, bail};
use grantscope_output::FileId;

/// Refuses `grantscope summary run.gsr >> run.gsr`, as `cat` does.
///
/// # Errors
/// It is the file that standard output goes to.
pub fn is_not_written(input: Option<FileId>, name: &str) -> Result<()> {
    if input.is_some() && input == FileId::of(io::stdout()) {
        bail!("{name}: is also where standard output goes, which would write over what is read; redirect that to another file");
    }
    Ok(())
}
