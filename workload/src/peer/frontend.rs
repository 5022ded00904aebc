//! The frontend: grants pages of this domain to another, publishes their references and serves requests.

use std::io::{self, Write};
use std::os::fd::AsFd;

use grantscope_output::say;

use crate::device::{EventChannel, GntAlloc, Granted, Memory};
use crate::error::{Error, Result};
use crate::stop::Held;
use crate::truth::{Log, Phase};
use crate::uapi::{DomId, gntalloc};
use crate::undo::RaisedLimit;

use super::requests::Service;
use super::xenstore::Published;
use super::{Channel, Imported, Offer, RequestPage, directory, fill};

/// The pages that a frontend grants, the domain that may map them, and the channel that publishes them.
#[derive(Clone, Copy, Debug)]
pub struct Offered {
    /// The domain that may map.
    pub to: DomId,
    /// How many pages.
    pub pages: usize,
    /// How many pages of a dma-buf besides.
    pub dmabuf_pages: usize,
    /// How the references are exchanged.
    pub channel: Channel,
}

/// Grants pages, says so on standard output, and stays until a signal arrives. Then everything is revoked.
///
/// # Errors
/// A page cannot be granted, its references cannot be published, or something cannot be revoked.
pub fn stay(log: &Log, offered: &Offered) -> Result<()> {
    let Offered { to, pages, dmabuf_pages, channel } = *offered;
    if pages == 0 {
        return Err(Error::EmptyCount { call: "grant" });
    }
    let signals = Held::back()?;
    let store = channel.xenstore()?;
    let event_channel = event_channel(to)?;
    let device = GntAlloc::open(log)?;
    let directory_pages = if channel.by_directory() { directory::pages_for(pages + dmabuf_pages) } else { 0 };
    let _raised = RaisedLimit::by(gntalloc::LIMIT, pages + directory_pages + 1)?;
    // The directory comes first, so that it has the domain's first free references.
    let directory = if directory_pages == 0 { None } else { Some(device.grant(to, directory_pages)?) };
    let shared = device.grant(to, pages)?;
    fill(&shared.mmap()?);
    let imported = if dmabuf_pages == 0 { None } else { Some(Imported::new(log, to, pages, dmabuf_pages, Memory::Udmabuf)?) };
    let dmabuf = imported.as_ref().map_or(&[][..], Imported::references);
    let page = device.grant(to, 1)?;
    let memory = page.mmap()?;
    let mut service = event_channel.as_ref().map(|channel| Service::new(log, to, device.clone(), channel, &memory));
    let requests = event_channel.as_ref().map(|channel| RequestPage { reference: page.references()[0], port: channel.port() });
    log.enter(Phase::Run);
    let offer = Offer { pages: shared.references().to_vec(), dmabuf: dmabuf.to_vec(), requests };
    if let Some(directory) = &directory {
        publish(directory, &offer)?;
    }
    let published = match store.map(|store| Published::new(store, to, &offer)).transpose() {
        // The directory holds all of it as well.
        Err(error) if channel == Channel::Any => {
            say!("warning: {error}; a backend has to look for the directory page");
            None
        }
        published => published?,
    };
    announce(to, &offer, directory.as_ref(), published.as_ref());
    while !signals.wait(event_channel.as_ref().map(AsFd::as_fd))? {
        service.as_mut().map_or(Ok(()), Service::serve)?;
    }
    log.enter(Phase::Teardown);
    published.map_or(Ok(()), Published::withdraw)?;
    if let Some(directory) = directory {
        withdraw(&directory)?;
        directory.ungrant()?;
    }
    service.map_or(Ok(()), |mut service| service.end())?;
    drop(memory);
    page.ungrant()?;
    imported.map_or(Ok(()), Imported::release)?;
    shared.ungrant()
}

/// The event channel by which a backend sends requests. Without it, this frontend only grants what it grants from the start.
fn event_channel(to: DomId) -> Result<Option<EventChannel>> {
    match EventChannel::unbound(to) {
        Err(error @ Error::NoDevice { .. }) => {
            say!(
                "note: {error}; until then this frontend takes no requests, which scenarios with peer_grant or peer_import need"
            );
            Ok(None)
        }
        channel => channel.map(Some),
    }
}

/// Writes the directory: the first page's first word, which makes it a directory, last of all.
fn publish(directory: &Granted<'_>, offer: &Offer) -> Result<()> {
    let memory = directory.mmap()?;
    let contents = directory::encode(directory.references(), &offer.references(), offer.dmabuf.len(), offer.requests);
    for (page, words) in contents.iter().enumerate().rev() {
        for (index, word) in words.iter().enumerate().rev() {
            memory.write(page, index * 4, *word);
        }
    }
    Ok(())
}

/// Clears the magic number, so that no backend starts to read a directory that is about to go.
fn withdraw(directory: &Granted<'_>) -> Result<()> {
    directory.mmap()?.write(0, 0, 0);
    Ok(())
}

/// One line; the frontend goes on even if standard output is closed.
fn announce(to: DomId, offer: &Offer, directory: Option<&Granted<'_>>, published: Option<&Published>) {
    let first = directory.and_then(|directory| directory.references().first());
    let by_directory = first.map_or(String::new(), |first| format!(", directory at reference {first}"));
    let in_xenstore = published.map_or(String::new(), |published| format!(", in xenstore at {}", published.path()));
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "frontend: {offer} granted to domain {to}{by_directory}{in_xenstore}");
    let _ = out.flush();
}
