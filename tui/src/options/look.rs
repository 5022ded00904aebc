//! The options that say how the view looks, and which file says it where they do not.

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueHint};

use crate::config::file::{File, Loaded};
use crate::config::in_force::{InForce, Options};
use crate::config::read::Config;
use crate::options::mouse::MouseArgs;
use crate::options::wanted::{Ascii, Color};
use crate::screen::capabilities::variable;
use crate::screen::colours::{Characters, Colours};
use crate::screen::keys::Keys;
use crate::screen::theme::Theme;
use crate::screen::until::Look;

/// How the view looks.
#[derive(Args, Clone, Debug, Default)]
pub struct LookArgs {
    /// How many colours. Without: auto
    #[arg(long, value_enum, value_name = "WHEN|COUNT")]
    pub color: Option<Color>,

    /// Draw with characters of ASCII alone. Without: auto
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pub ascii: Option<Ascii>,

    /// The file that says what keys do and how the view looks, where options do not (docs/configuration.md). Of `shot`: only
    /// this one. Elsewhere, without: $GRANTSCOPE_CONFIG, else grantscope/config.toml in $XDG_CONFIG_HOME, else in ~/.config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

impl LookArgs {
    /// What is in force on a terminal, and where it is from.
    ///
    /// # Errors
    /// The configuration cannot be read, or has a mistake.
    pub fn in_force(&self, mouse: MouseArgs) -> Result<InForce> {
        let file = File::find(self.config.as_deref(), |name| env::var_os(name));
        let options = Options { color: self.color, ascii: self.ascii, mouse: mouse.given() };
        Ok(InForce::new(Loaded::read(file)?, options))
    }

    /// On a terminal.
    ///
    /// # Errors
    /// The configuration cannot be read, or has a mistake.
    pub fn on_terminal(&self, mouse: MouseArgs) -> Result<Look> {
        let in_force = self.in_force(mouse)?;
        let theme = in_force.theme(variable, io::stdout().is_terminal());
        let (mouse, file) = (in_force.mouse(), in_force.loaded.name());
        Ok(Look { mouse, theme, keys: in_force.loaded.config.keys, file })
    }

    /// How a picture looks and what the keys do there: the same wherever it is made. `auto` is these colours.
    ///
    /// # Errors
    /// The configuration cannot be read, or has a mistake.
    pub fn of_picture(&self, usual: Colours) -> Result<(Theme, Keys)> {
        let named = self.config.as_deref().map(File::named).map(|file| Loaded::read(Some(file)));
        let config = named.transpose()?.map_or_else(Config::default, |loaded| loaded.config);
        let colours = match self.color.or(config.color).unwrap_or_default() {
            Color::Auto => usual,
            color => color.colours(variable).value,
        };
        let characters = match self.ascii.or(config.ascii).unwrap_or_default() {
            Ascii::Always => Characters::Ascii,
            Ascii::Auto | Ascii::Never => Characters::Unicode,
        };
        Ok((Theme::new(colours, config.palette, characters), config.keys))
    }
}
