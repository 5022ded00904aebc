//! A picture of the screen as SVG: a text for each run of characters that look alike, and rectangles for blocks and backgrounds.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use svg::Document;
use svg::node::element::{Group, Rectangle, Text};

use super::block::block;
use super::colour::{Ground, hex};

/// A cell, in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 17.0;
/// Of the letters.
const SIZE: f64 = 14.0;
/// From a cell's top to the line that letters stand on.
const BASELINE: f64 = 13.0;
/// Around everything.
const MARGIN: f64 = 8.0;
const DIM: f64 = 0.6;

/// The picture, on this ground.
pub fn svg(picture: &Buffer, ground: Ground) -> String {
    let (columns, lines) = (picture.area.width, picture.area.height);
    let (width, height) = (f64::from(columns) * WIDTH + 2.0 * MARGIN, f64::from(lines) * HEIGHT + 2.0 * MARGIN);
    let paper = Rectangle::new().set("width", "100%").set("height", "100%").set("rx", 6).set("fill", ground.paper());
    let mut all = Group::new()
        .set("font-family", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
        .set("font-size", SIZE)
        .set("fill", ground.ink());
    for (line, cells) in picture.content().chunks(columns.into()).enumerate() {
        all = draw_line(all, line, cells, ground);
    }
    let document = Document::new().set("viewBox", (0, 0, rounded(width), rounded(height))).add(paper).add(all);
    document.to_string() + "\n"
}

fn draw_line(mut all: Group, line: usize, cells: &[Cell], ground: Ground) -> Group {
    let mut column = 0;
    while column < cells.len() {
        let length = cells[column..].iter().take_while(|cell| Look::of(cell, ground) == Look::of(&cells[column], ground)).count();
        let look = Look::of(&cells[column], ground);
        all = draw_run(all, line, column, &cells[column..column + length], &look);
        column += length;
    }
    all
}

/// Cells that look alike, from this column on.
fn draw_run(mut all: Group, line: usize, column: usize, cells: &[Cell], look: &Look) -> Group {
    if let Some(behind) = &look.behind {
        all = all.add(rectangle(column as f64, line as f64, cells.len() as f64, 1.0).set("fill", behind.as_str()));
    }
    let mut words = String::new();
    let mut begins = column;
    for (place, cell) in cells.iter().enumerate() {
        let Some(block) = block(cell.symbol()) else {
            words.push_str(cell.symbol());
            continue;
        };
        all = draw_text(all, line, begins, &words, look);
        words.clear();
        begins = column + place + 1;
        let (x, y) = ((column + place) as f64 + block.x, line as f64 + block.y);
        let mut drawn = rectangle(x, y, block.width, block.height);
        if let Some(ink) = &look.ink {
            drawn = drawn.set("fill", ink.as_str());
        }
        if block.opacity < 1.0 {
            drawn = drawn.set("fill-opacity", block.opacity);
        }
        all = all.add(drawn);
    }
    draw_text(all, line, begins, &words, look)
}

/// Words from a column on, each as wide as its cells: the reader's font may have other widths.
fn draw_text(mut all: Group, line: usize, column: usize, words: &str, look: &Look) -> Group {
    let mut rest = words;
    let mut at = column;
    while !rest.trim_start().is_empty() {
        let word = rest.trim_start();
        at += rest.len() - word.len();
        // Where there are two spaces, something else begins.
        let end = word.find("  ").unwrap_or(word.trim_end().len());
        let word_width = grantscope_analysis::shown::width(&word[..end]);
        let mut text = Text::new(&word[..end])
            .set("x", rounded(MARGIN + at as f64 * WIDTH))
            .set("y", rounded(MARGIN + line as f64 * HEIGHT + BASELINE))
            .set("textLength", rounded(word_width as f64 * WIDTH));
        if let Some(ink) = &look.ink {
            text = text.set("fill", ink.as_str());
        }
        if look.is_bold {
            text = text.set("font-weight", "bold");
        }
        if look.is_dim {
            text = text.set("fill-opacity", DIM);
        }
        all = all.add(text);
        at += word_width;
        rest = &word[end..];
    }
    all
}

fn rectangle(column: f64, line: f64, width: f64, height: f64) -> Rectangle {
    Rectangle::new()
        .set("x", rounded(MARGIN + column * WIDTH))
        .set("y", rounded(MARGIN + line * HEIGHT))
        .set("width", rounded(width * WIDTH))
        .set("height", rounded(height * HEIGHT))
}

/// The same on every machine, whatever it makes of the last digits.
fn rounded(pixels: f64) -> f64 {
    (pixels * 100.0).round() / 100.0
}

/// How a cell looks; what is `None` is as everything is.
#[derive(PartialEq)]
struct Look {
    ink: Option<String>,
    behind: Option<String>,
    is_bold: bool,
    is_dim: bool,
}

impl Look {
    fn of(cell: &Cell, ground: Ground) -> Self {
        let is = |modifier| cell.modifier.contains(modifier);
        let of = |colour: Color| hex(colour, ground);
        let (mut ink, mut behind) = (of(cell.fg), of(cell.bg));
        if is(Modifier::REVERSED) {
            let paper = behind.unwrap_or_else(|| ground.paper().to_owned());
            behind = Some(ink.unwrap_or_else(|| ground.ink().to_owned()));
            ink = Some(paper);
        }
        Self { ink, behind, is_bold: is(Modifier::BOLD), is_dim: is(Modifier::DIM) }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn drawn(text: &str, style: Style) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_string(0, 0, text, style);
        svg(&buffer, Ground::Dark)
    }

    #[test]
    fn text_stands_at_its_column_and_is_as_wide_as_its_cells() {
        let drawn = drawn("a<b  cd", Style::new());
        assert!(drawn.contains("a&lt;b"), "{drawn}");
        assert!(drawn.contains(r#"textLength="25.2" x="8""#) && drawn.contains(r#"textLength="16.8" x="50""#), "{drawn}");
    }

    #[test]
    fn what_is_reversed_has_a_background_and_the_ground_for_ink() {
        let drawn = drawn("x", Style::new().add_modifier(Modifier::REVERSED));
        assert!(drawn.contains(r##"<rect fill="#e6e6e6""##) && drawn.contains(r##"fill="#1e1e1e" textLength="8.4""##), "{drawn}");
    }

    #[test]
    fn blocks_are_drawn_and_not_written() {
        let drawn = drawn("█▂", Style::new().fg(Color::Red));
        assert!(!drawn.contains('█') && drawn.matches("#ff6b6b").count() == 2, "{drawn}");
    }
}
