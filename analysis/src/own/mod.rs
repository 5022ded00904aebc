//! What the probes' own programs cost of an operation's time: it is subtracted where a recording is read.
//!
//! Between two readings of the clock lie the rest of the program that read it first, the programs that only marked their hook, and the
//! beginning of the program that reads it next. A log in which time goes on by nothing but these costs is folded like that of an operation:
//! the self times that come out are what the programs cost in each stage.

mod costs;
mod paths;
mod time;
mod virtual_log;

pub use self::costs::{Costs, MeanCost};
pub use self::paths::Paths;
pub use self::time::{Own, OwnTime};
