//! Buffer kinds side by side, with their ratios; below, the stages of the selected row in all kinds.

use grantscope_analysis::column::COLUMNS;
use grantscope_analysis::compare::{KINDS, RATIOS, Row};
use grantscope_analysis::decide::Verdict;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};

use crate::screen::command::{Command, ViewId};
use crate::screen::keys::Keys;
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::views::compare::columns::{Columns, OPEN, SAME, lined};
use crate::screen::views::compare::judged::{ERROR_RATE, Judged, LIMIT};
use crate::screen::views::compare::stages::Table;
use crate::screen::views::compare::state::{Compare, Comparison};
use crate::screen::widgets::kinds::named;
use crate::screen::widgets::meaning;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::visible::visible;
use crate::screen::widgets::wrap::{first_of, wrap};

/// In a lower body all lines are for the rows.
const LEAST_WITH_STAGES: u16 = 12;
/// So many rows are shown before anything is said about them.
const LEAST_ROWS: usize = 3;
/// That there is nothing to compare takes as many on a narrow terminal.
const LEAST_LINES_OF_NONE: usize = 2;
/// And so many where there are no stages below them.
const LEAST_ROWS_ALONE: usize = 4;

/// Draws the comparison.
pub fn draw(canvas: &mut Canvas, area: Rect, compare: &Compare, keys: &Keys, theme: &Theme) {
    let notes = notes(compare, keys, area.width.into(), area.height);
    let (above, below) = parts(area.height, compare, notes.len());
    let parts = [Constraint::Length(above), Constraint::Length(below), Constraint::Min(0)];
    let [upper, lower, _] = Layout::vertical(parts).areas(area);
    draw_rows(canvas, upper, compare, (notes, below > 0), keys, theme);
    draw_stages(canvas, lower, compare, keys, theme);
}

/// How many rows have room on this screen.
pub fn rows_seen(compare: &Compare, common: &Common) -> usize {
    let notes = notes(compare, &common.keys, common.size.columns, common.body_lines).len();
    let (above, _) = parts(common.body_lines, compare, notes);
    let inner = usize::from(above).saturating_sub(1);
    inner.saturating_sub(1 + notes_seen(compare, notes, inner, has_stages(common.body_lines, compare)))
}

/// The row in this line, of which the first two are a title and the heading.
pub fn row_at(line: usize, compare: &Compare, common: &Common) -> Option<usize> {
    visible(compare.selected().unwrap_or(0), compare.comparison.rows.len(), rows_seen(compare, common)).nth(line.checked_sub(2)?)
}

/// Whether a body of this height has room for stages, and there are some.
fn has_stages(height: u16, compare: &Compare) -> bool {
    !compare.stages.is_empty() && height >= LEAST_WITH_STAGES
}

/// The lines of the rows with their notes, and those of the stages below them.
fn parts(height: u16, compare: &Compare, notes: usize) -> (u16, u16) {
    let stages = compare.stages.len() as u16;
    let below = if has_stages(height, compare) { (stages + 4).min(height / 2) } else { 0 };
    let rows = (compare.comparison.rows.len().max(LEAST_LINES_OF_NONE) + 2 + notes) as u16;
    (rows.min(height.saturating_sub(below)), below)
}

/// How many lines of notes have room: a heading and some rows come first, more of them where no stages stand below.
fn notes_seen(compare: &Compare, notes: usize, height: usize, has_stages: bool) -> usize {
    let least = if has_stages { LEAST_ROWS } else { LEAST_ROWS_ALONE };
    let rows = compare.comparison.rows.len();
    // Without rows, a sentence takes the place of the heading too.
    let rows = if rows == 0 { LEAST_LINES_OF_NONE - 1 } else { rows.min(least) };
    notes.min(height.saturating_sub(1 + rows))
}

/// The rows, and their notes, above stages or alone.
fn draw_rows(canvas: &mut Canvas, area: Rect, compare: &Compare, notes: (Vec<String>, bool), keys: &Keys, theme: &Theme) {
    let (notes, has_stages) = notes;
    let metric = &COLUMNS[compare.metric];
    let key = keys.shown(Command::Metric);
    let rows = lined(compare);
    let columns = Columns::fitting(area.width.into(), &rows, compare.quotient);
    let title = if columns.is_one() {
        let next = RATIOS[compare.next_quotient()].heading;
        format!(" {} ({key}: next metric), {}: {next} ", metric.heading, keys.shown(Command::NextPane))
    } else {
        format!(" {} of successful operations by buffer kind, and its ratios ({key}: next metric) ", metric.heading)
    };
    let inner = titled(canvas, area, &title, theme);
    let notes_seen = notes_seen(compare, notes.len(), inner.height.into(), has_stages);
    let notes = first_of(notes, notes_seen, inner.width.into());
    let parts = [Constraint::Min(0), Constraint::Length(notes.len() as u16)];
    let [inner, bottom] = Layout::vertical(parts).areas(inner);
    canvas.render_widget(Text::from_iter(notes), bottom);
    if compare.comparison.rows.is_empty() {
        let lines = wrap("No operation has succeeded with more than one buffer kind so far.", inner.width.into());
        canvas.render_widget(Text::from_iter(first_of(lines, inner.height.into(), inner.width.into())), inner);
        return;
    }
    let mut lines = vec![Line::from(named(&columns.heading(), &KINDS, theme)).style(theme.heading())];
    let height = usize::from(inner.height).saturating_sub(1);
    for index in visible(compare.selected().unwrap_or(0), compare.comparison.rows.len(), height) {
        let line = columns.line(&rows[index], compare.selected() == Some(index));
        lines.push(Line::styled(line, if compare.selected() == Some(index) { theme.selected() } else { Default::default() }));
    }
    canvas.render_widget(Text::from(lines), inner);
}

/// What is not in the table, and what is to know about what is.
fn notes(compare: &Compare, keys: &Keys, width: usize, height: u16) -> Vec<String> {
    let Comparison { rows, alone, across } = &compare.comparison;
    let lined = lined(compare);
    let columns = Columns::fitting(width, &lined, compare.quotient);
    let lines: Vec<_> = lined.iter().map(|row| columns.line(row, false)).collect();
    let mut notes = Vec::new();
    // Else all of them stand below the stages.
    if columns.is_one() && !has_stages(height, compare) {
        notes.extend(intervals(compare, |place| place == compare.quotient, width));
    }
    // The table says it too.
    let has_room = height >= LEAST_WITH_STAGES;
    if let Some(row) = compare.selected().map(|index| &rows[index]).filter(|_| has_room) {
        notes.extend(meaning::lines(&meaning::of_row(&row.subject, &[]), width, 1));
    }
    if text::is_marked(&lines) {
        notes.push(text::legend(width, keys));
    }
    if compare.judged.iter().flatten().any(Option::is_some) {
        notes.extend(wrap(&legend(), width));
    }
    if !alone.is_empty() {
        notes.extend(wrap(&format!("Seen with one buffer kind only: {}.", alone.join(", ")), width));
    }
    if !across.is_empty() {
        notes.extend(wrap(&format!("Compared across domains: {}.", across.join(", ")), width));
    }
    if rows.iter().any(Row::is_mixture) {
        let key = keys.shown(Command::MergePages);
        let per_page = "Page counts are added up: the metric of each divided by its pages, and ratios of equal page counts, from the \
                        least to the most";
        notes.extend(wrap(&format!("{per_page} ({key}: split them, to see where the time goes)."), width));
    }
    notes
}

/// What these mean.
fn legend() -> String {
    format!(
        "{SAME}: for sure within {LIMIT}; {OPEN}: not decided. All of it is wrong with a chance of at most {} %.",
        ERROR_RATE * 100.0
    )
}

fn draw_stages(canvas: &mut Canvas, area: Rect, compare: &Compare, keys: &Keys, theme: &Theme) {
    let Some(row) = compare.selected().map(|index| &compare.comparison.rows[index]) else { return };
    let about = format!("{} · {}", row.name(), text::pages_spoken(row.subject.pages));
    let title = format!(" {about}: where the time goes, mean self time per operation ");
    let inner = titled(canvas, area, &title, theme);
    let stages = &compare.stages;
    let table = Table::of(compare, inner.width.into());
    let mut lines = vec![table.heading(theme)];
    let intervals = intervals(compare, |_| true, inner.width.into());
    let room = usize::from(inner.height).saturating_sub(2 + intervals.len());
    let shown = if stages.len() > room { room.saturating_sub(1) } else { stages.len() };
    lines.extend(stages[..shown].iter().map(|row| table.line(row, theme)));
    if shown < stages.len() {
        let name = format!("{} more ({})", stages.len() - shown, keys.shown(Command::Open(ViewId("where"))));
        lines.push(Line::styled(table.sums(&name, &stages[shown..]), theme.frame()));
    }
    lines.push(Line::styled(table.sums("whole operation", stages), theme.heading()));
    lines.extend(intervals.into_iter().map(Line::raw));
    canvas.render_widget(Text::from(lines), inner);
}

/// Between what those of the selected row's quotients lie that are wanted.
fn intervals(compare: &Compare, is_wanted: impl Fn(usize) -> bool, width: usize) -> Vec<String> {
    let Some(judged) = compare.selected().and_then(|index| compare.judged.get(index)) else { return Vec::new() };
    let each = RATIOS.iter().zip(judged).enumerate().filter(|(place, _)| is_wanted(*place)).filter_map(|(_, (ratio, judged))| {
        let Judged { verdict, interval: (low, high) } = (*judged)?;
        let word = match verdict {
            Verdict::Regressed => "slower",
            Verdict::Improved => "faster",
            Verdict::Equivalent => SAME,
            Verdict::Inconclusive => "not decided",
        };
        let high = high.map_or("…".to_owned(), |high| format!("{high:.3}"));
        Some(format!("{} {word} [{low:.3}, {high}]", ratio.heading))
    });
    let line = each.collect::<Vec<_>>().join(" · ");
    if line.is_empty() { Vec::new() } else { wrap(&line, width) }
}
