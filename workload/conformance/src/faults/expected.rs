//! How a call has to end, and why.

use grantscope_generator::error::{Error, Result};
use grantscope_generator::truth::{Log, Why};
use nix::errno::Errno;

use crate::failure::Failure;

/// How a call has to end.
#[derive(Clone, Copy)]
pub struct Expected {
    /// The action, for people.
    pub what: &'static str,
    /// `None`: it succeeds.
    pub errno: Option<Errno>,
    /// Why that is expected.
    pub why: Why,
}

/// It fails for this reason.
pub const fn fails(what: &'static str, errno: Errno, cause: &'static str) -> Expected {
    Expected { what, errno: Some(errno), why: Why { cause, statuses: "" } }
}

/// Xen refuses references with these statuses.
pub const fn refused(what: &'static str, errno: Option<Errno>, statuses: &'static str) -> Expected {
    Expected { what, errno, why: Why { cause: "grants_refused", statuses } }
}

impl Expected {
    /// Compares, and says in the log why.
    pub fn check<T>(self, log: &Log, answer: std::result::Result<T, Errno>) -> Result<Option<T>> {
        let answered = answer.as_ref().err().copied();
        if answered != self.errno {
            let name = |errno: Option<Errno>| errno.map_or_else(|| "ok".to_owned(), |errno| format!("{errno:?}"));
            return Err(Error::from(Failure::Unexpected {
                what: self.what,
                answered: name(answered),
                expected: name(self.errno),
            }));
        }
        log.explain(self.why);
        Ok(answer.ok())
    }
}
