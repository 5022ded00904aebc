//! The granting side: pages of this domain that another may map, listed in a directory.

use std::io::{self, Write};

use crate::device::{ForeignBuf, GntAlloc, GntDev, Granted, GrantedPages, Import, RaisedLimit, UdmaBuf};
use crate::directory::{self, WORDS};
use crate::error::{Error, Result};
use crate::stop::Held;
use crate::truth::{Log, Phase};
use crate::uapi::{DomId, GrantRef, gntalloc};

/// Grants `pages` pages to domain `to` and `dmabuf_pages` of a dma-buf, says so on standard output, and stays until a signal
/// comes. Then everything is taken back.
pub fn stay(log: &Log, to: DomId, pages: usize, dmabuf_pages: usize) -> Result<()> {
    if pages == 0 {
        return Err(Error::EmptyCount { call: "grant" });
    }
    let signals = Held::back()?;
    let device = GntAlloc::open(log)?;
    let directory_pages = directory::pages_for(pages + dmabuf_pages);
    let _raised = RaisedLimit::by(gntalloc::LIMIT, pages + directory_pages)?;
    // The directory comes first, so that it has the domain's first free references.
    let directory = device.grant(to, directory_pages)?;
    let shared = device.grant(to, pages)?;
    fill(&shared.mmap()?);
    let imported = if dmabuf_pages == 0 { None } else { Some(Imported::new(log, to, pages, dmabuf_pages)?) };
    let dmabuf = imported.as_ref().map_or(&[][..], |imported| imported.import.references());
    log.enter(Phase::Run);
    publish(&directory, &[shared.references(), dmabuf].concat(), dmabuf.len())?;
    announce(to, pages, dmabuf.len(), directory.references());
    signals.wait()?;
    log.enter(Phase::Teardown);
    withdraw(&directory)?;
    directory.ungrant()?;
    imported.map_or(Ok(()), |imported| imported.import.release())?;
    shared.ungrant()
}

/// A dma-buf of this domain whose pages are granted, as a driver's buffer would be.
struct Imported<'log> {
    import: Import<'log>,
    // After the import: that is found by its descriptor's number.
    _buffer: ForeignBuf,
}

impl<'log> Imported<'log> {
    /// Its first page is number `first` of all that are granted.
    fn new(log: &'log Log, to: DomId, first: usize, pages: usize) -> Result<Self> {
        let buffer = UdmaBuf::create(pages)?;
        buffer.fill(|page| directory::fill_word(first + page))?;
        let import = GntDev::open(log)?.import(&buffer, to)?;
        Ok(Self { import, _buffer: buffer })
    }
}

/// Fills every granted page with its own number.
pub fn fill(shared: &GrantedPages<'_>) {
    for page in 0..shared.pages() {
        for word in 0..WORDS {
            shared.write(page, word * 4, directory::fill_word(page));
        }
    }
}

/// Writes the directory: the first page's first word, which makes it a directory, last of all.
fn publish(directory: &Granted<'_>, references: &[GrantRef], dmabuf: usize) -> Result<()> {
    let memory = directory.mmap()?;
    let contents = directory::encode(directory.references(), references, dmabuf);
    for (page, words) in contents.iter().enumerate().rev() {
        for (index, word) in words.iter().enumerate().rev() {
            memory.write(page, index * 4, *word);
        }
    }
    Ok(())
}

/// Takes the magic number away, so that nobody starts to follow what is about to go.
fn withdraw(directory: &Granted<'_>) -> Result<()> {
    directory.mmap()?.write(0, 0, 0);
    Ok(())
}

/// One line; a closed standard output is no reason to take the pages away.
fn announce(to: DomId, pages: usize, dmabuf_pages: usize, directory: &[GrantRef]) {
    let first = directory.first().copied().unwrap_or(0);
    let of_dmabuf = if dmabuf_pages == 0 { String::new() } else { format!(" and {dmabuf_pages} of a dma-buf") };
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "frontend: {pages} pages{of_dmabuf} granted to domain {to}, directory at reference {first}");
    let _ = out.flush();
}
