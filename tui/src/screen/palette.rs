//! The colours of the roles, as terminals have them: sixteen, 256, or all.
//!
//! All but the sixteen are of middle lightness, so that they can be read on a light and on a dark ground alike: a test computes the
//! contrast (WCAG 2.2, "contrast ratio"). Of the sixteen nobody knows what they are: yellow is nowhere the colour of letters.

use ratatui::style::{Color, Style};

use crate::screen::colours::Colours;

/// What has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// All is well.
    Good,
    /// To be known.
    Warning,
    /// Lost, failed or broken.
    Bad,
    /// Costs more than what it is compared with.
    Dearer,
    /// Costs less.
    Cheaper,
    /// Bars.
    Bar,
    /// Ordinary pages.
    Pages,
    /// Write-combining buffers.
    Wc,
    /// Coherent buffers.
    Coherent,
    /// Buffers of other drivers.
    Foreign,
}

/// A role's name in the configuration, and its colours.
struct Usual {
    role: Role,
    name: &'static str,
    basic: Style,
    indexed: u8,
}

const fn usual(role: Role, name: &'static str, basic: Color, indexed: u8) -> Usual {
    Usual { role, name, basic: Style::new().fg(basic), indexed }
}

/// Yellow letters cannot be read on white: what is yellow is behind black ones.
const fn yellow(role: Role, name: &'static str, indexed: u8) -> Usual {
    Usual { role, name, basic: Style::new().fg(Color::Black).bg(Color::Yellow), indexed }
}

/// A row for each role.
const USUAL: [Usual; 10] = [
    usual(Role::Good, "good", Color::Green, 28),
    yellow(Role::Warning, "warning", 130),
    usual(Role::Bad, "bad", Color::Red, 160),
    usual(Role::Dearer, "dearer", Color::Red, 160),
    usual(Role::Cheaper, "cheaper", Color::Green, 28),
    usual(Role::Bar, "bar", Color::Cyan, 30),
    usual(Role::Pages, "pages", Color::Blue, 33),
    yellow(Role::Wc, "wc", 136),
    usual(Role::Coherent, "coherent", Color::Magenta, 133),
    usual(Role::Foreign, "foreign", Color::Cyan, 30),
];

/// Colours that are wanted in place of the usual ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Palette {
    wanted: [Option<Color>; USUAL.len()],
}

impl Palette {
    /// All names of roles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        USUAL.iter().map(|usual| usual.name)
    }

    /// The same with this colour for a role; `None`: there is no such role. The usual colour is as good as none: it is shown as well as
    /// a terminal can.
    pub fn with(mut self, name: &str, colour: Color) -> Option<Self> {
        let place = USUAL.iter().position(|usual| usual.name == name)?;
        self.wanted[place] = Some(colour).filter(|&colour| colour != Color::Indexed(USUAL[place].indexed));
        Some(self)
    }

    /// The colour of a role where there are 256, as it is written in the configuration; `None`: there is no such role.
    pub fn written(&self, name: &str) -> Option<String> {
        let place = USUAL.iter().position(|usual| usual.name == name)?;
        Some(self.wanted[place].unwrap_or(Color::Indexed(USUAL[place].indexed)).to_string().to_lowercase())
    }

    /// How a role is drawn.
    pub fn style(&self, role: Role, colours: Colours) -> Style {
        let place = USUAL.iter().position(|usual| usual.role == role).expect("each role has a row: tested");
        let usual = &USUAL[place];
        let wanted = self.wanted[place].and_then(|colour| shown(colour, colours));
        match (colours, wanted) {
            (Colours::Never, _) => Style::new(),
            (_, Some(colour)) => Style::new().fg(colour),
            (Colours::Basic, None) => usual.basic,
            (Colours::Indexed, None) => Style::new().fg(Color::Indexed(usual.indexed)),
            (Colours::True, None) => {
                let [red, green, blue] = rgb(usual.indexed);
                Style::new().fg(Color::Rgb(red, green, blue))
            }
        }
    }
}

/// A colour as a terminal with so many can show it; `None`: it cannot.
fn shown(colour: Color, colours: Colours) -> Option<Color> {
    match (colour, colours) {
        (Color::Rgb(red, green, blue), Colours::Indexed) => Some(Color::Indexed(nearest([red, green, blue]))),
        (Color::Rgb(..) | Color::Indexed(16..), Colours::Basic) => None,
        (colour, _) => Some(colour),
    }
}

/// The first of xterm's cube of 6 × 6 × 6 colours (`256colres.pl`): before it are the terminal's own sixteen.
const CUBE: u8 = 16;
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// What one of the cube is made of.
fn rgb(indexed: u8) -> [u8; 3] {
    let place = indexed.saturating_sub(CUBE);
    [place / 36, place / 6 % 6, place % 6].map(|level| LEVELS[usize::from(level.min(5))])
}

fn nearest(rgb: [u8; 3]) -> u8 {
    let [red, green, blue] = rgb.map(|part| {
        let distance = |&level: &usize| LEVELS[level].abs_diff(part);
        (0..LEVELS.len()).min_by_key(distance).unwrap_or(0) as u8
    });
    CUBE + 36 * red + 6 * green + blue
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2, "relative luminance".
    fn luminance(rgb: [u8; 3]) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
    }

    #[test]
    fn every_colour_can_be_read_on_white_and_on_black() {
        for usual in &USUAL {
            let luminance = luminance(rgb(usual.indexed));
            let (on_white, on_black) = (1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05);
            // What WCAG asks of large letters and of parts of a picture.
            assert!(on_white >= 3.0 && on_black >= 3.0, "{}: {on_white:.1} on white, {on_black:.1} on black", usual.name);
            assert_ne!(usual.basic.fg, Some(Color::Yellow), "{}", usual.name);
        }
    }

    #[test]
    fn every_role_has_one_row_and_kinds_differ() {
        for usual in &USUAL {
            assert_eq!(USUAL.iter().filter(|other| other.role == usual.role || other.name == usual.name).count(), 1);
        }
        assert_eq!(Role::Foreign as usize + 1, USUAL.len());
        for colours in [Colours::Basic, Colours::Indexed, Colours::True] {
            let kinds = [Role::Pages, Role::Wc, Role::Coherent].map(|role| Palette::default().style(role, colours));
            assert!(kinds[0] != kinds[1] && kinds[1] != kinds[2] && kinds[0] != kinds[2], "{colours:?}");
        }
    }

    #[test]
    fn a_wanted_colour_is_shown_as_well_as_the_terminal_can() {
        let palette = Palette::default().with("wc", Color::Rgb(250, 100, 0)).unwrap();
        let ink = |colours| palette.style(Role::Wc, colours).fg;
        assert_eq!(ink(Colours::True), Some(Color::Rgb(250, 100, 0)));
        assert_eq!(ink(Colours::Indexed), Some(Color::Indexed(202)));
        assert_eq!((ink(Colours::Basic), ink(Colours::Never)), (Some(Color::Black), None));
        assert_eq!(palette.with("fnord", Color::Red), None);
        let usual = palette.written("warning").unwrap().parse().unwrap();
        assert_eq!(palette.with("warning", usual), Some(palette), "what is written is read as the same");
    }
}
