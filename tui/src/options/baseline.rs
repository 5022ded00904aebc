//! The options that name what a view is compared with.

use std::path::PathBuf;

use anyhow::{Error, Result};
use clap::{Args, ValueHint};
use grantscope_analysis::decide::LimitsFile;
use grantscope_analysis::series::Wanted;
use grantscope_analysis::shown::counted;

use crate::exit::WrongUsage;
use crate::options::judged::LimitsArgs;
use crate::screen::model::baseline::Baseline;
use crate::source::whole_runs;

/// What is shown is compared with earlier runs.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// Compare what is shown with an earlier run: a recording, a results.csv, or a folder of recordings. Can be given again
    #[arg(long, value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub baseline: Vec<PathBuf>,

    /// How much may change.
    #[command(flatten)]
    pub limits: LimitsArgs,
}

impl BaselineArgs {
    /// Reads the runs; `None`: there are none.
    ///
    /// # Errors
    /// One cannot be read, or there are limits and nothing to compare with.
    pub fn read(&self, wanted: Wanted) -> Result<Option<Baseline>> {
        let [first, rest @ ..] = &self.baseline[..] else {
            if self.limits.are_given() {
                return Err(Error::msg(WrongUsage("limits are for a comparison; give --baseline RUN".to_owned())));
            }
            return Ok(None);
        };
        let LimitsFile { rules, allow, .. } = self.limits.read()?;
        let runs = whole_runs::runs(&self.baseline, wanted)?;
        let first = first.file_name().unwrap_or(first.as_os_str()).to_string_lossy();
        let name =
            if rest.is_empty() { first.into_owned() } else { format!("{first} and {}", counted(rest.len() as u64, "other")) };
        Ok(Some(Baseline { name, runs, times: wanted.times, rules, allowed: allow }))
    }
}
