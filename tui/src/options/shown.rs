//! The options that say what of a recording is shown.

use clap::Args;
use grantscope_analysis::model::Phase;
use grantscope_analysis::series::{Phases, Wanted};

use crate::options::one_of::one_of;
use crate::options::times::TimesArgs;

/// What is shown.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShownArgs {
    /// Which operations of a benchmark are shown, where it says its phases. Those of other threads always are
    #[arg(long, value_parser = one_of(Phases::ALL, Phases::name, Phases::about), default_value = Phase::Measured.name())]
    pub phase: Phases,

    /// Which times.
    #[command(flatten)]
    pub times: TimesArgs,
}

impl From<ShownArgs> for Wanted {
    fn from(args: ShownArgs) -> Self {
        Self { times: args.times.into(), phases: args.phase }
    }
}
