//! Everything that is drawn, in ASCII: for terminals, fonts and locales that have nothing else. No view has to know of it.

use std::io::{self, Write};

use grantscope_analysis::shown::width;
use ratatui::buffer::Buffer;

use crate::screen::colours::Characters;

/// Characters that views draw, and one of ASCII for each: a picture is as wide as before. Blocks get the denser, the more they fill.
const FORMS: &[(&str, char)] = &[
    ("▁▏░", '.'),
    ("▂▎", ':'),
    ("▃▍", '-'),
    ("▄▌", '='),
    ("▅▋▒", '+'),
    ("▆▊", '*'),
    ("▇▉▓", '%'),
    ("█■", '#'),
    ("▀", '"'),
    ("▐│┃║", '|'),
    ("─━═–—−‐‑", '-'),
    ("┌┐└┘├┤┬┴┼╭╮╯╰╞╡", '+'),
    ("·", '|'),
    ("↑▲△", '^'),
    ("↓▼▽", 'v'),
    ("←◂◀", '<'),
    ("→▸▶…", '>'),
    ("µμ", 'u'),
    ("×✗", 'x'),
    ("÷", '/'),
    ("±≈", '~'),
    ("≤", '<'),
    ("≥", '>'),
    ("●•", '*'),
    ("○", 'o'),
    ("‘’", '\''),
    ("“”", '"'),
    ("\u{a0}", ' '),
];

/// In place of what has no form of its own: letters of names.
const OTHER: char = '?';

/// Replaces what is drawn.
pub fn draw(picture: &mut Buffer) {
    for cell in &mut picture.content {
        if !cell.symbol().is_ascii() {
            let written = text(cell.symbol());
            cell.set_symbol(&written);
        }
    }
}

/// A text, as wide as it was.
pub fn text(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            written.push(character);
        } else {
            let columns = width(character.encode_utf8(&mut [0; 4]));
            let form = form(character).unwrap_or(OTHER);
            written.extend(std::iter::repeat_n(form, columns));
        }
    }
    written
}

/// A text file or a terminal, which has these characters.
#[derive(Debug)]
pub struct Written<W> {
    /// Where it goes.
    pub to: W,
    /// What can be written there.
    pub characters: Characters,
}

impl<W: Write> Written<W> {
    /// Writes all of it, at once.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn text(&mut self, words: &str) -> io::Result<()> {
        match self.characters {
            Characters::Unicode => self.to.write_all(words.as_bytes())?,
            Characters::Ascii => self.to.write_all(text(words).as_bytes())?,
        }
        self.to.flush()
    }
}

fn form(character: char) -> Option<char> {
    FORMS.iter().find(|(characters, _)| characters.contains(character)).map(|&(_, form)| form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::fixtures::{picture, sweep, terminal, viewer};
    use crate::screen::theme::Theme;
    use crate::screen::views::VIEWS;

    #[test]
    fn every_view_of_a_lab_recording_is_drawn_in_ascii_and_loses_no_sign() {
        for open in VIEWS.iter().map(|row| row.key.map(|key| key.command)) {
            for size in [(80, 24), (160, 48), (300, 120)] {
                let app = viewer(size, sweep(), open.as_slice());
                let theme = Theme::plain().written_in(Characters::Ascii);
                let terminal = terminal(size, &app, &theme);
                for cell in terminal.backend().buffer().content() {
                    assert!(cell.symbol().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{open:?}: {:?}", cell.symbol());
                }
                let unknown = picture(size, &app).chars().find(|sign| !sign.is_ascii() && form(*sign).is_none());
                assert_eq!(unknown, None, "{open:?} draws a sign that has no form in ASCII: give it one");
            }
        }
    }

    #[test]
    fn a_text_is_as_wide_as_before() {
        assert_eq!(text("▸ 1.5 µs–2 ms ÷ 3× ▁█ ± é 計 e\u{301}"), "> 1.5 us-2 ms / 3x .# ~ ? ?? e");
        for (characters, _) in FORMS {
            assert_eq!(width(&text(characters)), width(characters), "{characters}");
        }
    }

    #[test]
    fn fuller_blocks_are_darker_and_no_two_heights_look_alike() {
        let forms: Vec<_> = "▁▂▃▄▅▆▇█".chars().map(|block| form(block).unwrap()).collect();
        let different: std::collections::HashSet<_> = forms.iter().collect();
        assert_eq!((different.len(), forms.first(), forms.last()), (8, Some(&'.'), Some(&'#')));
        let from_left: String = "▏▎▍▌▋▊▉█".chars().filter_map(form).collect();
        assert_eq!(from_left, forms.iter().collect::<String>());
    }
}
