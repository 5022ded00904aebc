//! What pages and completions are made into.

/// A file below a prefix such as /usr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it goes, from the prefix on: `share/man/man1/grantscope.1`.
    pub path: String,
    /// What is in it.
    pub text: String,
}
