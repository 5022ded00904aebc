//! References that a frontend published in xenstore: they are grants only as long as it lives.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::undone::Undone;
use crate::device::Xenstore;

/// How long xenstored may take to answer: it has served a frontend in this boot.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The tree of nodes that lists what is granted to one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodes {
    path: String,
}

impl Nodes {
    /// The tree at `path`, before it is written.
    ///
    /// # Errors
    /// Another frontend has published there (`AlreadyExists`).
    pub fn at(path: &str, others: &[Self]) -> std::io::Result<Self> {
        let nodes = Self { path: path.to_owned() };
        if others.contains(&nodes) { Err(Error::from(ErrorKind::AlreadyExists)) } else { Ok(nodes) }
    }

    pub(super) fn undo(&self, others: &[Self]) -> Undone {
        // The next frontend has published its own there.
        if others.contains(self) {
            return Undone::Nothing;
        }
        let path = &self.path;
        let removed = Xenstore::open(TIMEOUT).and_then(|mut store| {
            let there = store.outside().read(path)?.is_some();
            store.outside().remove(path).map(|()| there)
        });
        match removed {
            Ok(true) => Undone::Done(format!("stale references in xenstore, at {path}: removed")),
            Ok(false) => Undone::Nothing,
            Err(error) => Undone::Failed(format!("stale references in xenstore: {error}; remove {path}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_frontends_do_not_publish_at_the_same_place() {
        let first = Nodes::at("/a", &[]).unwrap();
        let others = [first.clone()];
        assert_eq!(Nodes::at("/a", &others).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(Nodes::at("/b", &others).is_ok());
        assert_eq!(first.undo(&others), Undone::Nothing, "the other one needs it");
    }
}
