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

    pub(super) fn forged(&self) -> Option<String> {
        let mut parts = self.path.split('/');
        let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u16>().is_ok_and(|id| id.to_string() == part));
        // A path that does not begin with a slash is one below this domain's own.
        let is_ours = parts.next() == Some("")
            && parts.next() == Some("local")
            && parts.next() == Some("domain")
            && is_number(parts.next())
            && parts.next() == Some("data")
            && parts.next() == Some("grantscope")
            && is_number(parts.next())
            && parts.next().is_none();
        (!is_ours).then(|| format!("references at {} in xenstore", self.path))
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
    fn only_nodes_that_a_frontend_makes_are_removed() {
        let forged = |path: &str| Nodes { path: path.to_owned() }.forged();
        assert_eq!(forged("/local/domain/1/data/grantscope/0"), None);
        for path in [
            "/local/domain/1",
            "/local/domain/1/data",
            "/local/domain/1/data/grantscope/0/x",
            "/local/domain/x/data/grantscope/0",
            "x/local/domain/1/data/grantscope/0",
            "/local/domain/+1/data/grantscope/0",
            "",
            "/",
        ] {
            assert_eq!(forged(path), Some(format!("references at {path} in xenstore")));
        }
    }

    #[test]
    fn two_frontends_do_not_publish_at_the_same_place() {
        let first = Nodes::at("/a", &[]).unwrap();
        let others = [first.clone()];
        assert_eq!(Nodes::at("/a", &others).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(Nodes::at("/b", &others).is_ok());
        assert_eq!(first.undo(&others), Undone::Nothing, "the other one needs it");
    }
}
