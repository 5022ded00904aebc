//! `grantscope-manual FOLDER`: writes man pages and shell completions to a folder; `cargo xtask package` runs it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("name the folder for the pages: grantscope-manual FOLDER")?.into();
    for file in grantscope_manual::files()? {
        let path = folder.join(&file.path);
        let parent = path.parent().with_context(|| format!("{path:?} has no folder"))?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {parent:?}"))?;
        fs::write(&path, file.text).with_context(|| format!("cannot write {path:?}"))?;
    }
    Ok(())
}
