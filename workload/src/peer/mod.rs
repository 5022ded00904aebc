//! Two domains: how a frontend grants pages, how a backend finds them, and how it requests more while it runs
//! (`docs/two-domains.md`).
//!
//! * [`frontend`] grants, and serves requests until it is terminated.
//! * [`search`](Search) finds what it grants: in [`xenstore`], or by its [`directory`] page.
//! * [`requests`] is the protocol by which a backend has it grant more, with a client and a service.

pub mod directory;
pub mod frontend;
mod offer;
mod pages;
pub mod requests;
mod search;
pub mod xenstore;

pub use offer::{Channel, Offer, RequestPage};
pub use pages::{Imported, fill, fill_word};
pub use search::Search;
