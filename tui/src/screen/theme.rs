//! The look: the terminal's own palette, and nothing that only a colour says.

use ratatui::style::{Color, Modifier, Style};

/// How things look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// With colour, unless `NO_COLOR` is set (to anything but nothing: <https://no-color.org>).
    pub fn from_environment() -> Self {
        Self { colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// With colour.
    pub fn colourful() -> Self {
        Self { colour: true }
    }

    /// Without colour.
    pub fn plain() -> Self {
        Self { colour: false }
    }

    fn palette(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// The name of the program, headings.
    pub fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Lines and axes.
    pub fn frame(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// All is well.
    pub fn good(self) -> Style {
        self.palette(Color::Green).add_modifier(Modifier::BOLD)
    }

    /// To be known.
    pub fn warning(self) -> Style {
        self.palette(Color::Yellow)
    }

    /// Lost, failed or broken.
    pub fn bad(self) -> Style {
        self.palette(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The selected row.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Costs more than what it is compared with.
    pub fn dearer(self) -> Style {
        self.palette(Color::Red)
    }

    /// Costs less.
    pub fn cheaper(self) -> Style {
        self.palette(Color::Green)
    }

    /// Bars.
    pub fn bar(self) -> Style {
        self.palette(Color::Cyan)
    }
}
