//! A file of text as an input, beside recordings: of which so many bytes are read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use grantscope_output::FileId;

use crate::source::not_written::is_not_written;

/// Opens it.
///
/// # Errors
/// It cannot be opened, or is what standard output goes to.
fn open(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| unreadable(path))?;
    is_not_written(FileId::of(&file), &path.display().to_string())?;
    Ok(file)
}

/// All of it; `too_much` says what more bytes than these are, and what to do.
///
/// # Errors
/// It cannot be read, or has more.
pub fn read(path: &Path, most_bytes: u64, too_much: &str) -> Result<String> {
    let mut text = String::new();
    open(path)?.take(most_bytes + 1).read_to_string(&mut text).with_context(|| unreadable(path))?;
    if text.len() as u64 > most_bytes {
        bail!("{}: has more than {} MiB, which is {too_much}", path.display(), most_bytes >> 20);
    }
    Ok(text)
}

fn unreadable(path: &Path) -> String {
    format!("{}: cannot be read; check the path", path.display())
}
