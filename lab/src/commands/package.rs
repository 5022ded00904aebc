//! `cargo xtask package`: files to copy onto a board, with their sizes and checksums.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::{cache::Cache, fetch::Consent, package, place, platform, platform::Architecture, programs, setup};

/// The checksums of all packages in a folder.
const SUMS: &str = "SHA256SUMS";

/// Arguments of `package`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only for this architecture; for all without it
    #[arg(long, value_enum, value_name = "NAME")]
    pub architecture: Option<Architecture>,
    /// Where the packages go [default: target/packages]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Builds, packs, and prints what was packed.
///
/// # Errors
/// When something does not compile or cannot be packed, or a package is larger than a board may have room for.
pub fn run(arguments: &Arguments) -> Result<()> {
    let compilers = setup::compilers(&Cache::open()?, Consent::new(arguments.yes), &[platform::MAIN])?;
    let out = arguments.out.clone().unwrap_or_else(|| place::work_tree().join("target/packages"));
    let (source, pages) = (package::Source::of_work_tree()?, package::pages(&programs::manual()?)?);
    let mut all = Vec::new();
    for architecture in Architecture::ALL.into_iter().filter(|known| arguments.architecture.is_none_or(|only| only == *known)) {
        let programs = programs::for_lab(&compilers, architecture)?;
        all.extend(package::pack(architecture, &programs, &pages, &source, &out)?);
    }
    let sums = out.join(SUMS);
    fs::write(&sums, package::sums(&all)).with_context(|| format!("cannot write {sums:?}"))?;
    print!("{}{}", package::sums(&all), package::sizes(&all));
    println!("in {}, made from {}; `sha256sum --check {SUMS}` there checks them", out.display(), source.state);
    package::ensure_small(&all)
}
