//! The options that say what of a recording is shown.

use clap::Args;
use grantscope_analysis::model::Phase;
use grantscope_analysis::series::{MostSeries, Phases, Wanted};

use crate::options::one_of::one_of;
use crate::options::times::TimesArgs;

/// More series take more memory than anybody has to look at them.
const MOST: usize = 10_000_000;

/// What is shown.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShownArgs {
    /// Which operations of a benchmark are shown, where it says its phases. Those of other threads always are
    #[arg(long, value_parser = one_of(Phases::ALL, Phases::name, Phases::about), default_value = Phase::Measured.name())]
    pub phase: Phases,

    /// Up to so many series page counts are told apart. What comes beyond is put into ranges of page counts, which have no quantiles
    #[arg(long, value_name = "COUNT", default_value_t = MostSeries::default().0, value_parser = at_least_one)]
    pub max_series: usize,

    /// Which times.
    #[command(flatten)]
    pub times: TimesArgs,
}

impl From<ShownArgs> for Wanted {
    fn from(args: ShownArgs) -> Self {
        Self { times: args.times.into(), phases: args.phase, most_series: MostSeries(args.max_series) }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MOST) => Ok(count),
        _ => Err(format!("not a number from 1 to {MOST}")),
    }
}
