//! Series: operations of one kind, added up to histograms.

pub mod activity;
mod aggregate;
mod buckets;
mod callers;
mod causes;
mod correction;
mod group;
mod histogram;
mod kept;
mod key;
mod phases;
mod range;
mod recorder;

pub use aggregate::Aggregate;
pub use buckets::{Bucket, Buckets};
pub use causes::{Failures, failures};
pub use correction::{Extent, Subtracted, Times};
pub use group::{Domain, Group, Pages, Size, are_mixture, groups, groups_of, merged, sizes, told_apart_by_domain};
pub use histogram::Series;
pub use kept::{MostSeries, Unkept};
pub use key::{PageRange, SeriesKey};
pub use phases::{LeftOut, Phases, Wanted};
pub use range::{Range, cost_per_page, per_page};
pub use recorder::RecorderUse;
