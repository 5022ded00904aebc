//! Where the time goes: the stages of the selected row. Shares add up to 100 %.

use grantscope_analysis::quantile::P50;
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};

use crate::screen::keys::Keys;
use crate::screen::model::detail::{Detail, StageRow};
use crate::screen::open::WHERE;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::wrap::wrap;
use crate::screen::widgets::{bar, meaning};

const NAME_WIDTH: usize = 16;
const SHARE_WIDTH: usize = 7;
const NUMBER_WIDTH: usize = 9;
/// A bar that is shorter says nothing.
const LEAST_BAR: usize = 6;

/// A number of a stage.
#[derive(Clone, Copy)]
struct Number {
    heading: &'static str,
    value: fn(&StageRow) -> String,
    whole: fn(&Detail) -> String,
}

/// In the order in which they get room.
const NUMBERS: [Number; 3] = [
    Number {
        heading: "self mean",
        value: |row| units::maybe_duration(row.mean_ns),
        whole: |detail| units::maybe_duration(detail.total.mean_ns().filter(|_| !detail.total.is_mixture())),
    },
    Number { heading: "self p50", value: |row| text::maybe(row.p50), whole: |detail| text::maybe(detail.total.quantile(&P50)) },
    Number {
        heading: "calls/op",
        value: |row| row.calls.map_or_else(|| text::UNKNOWN.to_owned(), calls),
        whole: |_| String::new(),
    },
];

/// Draws them, the largest share first.
pub fn draw(canvas: &mut Canvas, area: Rect, detail: &Detail, keys: &Keys, theme: &Theme) {
    let height = usize::from(area.height);
    let layout = layout(usize::from(area.width));
    let mut lines = vec![heading(&layout, theme)];
    // Heading and total take a line each.
    let room = height.saturating_sub(2);
    let hidden = detail.stages.len().saturating_sub(room);
    let shown = if hidden > 0 { room.saturating_sub(1) } else { detail.stages.len() };
    lines.extend(detail.stages[..shown].iter().map(|row| stage(row, &layout, theme)));
    if shown < detail.stages.len() {
        lines.push(rest(&detail.stages[shown..], keys, theme));
    }
    lines.push(whole(detail, &layout, theme));
    lines.extend(meanings(detail, area.width.into(), height.saturating_sub(lines.len() + 1), theme));
    canvas.render_widget(Text::from(lines), area);
}

/// What the stages are, those with the largest shares first, in the lines that are left; each whole, or not at all.
fn meanings(detail: &Detail, width: usize, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::raw("")];
    for row in &detail.stages {
        let words = wrap(&meaning::of_stage(row.stage), width);
        if lines.len() + words.len() > room + 1 {
            break;
        }
        lines.extend(words.into_iter().map(|line| Line::styled(line, theme.frame())));
    }
    lines
}

struct Layout {
    numbers: &'static [Number],
    bar: usize,
}

fn layout(width: usize) -> Layout {
    let fixed = NAME_WIDTH + SHARE_WIDTH + 1;
    let fits = |numbers: usize| fixed + LEAST_BAR + numbers * (NUMBER_WIDTH + 1) <= width;
    let count = (1..=NUMBERS.len()).rev().find(|&numbers| fits(numbers)).unwrap_or(0);
    let bar = width.saturating_sub(fixed + count * (NUMBER_WIDTH + 1));
    Layout { numbers: &NUMBERS[..count], bar }
}

fn heading(layout: &Layout, theme: &Theme) -> Line<'static> {
    let numbers = layout.numbers.iter().map(|number| number.heading.to_owned());
    let mut line = format!("{:<NAME_WIDTH$}{:>SHARE_WIDTH$} {:bar$}", "stage", "share", "", bar = layout.bar);
    line.push_str(&cells(numbers));
    Line::styled(line, theme.heading())
}

fn stage(row: &StageRow, layout: &Layout, theme: &Theme) -> Line<'static> {
    let blocks = bar::horizontal(f64::from(row.share_permille) / 1_000.0, layout.bar);
    Line::from(vec![
        Span::raw(format!("{:<NAME_WIDTH$}{:>SHARE_WIDTH$} ", row.stage.name(), text::share(row.share_permille))),
        Span::styled(format!("{blocks:<bar$}", bar = layout.bar), theme.bar()),
        Span::raw(cells(layout.numbers.iter().map(|number| (number.value)(row)))),
    ])
}

/// Stages for which there is no line: what they are together, so that the shares still add up.
fn rest(stages: &[StageRow], keys: &Keys, theme: &Theme) -> Line<'static> {
    let name = format!("{} more ({})", stages.len(), keys.shown(WHERE));
    let share = text::share(stages.iter().map(|row| row.share_permille).sum());
    Line::styled(format!("{name:<NAME_WIDTH$}{share:>SHARE_WIDTH$}"), theme.frame())
}

fn whole(detail: &Detail, layout: &Layout, theme: &Theme) -> Line<'static> {
    let share = text::share(detail.stages.iter().map(|row| row.share_permille).sum());
    let mut line = format!("{:<NAME_WIDTH$}{share:>SHARE_WIDTH$} {:bar$}", "whole operation", "", bar = layout.bar);
    line.push_str(&cells(layout.numbers.iter().map(|number| (number.whole)(detail))));
    Line::styled(line, theme.heading())
}

fn cells(numbers: impl Iterator<Item = String>) -> String {
    numbers.map(|number| format!(" {number:>NUMBER_WIDTH$}")).collect()
}

fn calls(calls: f64) -> String {
    if calls.fract() == 0.0 { format!("{calls:.0}") } else { format!("{calls:.2}") }
}
