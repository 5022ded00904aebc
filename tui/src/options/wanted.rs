//! How the view can be wanted, in options and in the configuration.

use clap::ValueEnum;

use crate::screen::capabilities::{self, Said};
use crate::screen::colours::{Characters, Colours};

/// Which colours are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// What COLORTERM and TERM say that the terminal has; none where NO_COLOR is set
    #[default]
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

/// Whether the view is drawn with characters of ASCII alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Ascii {
    /// Where the locale (LC_ALL, LC_CTYPE, LANG) is not UTF-8
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl Color {
    /// The colours in this environment, and what in it says so; of a colour that is asked for, nothing.
    pub fn colours(self, variable: impl Fn(&str) -> Option<String>) -> Said<Colours> {
        let asked = |value| Said { value, by: String::new() };
        match self {
            Self::Auto => capabilities::colours(variable),
            Self::Always => {
                let said = capabilities::colours_of_terminal(variable);
                Said { value: said.value.max(Colours::Basic), ..said }
            }
            Self::Never => asked(Colours::Never),
            Self::Basic => asked(Colours::Basic),
            Self::Indexed => asked(Colours::Indexed),
            Self::True => asked(Colours::True),
        }
    }
}

impl Ascii {
    /// The characters in this environment, on a terminal, and what in it says so.
    pub fn characters(self, variable: impl Fn(&str) -> Option<String>) -> Said<Characters> {
        match self {
            Self::Auto => capabilities::characters(variable),
            Self::Always => Said { value: Characters::Ascii, by: String::new() },
            Self::Never => Said { value: Characters::Unicode, by: String::new() },
        }
    }
}
