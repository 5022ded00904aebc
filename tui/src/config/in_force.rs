//! What is in force, and where it is from: options win over the file, and the file over what is built in.

use crate::config::file::Loaded;
use crate::config::read::{ASCII, COLOR, MOUSE};
use crate::options::wanted::{Ascii, Color};
use crate::screen::colours::Characters;
use crate::screen::terminal::Mouse;
use crate::screen::theme::Theme;

/// Options that say what the file can say too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `--color`.
    pub color: Option<Color>,
    /// `--ascii`.
    pub ascii: Option<Ascii>,
    /// `--mouse` or `--no-mouse`: which.
    pub mouse: Option<(bool, &'static str)>,
}

/// Where something is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody says otherwise.
    BuiltIn,
    /// This line of the file.
    Line(usize),
    /// This option.
    Option(&'static str),
}

/// Something that can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// What it is.
    pub value: T,
    /// Where it is from.
    pub origin: Origin,
}

/// All that is in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// How many colours.
    pub color: Setting<Color>,
    /// Whether characters are those of ASCII alone.
    pub ascii: Setting<Ascii>,
    /// Whether the mouse selects and scrolls.
    pub mouse: Setting<bool>,
    /// The file, with keys and palette.
    pub loaded: Loaded,
}

impl InForce {
    /// A file, and options that win over it.
    pub fn new(loaded: Loaded, options: Options) -> Self {
        let config = &loaded.config;
        let line = |name| config.line(None, name);
        Self {
            color: setting(options.color.map(|color| (color, "--color")), config.color.zip(line(COLOR))),
            ascii: setting(options.ascii.map(|ascii| (ascii, "--ascii")), config.ascii.zip(line(ASCII))),
            // Without a word it is used.
            mouse: match setting(options.mouse, config.mouse.zip(line(MOUSE))) {
                Setting { origin: Origin::BuiltIn, .. } => Setting { value: true, origin: Origin::BuiltIn },
                said => said,
            },
            loaded,
        }
    }

    /// How it looks in this environment. What reads a file or a pipe may have another locale: there are all characters.
    pub fn theme(&self, variable: impl Fn(&str) -> Option<String>, is_on_terminal: bool) -> Theme {
        let characters = match self.ascii.value {
            Ascii::Auto if !is_on_terminal => Characters::Unicode,
            ascii => ascii.characters(&variable).value,
        };
        Theme::new(self.color.value.colours(&variable).value, self.loaded.config.palette, characters)
    }

    /// Whose the mouse is.
    pub fn mouse(&self) -> Mouse {
        Mouse::unless(!self.mouse.value)
    }
}

fn setting<T: Default>(option: Option<(T, &'static str)>, file: Option<(T, usize)>) -> Setting<T> {
    match (option, file) {
        (Some((value, name)), _) => Setting { value, origin: Origin::Option(name) },
        (None, Some((value, line))) => Setting { value, origin: Origin::Line(line) },
        (None, None) => Setting { value: T::default(), origin: Origin::BuiltIn },
    }
}
