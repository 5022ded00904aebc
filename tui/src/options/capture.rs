//! The options that say how this machine is recorded: `record` and `bench` share them.

use std::process::Command;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use grantscope_analysis::model::AttachMode;
use grantscope_analysis::model::Clock;
use grantscope_wire::Detail;

use crate::options::filter::FilterArgs;
use crate::options::one_of::{OneOf, one_of};
use crate::this_machine::Capture;

/// Parses an attach mode.
pub const ATTACH_MODES: OneOf<AttachMode> = one_of(AttachMode::ALL, AttachMode::name, AttachMode::about);

const DETAILS: OneOf<Detail> = one_of(Detail::ALL, Detail::name, Detail::about);

/// How this machine is recorded.
#[derive(Args, Debug)]
pub struct CaptureArgs {
    /// What the kernel's monotonic clock counts
    #[arg(
        long,
        value_name = "NAME",
        value_parser = one_of(Clock::ALL, Clock::name, Clock::about),
        default_value = Clock::Wall.name()
    )]
    pub clock: Clock,

    /// Attach mode of the probes
    #[arg(long, value_name = "MODE", value_parser = ATTACH_MODES, default_value = AttachMode::Best.name())]
    pub attach: AttachMode,

    /// How much is watched: less costs less
    #[arg(long, value_name = "DETAIL", value_parser = DETAILS, default_value = Detail::Stages.name())]
    pub detail: Detail,

    /// A name for this run, written to the recording and into every row of the CSV [default: host name and time]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub run: Option<String>,

    /// What is recorded.
    #[command(flatten)]
    pub filter: FilterArgs,
}

impl CaptureArgs {
    /// What is to be captured while this command runs; without one, until a signal comes.
    pub fn capture(&self, command: Option<Command>) -> Capture {
        Capture {
            run: self.run.clone(),
            clock: self.clock,
            attach: self.attach,
            detail: self.detail,
            filter: (&self.filter).into(),
            command,
            keeps_going: false,
        }
    }
}
