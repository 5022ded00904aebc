//! Whether a change made something slower, and how sure that is.
//!
//! Two sides, each of one or several [runs](crate::runs), are [compared](compare) series by series. What is judged, and by which [`Limit`],
//! [rules](Rule) say. A [`Verdict`] needs the whole of what is known of a quotient of quantiles on one side of the limit, never a median
//! alone; what is known has two sources, and the less sure one counts: the order of all operations ([`Evidence`]), which asks nothing of
//! their distribution, and, where there are several runs, how these differ among themselves. All verdicts together are wrong with a stated
//! chance. docs/compare.md has the reasons, and how often it is right.

mod comparison;
mod evidence;
mod file;
mod groups;
mod limit;
mod metric;
mod modes;
mod pair;
mod ranks;
mod remark;
mod rules;
mod sample;
mod spread;
mod verdict;

pub use comparison::{Comparison, Explained, Outcome, Row, compare, judge};
pub use evidence::{Evidence, More, Question};
pub use file::LimitsFile;
pub use groups::{compare_groups, compare_ways};
pub use limit::{DEFAULT, Limit};
pub use metric::{MEDIAN, Metric};
pub use modes::{Modes, modes_of};
pub use remark::{Remark, Side};
pub use rules::Rule;
pub use verdict::Verdict;
