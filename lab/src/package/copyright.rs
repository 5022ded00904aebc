//! The file `copyright` of a Debian package: who may do what with what is in it, in the format that Debian's tools read.

use anyhow::{Context, Result};

/// Where the format is defined.
const FORMAT: &str = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/";

/// Makes it of LICENSE-MIT, which names the owners.
///
/// # Errors
/// When that names none.
pub fn copyright(mit: &str) -> Result<String> {
    let owners = mit.lines().find_map(|line| line.strip_prefix("Copyright (c) ")).context("LICENSE-MIT names no owner")?;
    let text: String = mit.trim_end().lines().map(|line| format!(" {}\n", if line.is_empty() { "." } else { line })).collect();
    Ok(format!(
        "Format: {FORMAT}\n\
         Upstream-Name: grantscope\n\
         Comment:\n \
         Libraries inside the programs: third-party-licences.txt.gz.\n \
         The GNU C Library is linked in too. It is under LGPL-2.1 or newer (LICENSE-LGPL);\n \
         its source is Debian's source package glibc, and the programs can be linked anew with\n \
         another one: their source is grantscope's.\n\
         \n\
         Files: *\n\
         Copyright: {owners}\n\
         License: MIT or Apache-2.0\n\
         \n\
         Files: usr/bin/grantscope\n\
         Copyright: {owners}\n\
         License: (MIT or Apache-2.0) and (MIT or GPL-2.0-only)\n\
         Comment: The eBPF probes inside it are MIT or GPL-2.0 (probes/LICENSE-GPL).\n\
         \n\
         License: MIT\n\
         {text}\
         \n\
         License: Apache-2.0\n \
         LICENSE-APACHE, and on Debian /usr/share/common-licenses/Apache-2.0.\n\
         \n\
         License: GPL-2.0-only\n \
         probes/LICENSE-GPL, and on Debian /usr/share/common-licenses/GPL-2.\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owners_and_the_text_are_those_of_the_licence() {
        insta::assert_snapshot!(copyright("MIT License\n\nCopyright (c) 2026 a and b\n\nPermission\n").unwrap());
    }

    #[test]
    fn a_licence_of_nobody_is_an_error() {
        assert!(copyright("MIT License\n").is_err());
    }
}
