//! Man pages: one of each program and one of each of its verbs, as `git` has them: `grantscope-record(1)`.

use anyhow::{Context, Result};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::file::File;

/// The page of a command, and those of the verbs below it.
///
/// # Errors
/// When one is not text.
pub fn pages(command: &Command) -> Result<Vec<File>> {
    let mut pages = vec![page(command)?];
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        pages.extend(self::pages(verb)?);
    }
    Ok(pages)
}

fn page(command: &Command) -> Result<File> {
    let name = name(command);
    let man = Man::new(command.clone()).title(name.to_uppercase()).source(concat!("grantscope ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(rest) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        after(&rest.to_string()).to_writer(&mut page)?;
    }
    let text = String::from_utf8(page).with_context(|| format!("the page of {name} is not text"))?;
    Ok(File { path: format!("share/man/man1/{name}.1"), text })
}

/// The name of its page: `grantscope-config-show`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// What a help text ends with: examples, remarks and exit codes. Their lines are kept as they are, since they are laid out in columns.
fn after(text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES AND EXIT CODES"]);
    roff.control("nf", []);
    text.lines().for_each(|line| {
        roff.text([roman(line)]);
    });
    roff.control("fi", []);
    roff
}
