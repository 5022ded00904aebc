//! Pages that a frontend grants, filled so that a backend can check what it has mapped.

use crate::device::{ForeignBuf, GntDev, GrantedPages, Import, Memory};
use crate::error::Result;
use crate::truth::Log;
use crate::uapi::{DomId, GRANTED_BYTES, GrantRef};

/// What page `page` of the shared pages holds, in every word.
pub fn fill_word(page: usize) -> u32 {
    page as u32
}

/// A dma-buf of this domain whose pages are granted, as a driver's buffer would be.
pub struct Imported<'log> {
    import: Import<'log>,
    // After the import: that is found by its descriptor's number.
    _buffer: ForeignBuf,
}

impl<'log> Imported<'log> {
    /// Imports `pages` pages, the first of which is number `first` of all that are granted.
    ///
    /// # Errors
    /// The buffer cannot be made or imported.
    pub fn new(log: &'log Log, to: DomId, first: usize, pages: usize, from: Memory) -> Result<Self> {
        let buffer = ForeignBuf::of(from, pages)?;
        buffer.fill(|page| fill_word(first + page))?;
        let import = GntDev::open(log)?.import(&buffer, to)?;
        Ok(Self { import, _buffer: buffer })
    }

    /// One reference for each of its pages.
    pub fn references(&self) -> &[GrantRef] {
        self.import.references()
    }

    /// Takes them back, and closes the buffer.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn release(self) -> Result<()> {
        self.import.release()
    }
}

/// Fills every granted page with its own number.
pub fn fill(shared: &GrantedPages<'_>) {
    for page in 0..shared.pages() {
        for word in 0..GRANTED_BYTES / 4 {
            shared.write(page, word * 4, fill_word(page));
        }
    }
}
