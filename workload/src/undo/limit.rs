//! A driver's limit, raised for a while.

use std::path::Path;

use super::guard::Guard;
use crate::error::{Error, Result};

/// A limit that is restored when this is dropped.
#[must_use = "the limit is restored when this is dropped"]
pub struct RaisedLimit {
    _guard: Guard,
}

impl RaisedLimit {
    /// Makes room for `more` on top of what the limit is now: all users of the driver share one limit, and how much of it they use
    /// cannot be read.
    ///
    /// # Errors
    /// The driver is not there, or its limit cannot be written.
    pub fn by(path: &'static str, more: usize) -> Result<Self> {
        let raised = Guard::add(Path::new(path), i64::try_from(more).unwrap_or(i64::MAX));
        let guard = raised.map_err(|cause| Error::Parameter { access: "raise", path, cause })?;
        Ok(Self { _guard: guard })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::device::read_limit;

    #[test]
    fn a_raised_limit_is_put_back_when_dropped() {
        let file = std::env::temp_dir().join(format!("grantscope-limit-{}", std::process::id()));
        fs::write(&file, "1024\n").unwrap();
        let path: &'static str = Box::leak(file.to_str().unwrap().to_owned().into_boxed_str());
        let raised = RaisedLimit::by(path, 2025).unwrap();
        assert_eq!(read_limit(path).unwrap(), 3049);
        let more = RaisedLimit::by(path, 100).unwrap();
        drop(raised);
        assert_eq!(read_limit(path).unwrap(), 1124, "the one that was raised later is still needed");
        drop(more);
        assert_eq!(read_limit(path).unwrap(), 1024);
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_limit_that_is_not_there_is_an_error_and_is_not_created() {
        let path = "/tmp/grantscope-no-such-limit";
        assert!(RaisedLimit::by(path, 1).is_err());
        assert!(!Path::new(path).exists());
    }
}
