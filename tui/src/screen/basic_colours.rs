//! The eight basic colours as every terminal with colours knows them.
//!
//! crossterm writes them as colours of a palette of 256 (`38;5;2`), where a terminal that has eight reads 5 as "blink" and 2 as
//! "faint"; their own numbers are 30 to 37 and 40 to 47 (ECMA-48, 8.3.117 SGR), which all terminals with more colours know too.

use std::io::{self, Write};

/// Writes what is drawn, its colours by their own numbers. Nothing goes on before it is flushed: a sequence can come in pieces.
#[derive(Debug)]
pub struct BasicColours<W> {
    out: W,
    drawn: Vec<u8>,
}

impl<W: Write> BasicColours<W> {
    /// Writes to this.
    pub fn new(out: W) -> Self {
        Self { out, drawn: Vec::new() }
    }
}

impl<W: Write> Write for BasicColours<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.drawn.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let drawn = std::mem::take(&mut self.drawn);
        self.out.write_all(&translated(&drawn))?;
        self.out.flush()
    }
}

/// How every sequence begins that sets a look (CSI).
const BEGIN: &[u8] = b"\x1b[";

fn translated(drawn: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(drawn.len());
    let mut rest = drawn;
    while let Some(place) = rest.windows(BEGIN.len()).position(|bytes| bytes == BEGIN) {
        let (before, sequence) = rest.split_at(place + BEGIN.len());
        written.extend_from_slice(before);
        let length = sequence.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';')).unwrap_or(sequence.len());
        let (parameters, behind) = sequence.split_at(length);
        match std::str::from_utf8(parameters) {
            Ok(parameters) if behind.first() == Some(&b'm') => written.extend_from_slice(own_numbers(parameters).as_bytes()),
            _ => written.extend_from_slice(parameters),
        }
        rest = behind;
    }
    written.extend_from_slice(rest);
    written
}

/// The parameters of a look, those of a palette's first eight colours by their own numbers.
fn own_numbers(parameters: &str) -> String {
    let mut left = parameters.split(';').peekable();
    let mut own = Vec::new();
    while let Some(parameter) = left.next() {
        let base = match parameter {
            "38" => 30,
            "48" => 40,
            _ => 0,
        };
        if base == 0 || left.peek() != Some(&"5") {
            own.push(parameter.to_owned());
            continue;
        }
        left.next();
        match left.next().map(str::parse::<u16>) {
            Some(Ok(colour @ 0..=7)) => own.push((base + colour).to_string()),
            Some(Ok(colour)) => own.push(format!("{parameter};5;{colour}")),
            _ => own.push(format!("{parameter};5")),
        }
    }
    own.join(";")
}

#[cfg(test)]
mod tests {
    use ratatui::backend::{Backend, CrosstermBackend};
    use ratatui::buffer::Cell;
    use ratatui::style::Style;

    use super::*;
    use crate::screen::theme::Theme;

    #[test]
    fn the_first_eight_colours_have_their_own_numbers_and_the_rest_is_as_it_was() {
        let written = |drawn: &str| String::from_utf8(translated(drawn.as_bytes())).unwrap();
        assert_eq!(written("\x1b[38;5;2mgood\x1b[39m"), "\x1b[32mgood\x1b[39m");
        assert_eq!(written("\x1b[38;5;3;48;5;0;1m"), "\x1b[33;40;1m");
        let others = "\x1b[38;5;9m\x1b[38;2;5;2;1m\x1b[2;5H\x1b[?25l38;5;2m – \x1b[";
        assert_eq!(written(others), others);
    }

    #[test]
    fn what_the_theme_draws_needs_a_terminal_of_eight_colours() {
        let theme = Theme::colourful();
        let mut drawn = Vec::new();
        {
            let mut screen = CrosstermBackend::new(BasicColours::new(&mut drawn));
            let looks: [Style; 4] = [theme.good(), theme.warning(), theme.bad(), theme.bar()];
            let cells: Vec<Cell> = looks.map(|look| Cell::new("x").set_style(look).clone()).to_vec();
            screen.draw(cells.iter().enumerate().map(|(column, cell)| (column as u16, 0, cell))).unwrap();
            Backend::flush(&mut screen).unwrap();
        }
        let text = String::from_utf8(drawn).unwrap();
        assert!(!text.contains("8;5;") && ["32", "43", "31", "36"].iter().all(|number| text.contains(number)), "{text:?}");
    }
}
