//! A value that is all of its bytes.

use serde::Deserialize;

/// The value that these bytes are, all of them: what stands behind it is of no version.
///
/// # Errors
///
/// They are no such value, or more than one.
pub fn whole<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> postcard::Result<T> {
    match postcard::take_from_bytes(payload)? {
        (value, []) => Ok(value),
        _ => Err(postcard::Error::SerdeDeCustom),
    }
}
