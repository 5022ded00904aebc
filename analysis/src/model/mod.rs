//! What a recording says, in the words of the field. Wire records become these values in the collector's `decode`, and nowhere else.

mod attach;
mod calibration;
mod clock;
mod dma;
mod environment;
mod failure;
mod filter;
mod loss;
mod maps;
mod mark;
mod operation;
mod outcome;
mod phase;
mod recorder;
mod status;

pub use attach::AttachMode;
pub use calibration::{Calibration, Cost, Crossing};
pub use clock::{Clock, UnknownClock};
pub use dma::DmaSums;
pub use environment::{Environment, HookStatus};
pub use failure::{answer, is_failure};
pub use filter::{Filter, FilterReport, ImpossibleName};
pub use loss::{LossCounter, LossReport};
pub use maps::{Frames, GRANT_BYTES, HeldBy, Holder, LiveMap, MapState, MapsReport};
pub use mark::{MOST_MARK_BYTES, Mark};
pub use operation::{Detail, Log, Operation, StageSpan, Stages};
pub use outcome::Outcome;
pub use phase::Phase;
pub use recorder::RecorderReport;
pub use status::{MOST_STATUSES, OTHERS, STATUSES, Statuses, UNREAD, status_list, status_name, status_named};
