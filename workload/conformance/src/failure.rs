//! What a conformance test found that it should not, each with what to do next.

use std::io;

use nix::errno::Errno;

use grantscope_generator::error::Error;

/// Why a test failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The kinds asked for leave no action.
    #[error(
        "nothing to do: --without-dmabuf leaves only what --buffers pages stands for; name pages too, or leave one of the two out"
    )]
    NothingToDo,

    /// A table that is not full after as much as is tried.
    #[error(
        "{table} is not full after {tried}, and filling a large one would keep all other programs from granting: boot Xen with \
         {argument} to see what happens then, as the lab's platform arm64-tight does"
    )]
    TableTooLarge {
        /// Which one.
        table: &'static str,
        /// How much was put into it.
        tried: u32,
        /// The argument of Xen's that makes it small.
        argument: &'static str,
    },

    /// Something that had to fail did not.
    #[error("{what} succeeded, but this kernel was expected to refuse it with {expected:?}")]
    NotRefused {
        /// What was done.
        what: &'static str,
        /// The expected answer.
        expected: Errno,
    },

    /// A call ended otherwise than it had to.
    #[error(
        "{what}: the kernel answered {answered}, expected was {expected}; see docs/truth.md for what this kernel is known to do"
    )]
    Unexpected {
        /// What was done.
        what: &'static str,
        /// The kernel's answer.
        answered: String,
        /// The expected answer.
        expected: String,
    },

    /// A test of another domain's frontend without one.
    #[error("this tests another domain's frontend: start one there (docs/two-domains.md), and give --peer DOMID")]
    NeedsPeer,

    /// A frontend answered otherwise than it had to.
    #[error("{what}: the frontend answered {answered}, expected was {expected}; use the same build in both domains")]
    Frontend {
        /// What was requested.
        what: &'static str,
        /// Its answer.
        answered: String,
        /// The expected answer.
        expected: String,
    },

    /// In an order of releases, the kernel differed from its source.
    #[error(
        "{order}: {when}, {answered}; expected was that {expected}; docs/release-orders.md lists what the kernel was seen to do"
    )]
    Order {
        /// The releases, in order.
        order: String,
        /// At which point of it.
        when: String,
        /// The observed value.
        answered: String,
        /// What the source says.
        expected: String,
    },

    /// A file that steers the kernel could not be used.
    #[error("cannot use {path}: {cause}; are you root, and is debugfs mounted?")]
    Control {
        /// The file.
        path: String,
        /// Why.
        cause: io::Error,
    },
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Test(Box::new(failure))
    }
}
