//! The drivers' limits, and counts that keep to them.

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

/// A count as the kernel takes it: at least one, at most the driver's limit.
///
/// # Errors
/// It is neither.
pub(super) fn checked(call: &'static str, count: usize, limit: usize, limit_path: &'static str) -> Result<u32> {
    match u32::try_from(count) {
        Ok(0) => Err(Error::EmptyCount { call }),
        Ok(checked) if count <= limit => Ok(checked),
        _ => Err(Error::OverLimit { call, count, limit, limit_path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_zero_and_one_over_the_limit_are_refused_before_the_kernel_sees_them() {
        let check_count = |call, count, limit| checked(call, count, limit, "/limit");
        assert!(matches!(check_count("map", 0, 65_536), Err(Error::EmptyCount { call: "map" })));
        assert_eq!(check_count("map", 65_536, 65_536).unwrap(), 65_536);
        assert!(matches!(check_count("export", 65_537, 65_536), Err(Error::OverLimit { count: 65_537, limit: 65_536, .. })));
        assert!(check_count("map", usize::MAX, usize::MAX).is_err());
    }

    #[test]
    fn a_grant_of_nothing_or_of_more_than_the_limit_is_refused() {
        let check_count = |count, limit| checked("grant", count, limit, "/limit");
        assert!(matches!(check_count(0, 1024), Err(Error::EmptyCount { call: "grant" })));
        assert_eq!(check_count(1024, 1024).unwrap(), 1024);
        assert!(matches!(check_count(1025, 1024), Err(Error::OverLimit { count: 1025, .. })));
        // This one makes 6.12 warn about an allocation of 16 GiB.
        assert!(check_count(0xffff_fff0, 1024).is_err());
    }
}
