//! The terminal's colours as a picture has them.

use clap::ValueEnum;
use ratatui::style::Color;

/// What is behind everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ground {
    /// Light text on a dark ground
    Dark,
    /// Dark text on a light ground
    Light,
}

impl Ground {
    /// Behind everything.
    pub fn paper(self) -> &'static str {
        if self == Self::Dark { "#1e1e1e" } else { "#ffffff" }
    }

    /// What is written where nothing else is said.
    pub fn ink(self) -> &'static str {
        if self == Self::Dark { "#e6e6e6" } else { "#24292f" }
    }
}

/// What is written, and what is behind it, in `#rrggbb`. The sixteen basic colours are those of the palette "Tango", which many terminals
/// come with, each dark enough or light enough for its ground.
pub fn hex(colour: Color, ground: Ground) -> Option<String> {
    let basic = |dark: &str, light: &str| Some(if ground == Ground::Dark { dark } else { light }.to_owned());
    match colour {
        Color::Reset => None,
        Color::Black => basic("#000000", "#000000"),
        Color::Red | Color::LightRed => basic("#ff6b6b", "#c01c28"),
        Color::Green | Color::LightGreen => basic("#8ae234", "#26762b"),
        Color::Yellow | Color::LightYellow => basic("#fce94f", "#8f5902"),
        Color::Blue | Color::LightBlue => basic("#729fcf", "#204a87"),
        Color::Magenta | Color::LightMagenta => basic("#c79bd0", "#75507b"),
        Color::Cyan | Color::LightCyan => basic("#34e2e2", "#06787a"),
        Color::Gray => basic("#d3d7cf", "#555753"),
        Color::DarkGray => basic("#888a85", "#888a85"),
        Color::White => basic("#ffffff", "#ffffff"),
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Indexed(index) => Some(indexed(index)),
    }
}

/// Of the palette of 256: after sixteen of the terminal's own a cube of 6 × 6 × 6, then 24 greys (xterm's `256colres.pl`).
fn indexed(index: u8) -> String {
    let (red, green, blue) = match index {
        0..=15 => (128, 128, 128),
        16..=231 => {
            let level = |place: u8| if place == 0 { 0 } else { 55 + 40 * place };
            let index = index - 16;
            (level(index / 36), level(index / 6 % 6), level(index % 6))
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    };
    format!("#{red:02x}{green:02x}{blue:02x}")
}
