//! The commands that open a view, for whoever names a key that does. The views themselves are in the registry (`views::VIEWS`).

use crate::screen::command::Command::{self, Open};
use crate::screen::command::ViewId;

/// How durations are distributed.
pub const SHAPE: Command = Open(ViewId("shape"));
/// The slowest operations of the selected row, one of them opened.
pub const SLOW: Command = Open(ViewId("slowest"));
/// What became slower since earlier runs.
pub const BASELINE: Command = Open(ViewId("baseline"));
/// What failed.
pub const ERRORS: Command = Open(ViewId("errors"));
/// Buffer kinds side by side.
pub const COMPARE: Command = Open(ViewId("compare"));
/// Where the time goes.
pub const WHERE: Command = Open(ViewId("where"));
/// What happened when.
pub const TIME: ViewId = ViewId("time");
/// All keys.
pub const HELP: Command = Open(ViewId("help"));
/// The operations recorded, the machine, the hooks, and the losses.
pub const INFO: Command = Open(ViewId("info"));
/// Live mappings, and what of them looks like a leak.
pub const MAPS: Command = Open(ViewId("maps"));

/// What watching costs, and what is missing.
pub const PROBES: Command = Open(ViewId("probes"));
