//! The options that say how the view looks.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};

use crate::screen::capabilities::{self, variable};
use crate::screen::colours::{Characters, Colours};
use crate::screen::palette::Palette;
use crate::screen::theme::Theme;

/// How the view looks.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct LookArgs {
    /// How many colours. Without: auto
    #[arg(long, value_enum, value_name = "WHEN|COUNT")]
    pub color: Option<Color>,

    /// Draw with characters of ASCII alone: what the terminal gets where the locale (LC_ALL, LC_CTYPE, LANG) is not UTF-8
    #[arg(long)]
    pub ascii: bool,
}

/// Which colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// What COLORTERM and TERM say that the terminal has; none where NO_COLOR is set
    Auto,
    /// What the terminal has, whatever NO_COLOR says; sixteen at least
    Always,
    /// None
    Never,
    /// The sixteen that the user has set in the terminal
    #[value(name = "16")]
    Basic,
    /// 256
    #[value(name = "256")]
    Indexed,
    /// All
    True,
}

impl Color {
    /// The colours, in this environment.
    pub fn colours(self) -> Colours {
        match self {
            Self::Auto => capabilities::colours(variable),
            Self::Always => capabilities::colours_of_terminal(variable).max(Colours::Basic),
            Self::Never => Colours::Never,
            Self::Basic => Colours::Basic,
            Self::Indexed => Colours::Indexed,
            Self::True => Colours::True,
        }
    }
}

impl LookArgs {
    /// On a terminal.
    pub fn theme(self, palette: Palette) -> Theme {
        let characters = match (self.ascii, io::stdout().is_terminal()) {
            (true, _) => Characters::Ascii,
            (false, true) => capabilities::characters(variable),
            // What reads a file or a pipe may have another locale.
            (false, false) => Characters::Unicode,
        };
        Theme::new(self.color.unwrap_or(Color::Auto).colours(), palette, characters)
    }

    /// Of a picture, which is the same wherever it is made: `auto` is these colours.
    pub fn theme_of_picture(self, usual: Colours) -> Theme {
        let colours = match self.color {
            None | Some(Color::Auto) => usual,
            Some(color) => color.colours(),
        };
        Theme::new(colours, Palette::default(), if self.ascii { Characters::Ascii } else { Characters::Unicode })
    }
}
