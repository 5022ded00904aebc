//! The look: what each role is drawn in, and nothing that only a colour says.

use grantscope_wire::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::screen::colours::{Characters, Colours};
use crate::screen::palette::{Palette, Role};

/// How things look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    colours: Colours,
    palette: Palette,
    characters: Characters,
}

impl Theme {
    /// With these colours, in place of the usual ones where it is said.
    pub fn new(colours: Colours, palette: Palette, characters: Characters) -> Self {
        Self { colours, palette, characters }
    }

    /// With the sixteen colours that every terminal with colours has.
    pub fn colourful() -> Self {
        Self::new(Colours::Basic, Palette::default(), Characters::Unicode)
    }

    /// Without colour.
    pub fn plain() -> Self {
        Self::new(Colours::Never, Palette::default(), Characters::Unicode)
    }

    /// The same in these characters.
    pub fn written_in(self, characters: Characters) -> Self {
        Self { characters, ..self }
    }

    /// Which characters there are.
    pub fn characters(self) -> Characters {
        self.characters
    }

    fn of(self, role: Role) -> Style {
        self.palette.style(role, self.colours)
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
        self.of(Role::Good).add_modifier(Modifier::BOLD)
    }

    /// To be known.
    pub fn warning(self) -> Style {
        self.of(Role::Warning)
    }

    /// Lost, failed or broken.
    pub fn bad(self) -> Style {
        self.of(Role::Bad).add_modifier(Modifier::BOLD)
    }

    /// The selected row.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Costs more than what it is compared with.
    pub fn dearer(self) -> Style {
        self.of(Role::Dearer)
    }

    /// Costs less.
    pub fn cheaper(self) -> Style {
        self.of(Role::Cheaper)
    }

    /// Bars.
    pub fn bar(self) -> Style {
        self.of(Role::Bar)
    }

    /// The name of a kind of buffer, and bars of that kind: the same in every view.
    pub fn kind(self, buffer: Option<Buffer>) -> Style {
        match buffer {
            Some(Buffer::Pages) => self.of(Role::Pages),
            Some(Buffer::Wc) => self.of(Role::Wc),
            Some(Buffer::Coherent) => self.of(Role::Coherent),
            Some(Buffer::Foreign) => self.of(Role::Foreign),
            None => Style::new(),
        }
    }
}

/// Of a bar's style as of a name's: the colour is that of its blocks, and not of what is behind them.
pub fn blocks(style: Style) -> Style {
    match style.bg {
        Some(colour) if colour != Color::Reset => Style::new().fg(colour),
        _ => style,
    }
}
