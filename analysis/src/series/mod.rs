//! Series: operations of one kind, added up to histograms.

pub mod aggregate;
