//! A mistake in a configuration file.

use std::fmt;

use grantscope_analysis::shown::Shown;
use grantscope_analysis::toml_text::Place;

/// What is wrong, and where: written behind the name of the file, with a colon between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What, and what to do.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, Shown(&self.what))
    }
}
