//! Series: operations of one kind, added up to histograms.

mod aggregate;
mod causes;
mod histogram;
mod key;

pub use aggregate::Aggregate;
pub use causes::{Statuses, list_of};
pub use histogram::Series;
pub use key::SeriesKey;
