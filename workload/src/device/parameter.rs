//! The drivers' limits.

use std::fs;

use crate::error::{Error, Result};

/// Reads a limit of a driver.
///
/// # Errors
/// The driver is not there, or the file cannot be read or holds no number.
pub fn read_limit(path: &'static str) -> Result<usize> {
    let read = fs::read_to_string(path)
        .and_then(|text| text.trim().parse().map_err(|_| std::io::Error::other(format!("it holds {text:?}"))));
    read.map_err(|cause| Error::Parameter { access: "read", path, cause })
}
