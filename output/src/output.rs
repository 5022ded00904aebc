//! A name for output, and the ways to write to what it stands for.

use std::io;
use std::path::Path;

use crate::draft::Draft;
use crate::id::FileId;
use crate::stream::Stream;
use crate::target::Target;

/// A name, and what it stands for. Opening it changes nothing.
#[derive(Debug)]
pub struct Output(Target);

impl Output {
    /// Follows links as a shell's `>` does, with the rights that it needs, but empties nothing and creates nothing.
    ///
    /// # Errors
    /// What is there cannot be written, or there is no folder for it.
    pub fn open(name: &Path) -> io::Result<Self> {
        Target::of(name).map(Self)
    }

    /// The file that would be written; `None`: it is not there yet, or is none.
    pub fn id(&self) -> Option<FileId> {
        match &self.0 {
            Target::Nothing { .. } => None,
            Target::File { file, .. } | Target::Descriptor { file, .. } | Target::Device(file) => FileId::of(file),
        }
    }

    /// Whether it is standard output under another name.
    pub fn is_standard_output(&self) -> bool {
        matches!(self.0, Target::Descriptor { is_standard_output: true, .. })
    }

    /// To be written whole: the name leads to what was there until that is done. What cannot be replaced is written in place.
    /// `suffix` ends the name of the file beside it that is written meanwhile.
    ///
    /// # Errors
    /// No file can be made beside it.
    pub fn draft(self, suffix: &str) -> io::Result<Draft> {
        Draft::new(self.0, suffix)
    }

    /// To be written as it comes. What is there stays until the first byte; a file is made at once where there is none.
    ///
    /// # Errors
    /// No file can be made.
    pub fn stream(self) -> io::Result<Stream> {
        Stream::new(self.0)
    }
}
