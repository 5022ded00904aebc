//! The drivers' limits, and raising one for a while.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::left::{self, Left, Noted, Number};

/// Reads a limit of a driver.
pub fn read_limit(path: &'static str) -> Result<usize> {
    let read = fs::read_to_string(path)
        .and_then(|text| text.trim().parse().map_err(|_| std::io::Error::other(format!("it says {text:?}"))));
    read.map_err(|cause| Error::Parameter { access: "read", path, cause })
}

/// A limit that is put back when this is dropped.
#[must_use = "the limit is put back when this is dropped"]
pub struct RaisedLimit {
    _noted: Noted,
}

impl RaisedLimit {
    /// Makes room for `more` on top of what the limit is now: it is one for everybody together,
    /// and how much others use of it is not to be seen.
    pub fn by(path: &'static str, more: usize) -> Result<Self> {
        let by = i64::try_from(more).unwrap_or(i64::MAX);
        let noted = left::change(|others| Ok(Left::Number(Number::more(Path::new(path), by, others)?)));
        let noted = noted.map_err(|cause| Error::Parameter { access: "raise", path, cause })?;
        Ok(Self { _noted: noted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
