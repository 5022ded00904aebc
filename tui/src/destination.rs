//! Where a recording is written to: a file that stays as it is until the first frame, and is nothing that is read or said elsewhere.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Error, Result, bail};
use grantscope_output::{FileId, Output};

use crate::source::stream::is_stdin as is_standard;

/// What to do where nothing better is known.
const CHECK: &str = "check the path";

/// Where a recording goes.
pub struct Destination {
    /// Its bytes.
    pub bytes: Box<dyn Write + Send>,
    /// They are standard output.
    pub is_standard_output: bool,
}

impl Destination {
    /// Opens it; `other_use` says what else is done with a file. What is there stays until the first byte.
    ///
    /// # Errors
    /// It cannot be written, or is used otherwise.
    pub fn open(path: &Path, other_use: impl FnOnce(FileId) -> Option<String>) -> Result<Self> {
        let advice = |what: &str| format!("{}: cannot be written; {what}", path.display());
        let output = if is_standard(path) { None } else { Some(Output::open(path).with_context(|| advice(CHECK))?) };
        let is_standard_output = output.as_ref().is_none_or(Output::is_standard_output);
        let Some(output) = output else { return Ok(Self { bytes: Box::new(io::stdout()), is_standard_output }) };
        let stream = output.stream().map_err(|error| {
            let what =
                if error.kind() == ErrorKind::ResourceBusy { "give -o another file, or end the other one first" } else { CHECK };
            Error::new(error).context(advice(what))
        })?;
        let other = stream.id().and_then(|file| standard_use(file, is_standard_output).or_else(|| other_use(file)));
        if let Some(other) = other {
            bail!("{}: is also {other}, and cannot be the recording too; give -o another file", path.display());
        }
        Ok(Self { bytes: Box::new(stream), is_standard_output })
    }
}

/// Which of the standard streams is this file.
fn standard_use(file: FileId, is_standard_output: bool) -> Option<String> {
    let file = Some(file);
    let standard = [
        (FileId::of(io::stdin()), "standard input"),
        (FileId::of(io::stdout()).filter(|_| !is_standard_output), "standard output"),
        (FileId::of(io::stderr()), "standard error"),
    ];
    standard.into_iter().find(|(id, _)| *id == file).map(|(_, name)| name.to_owned())
}
