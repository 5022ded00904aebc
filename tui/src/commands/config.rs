//! `grantscope config`: what keys and colours are in force, and where they are from.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::commands::verb::{Example, Verb};
use crate::config::written::written;
use crate::exit::{Code, Exit, Exits};
use crate::options::look::LookArgs;
use crate::options::mouse::MouseArgs;
use crate::screen::capabilities::variable;

/// Show which keys and colours are in force in `top` and `bench`, and where they are from.
///
/// They can be changed in a file: $XDG_CONFIG_HOME/grantscope/config.toml, or ~/.config/grantscope/config.toml where that variable
/// is not set. $GRANTSCOPE_CONFIG names another, and so does --config FILE. Options win over the file. docs/configuration.md says
/// what can be in it.
#[derive(Debug, Parser)]
#[command(name = "config")]
pub struct Config {
    /// What is to be done.
    #[command(subcommand)]
    pub what: What,
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Print all that is in force as such a file, with where each line is from: built in, a line of the file, an option or a variable
    Show(Show),
}

/// Options as `top` has them.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Whose the mouse is.
    #[command(flatten)]
    pub mouse: MouseArgs,

    /// How it looks.
    #[command(flatten)]
    pub look: LookArgs,
}

impl Verb for Config {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope config show", "what is in force"),
        Example("grantscope config show --config my.toml", "with another file, which is checked by that"),
    ];
    const EXITS: Exits =
        &[(Code::Done, None), (Code::Error, None), (Code::Usage, Some("wrong command line, or a mistake in the file"))];

    fn run(&self) -> Result<Exit> {
        let What::Show(Show { mouse, look }) = &self.what;
        io::stdout().lock().write_all(written(&look.in_force(*mouse)?, variable).as_bytes())?;
        Ok(Exit::OK)
    }
}
