//! Man pages and completions: grantscope-manual makes them of the command lines of both programs.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{boot::run::Scratch, command, programs::Manual, progress::Step};

/// A file below a prefix such as /usr, and what is in it.
pub type Page = (String, Vec<u8>);

/// All of them.
///
/// # Errors
/// When the program that makes them fails.
pub fn pages(manual: &Manual) -> Result<Vec<Page>> {
    // This machine's own program: those of the packages may be for another architecture.
    let step = Step::start("man pages and completions");
    let folder = Scratch::new()?;
    command::output(Command::new(&manual.program).arg(&folder.0)).context("cannot make the man pages")?;
    let mut pages = Vec::new();
    collect(&folder.0, "", &mut pages)?;
    step.done("made");
    Ok(pages)
}

fn collect(folder: &Path, above: &str, pages: &mut Vec<Page>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot look into {folder:?}"))? {
        let entry = entry?;
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), pages)?;
        } else {
            pages.push((name, fs::read(entry.path()).with_context(|| format!("cannot read {:?}", entry.path()))?));
        }
    }
    Ok(())
}
