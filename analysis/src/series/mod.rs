//! Series: operations of one kind, added up to histograms.

pub mod activity;
mod aggregate;
mod causes;
mod group;
mod histogram;
mod key;

pub use aggregate::Aggregate;
pub use causes::{Failures, failures};
pub use group::{Domain, Group, Pages, groups, merged, told_apart_by_domain};
pub use histogram::Series;
pub use key::SeriesKey;
