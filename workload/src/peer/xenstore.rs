//! xenstore as the channel by which a backend learns the references: as for real devices, and without any page that has to be found
//! and mapped first.
//!
//! The nodes are in the granting domain's own part of xenstore, which toolstacks make for a guest to write what it likes
//! (`docs/misc/xenstore-paths.pandoc`, Xen 4.17: `~/data`); for each domain that may map, a tree of its own:
//!
//! | node below `/local/domain/FRONTEND/data/grantscope/BACKEND` | holds |
//! | --- | --- |
//! | `version` | [`VERSION`] |
//! | `pages` | how many pages are granted |
//! | `dmabuf-pages` | how many pages of a dma-buf, which the frontend imported |
//! | `ring-ref`, `event-channel` | where the frontend takes requests ([`super::requests`]), if it does: the page's reference, and its end of the event channel |
//! | `references/0`, `references/1` … | their references, first the pages', then the dma-buf's: numbers between spaces, `first-last` where they follow one another |
//!
//! It is written in one transaction and read in one, so it is there whole or not at all. Only BACKEND may read it.
//! When the frontend ends it removes the tree.

use nix::errno::Errno;

use crate::device::{Transaction, Xenstore};
use crate::error::{Error, Result};
use crate::uapi::xenstore::MOST_NODE_BYTES;
use crate::uapi::{DomId, GrantRef};
use crate::undo::{Guard, Nodes, Record};

use super::{Offer, RequestPage};

/// Of the layout.
pub const VERSION: u32 = 1;

/// Room for the path and the permissions, which xenstored counts too.
const MOST_TEXT: usize = MOST_NODE_BYTES - 512;

/// More references than a grant table has by default and than can be meant: 64 frames of 512 entries.
const MOST_REFERENCES: usize = 1 << 20;

/// Where `frontend` publishes what it grants to `backend`.
pub fn path(frontend: DomId, backend: DomId) -> String {
    format!("/local/domain/{frontend}/data/grantscope/{backend}")
}

/// Published references, which stay in xenstore as long as this value.
pub struct Published {
    store: Xenstore,
    path: String,
    _guard: Guard,
}

impl Published {
    /// Publishes what is granted to `to`.
    ///
    /// # Errors
    /// Another frontend of this domain has published there, or xenstored refuses it.
    pub fn new(mut store: Xenstore, to: DomId, offer: &Offer) -> Result<Self> {
        let own = store.own_domid()?;
        let path = path(own, to);
        let references = encode(&offer.references());
        let guard = Guard::new(|others| Nodes::at(&path, &Record::nodes(others)).map(Record::Nodes));
        let guard = guard.map_err(|_| Error::TwoFrontends { to, path: path.clone() })?;
        store.transaction(|transaction| {
            // What another frontend left there is removed with it.
            transaction.remove(&path)?;
            transaction.write(&path, "")?;
            transaction.let_read(&path, own, to)?;
            transaction.write(&format!("{path}/version"), &VERSION.to_string())?;
            transaction.write(&format!("{path}/pages"), &offer.pages.len().to_string())?;
            transaction.write(&format!("{path}/dmabuf-pages"), &offer.dmabuf.len().to_string())?;
            if let Some(RequestPage { reference, port }) = offer.requests {
                transaction.write(&format!("{path}/ring-ref"), &reference.to_string())?;
                transaction.write(&format!("{path}/event-channel"), &port.to_string())?;
            }
            for (number, text) in references.iter().enumerate() {
                transaction.write(&format!("{path}/references/{number}"), text)?;
            }
            Ok(())
        })?;
        Ok(Self { store, path, _guard: guard })
    }

    /// Where it is.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Removes it.
    ///
    /// # Errors
    /// xenstored refuses it.
    pub fn withdraw(mut self) -> Result<()> {
        self.store.outside().remove(&self.path)
    }
}

/// The offer at `path`, if any. `go_on` is asked before each node: how many there are is up to the other domain.
///
/// # Errors
/// xenstored refuses it, or what is there is broken; and those of `go_on`.
pub fn read(store: &mut Xenstore, path: &str, go_on: impl Fn() -> Result<()>) -> Result<Option<Offer>> {
    match store.transaction(|transaction| read_tree(transaction, path, &go_on)) {
        // Before there is anything, a domain without privileges may not look for it either.
        Err(Error::Xenstore { errno: Errno::EACCES, .. }) => Ok(None),
        other => other,
    }
}

fn read_tree(transaction: &mut Transaction<'_>, path: &str, go_on: &impl Fn() -> Result<()>) -> Result<Option<Offer>> {
    let Some(version) = transaction.read(&format!("{path}/version"))? else { return Ok(None) };
    if version != VERSION.to_string() {
        let known = format!("this program knows version {VERSION} only");
        return Err(broken(path, format!("it has version {version:?}, and {known}: use the same build in both domains")));
    }
    let pages = count(transaction, path, "pages")?;
    let total = pages + count(transaction, path, "dmabuf-pages")?;
    let mut references = Vec::new();
    for number in 0.. {
        if references.len() >= total {
            break;
        }
        go_on()?;
        let node = format!("{path}/references/{number}");
        let missing = || broken(&node, format!("it is missing, and there should be {total} references"));
        let text = transaction.read(&node)?.ok_or_else(missing)?;
        decode(&text, &mut references).ok_or_else(|| broken(&node, format!("it is not a list of references: {text:?}")))?;
    }
    if references.len() != total {
        return Err(broken(path, format!("it has {} references instead of {total}", references.len())));
    }
    let dmabuf = references.split_off(pages);
    let requests = match transaction.read(&format!("{path}/ring-ref"))? {
        Some(reference) => {
            let port = transaction.read(&format!("{path}/event-channel"))?.unwrap_or_default();
            let both = reference.parse().ok().zip(port.parse().ok()).map(|(reference, port)| RequestPage { reference, port });
            Some(both.ok_or_else(|| broken(path, format!("ring-ref is {reference:?}, and event-channel {port:?}")))?)
        }
        None => None,
    };
    Ok(Some(Offer { pages: references, dmabuf, requests }))
}

fn count(transaction: &mut Transaction<'_>, path: &str, name: &str) -> Result<usize> {
    let node = format!("{path}/{name}");
    let text = transaction.read(&node)?.unwrap_or_default();
    let number = text.parse().ok().filter(|&number| number <= MOST_REFERENCES);
    number.ok_or_else(|| broken(&node, format!("it should be a number of pages and is {text:?}")))
}

fn broken(path: &str, reason: String) -> Error {
    Error::XenstoreContents { path: path.to_owned(), reason: format!("{reason}; restart the frontend") }
}

/// References as nodes hold them.
fn encode(references: &[GrantRef]) -> Vec<String> {
    let mut nodes = Vec::new();
    let mut node = String::new();
    for run in references.chunk_by(|before, after| before.checked_add(1) == Some(*after)) {
        let text = match run {
            [first, .., last] => format!("{first}-{last}"),
            _ => run[0].to_string(),
        };
        if node.len() + 1 + text.len() > MOST_TEXT {
            nodes.push(std::mem::take(&mut node));
        }
        if !node.is_empty() {
            node.push(' ');
        }
        node.push_str(&text);
    }
    nodes.push(node);
    nodes
}

/// Adds the references of a node; `None` if its text is something else. It comes from another domain.
pub fn decode(text: &str, references: &mut Vec<GrantRef>) -> Option<()> {
    for word in text.split_ascii_whitespace() {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last): (GrantRef, GrantRef) = (first.parse().ok()?, last.parse().ok()?);
        let more = (last.checked_sub(first)? as usize).checked_add(1)?;
        if references.len() + more > MOST_REFERENCES {
            return None;
        }
        references.extend(first..=last);
    }
    (!text.trim().is_empty()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(nodes: &[String]) -> Option<Vec<GrantRef>> {
        let mut references = Vec::new();
        nodes.iter().try_for_each(|node| decode(node, &mut references))?;
        Some(references)
    }

    #[test]
    fn references_that_follow_one_another_take_little_room() {
        let references: Vec<GrantRef> = (9..=8200).chain([3, 8300, 8299, 8301]).collect();
        let nodes = encode(&references);
        assert_eq!(nodes, ["9-8200 3 8300 8299 8301"]);
        assert_eq!(decoded(&nodes), Some(references));
    }

    #[test]
    fn references_in_any_order_fit_into_nodes_of_the_size_that_xenstored_allows() {
        let references: Vec<GrantRef> = (0..30_000).map(|number| 70_000 - 2 * number).collect();
        let nodes = encode(&references);
        assert!(nodes.len() > 1 && nodes.iter().all(|node| node.len() <= MOST_TEXT), "{} nodes", nodes.len());
        assert_eq!(decoded(&nodes), Some(references));
    }

    #[test]
    fn what_is_no_list_of_references_is_refused() {
        for text in ["", " ", "x", "5-", "-5", "9-8", "5,6", "4294967296", "0-4294967295"] {
            assert_eq!(decoded(&[text.to_owned()]), None, "{text:?}");
        }
    }
}
