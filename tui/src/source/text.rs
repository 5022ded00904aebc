//! A file of text as an input, beside recordings: of which so many bytes are read.

use std::fs::File;
use std::io::{self, Read};
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
    let text = String::from_utf8(bytes(path, most_bytes, too_much)?);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())).with_context(|| unreadable(path))
}

/// The same before it is known to be text.
///
/// # Errors
/// It cannot be read, or has more.
pub fn bytes(path: &Path, most_bytes: u64, too_much: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most_bytes + 1).read_to_end(&mut bytes).with_context(|| unreadable(path))?;
    if bytes.len() as u64 > most_bytes {
        bail!("{}: has more than {} MiB, which is {too_much}", path.display(), most_bytes >> 20);
    }
    Ok(bytes)
}

fn unreadable(path: &Path) -> String {
    format!("{}: cannot be read; check the path", path.display())
}
