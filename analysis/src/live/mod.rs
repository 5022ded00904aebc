//! Mappings that are alive, as a recording follows them.

pub mod ledger;
