//! The option that says which times are shown.

use clap::Args;
use grantscope_analysis::series::Times;

/// Which times are shown.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct TimesArgs {
    /// Show what was measured, the probes' own time included. Without: that is subtracted, where it is known
    #[arg(long)]
    pub raw: bool,
}

impl From<TimesArgs> for Times {
    fn from(args: TimesArgs) -> Self {
        if args.raw { Self::Raw } else { Self::Corrected }
    }
}
