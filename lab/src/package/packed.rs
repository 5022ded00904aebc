//! A packed file as it is handed on: its size, which has a limit, and its checksum.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// The most that a packed file may have: it has to fit on a board with little flash, over a slow line.
pub const LIMIT: u64 = 6_000_000;

/// A packed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sum: String,
}

impl Packed {
    /// Looks at a file in a folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {path:?}"))?;
        let sum = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: name.to_owned(), size: bytes.len() as u64, sum })
    }
}

/// A line for each, as `sha256sum --check` reads it.
pub fn sums(all: &[Packed]) -> String {
    all.iter().map(|packed| format!("{}  {}\n", packed.sum, packed.name)).collect()
}

/// A line for each, for people.
pub fn sizes(all: &[Packed]) -> String {
    all.iter().map(|packed| format!("{:>6.2} MB  {}\n", packed.size as f64 / 1e6, packed.name)).collect()
}

/// Whether each is small enough.
///
/// # Errors
/// Names those that are not.
pub fn ensure_small(all: &[Packed]) -> Result<()> {
    let large: Vec<_> = all.iter().filter(|packed| packed.size > LIMIT).cloned().collect();
    ensure!(
        large.is_empty(),
        "larger than {} MB, which a board may have no room for; make the programs or what lab/src/package/contents.rs adds smaller:\n{}",
        LIMIT / 1_000_000,
        sizes(&large)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_size(name: &str, size: u64) -> Packed {
        Packed { name: name.into(), size, sum: "0a".into() }
    }

    #[test]
    fn what_is_too_large_is_named_and_the_rest_is_not() {
        let all = [of_size("a.deb", LIMIT), of_size("b.deb", LIMIT + 1)];
        ensure_small(&all[..1]).unwrap();
        let error = ensure_small(&all).unwrap_err().to_string();
        assert!(error.contains("6.00 MB  b.deb") && !error.contains("a.deb"), "{error}");
    }

    #[test]
    fn sums_are_in_the_form_that_sha256sum_checks() {
        assert_eq!(sums(&[of_size("a.deb", 1), of_size("b.deb", 2)]), "0a  a.deb\n0a  b.deb\n");
    }
}
