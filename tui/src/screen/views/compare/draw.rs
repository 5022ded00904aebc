//! Buffer kinds side by side, with their ratios; below, the stages of the selected row in all kinds.

use grantscope_analysis::column::COLUMNS;
use grantscope_analysis::compare::{KINDS, RATIOS, Ratio, Row, StageMeans};
use grantscope_analysis::decide::Verdict;
use grantscope_analysis::shown::{Shown, width as width_of};
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};

use crate::screen::command::{Command, ViewId};
use crate::screen::keys::Keys;
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::theme::{Theme, blocks as blocks_of};
use crate::screen::views::compare::judged::{ERROR_RATE, Judged, LIMIT, OfRow};
use crate::screen::views::compare::state::{Compare, Comparison};
use crate::screen::widgets::kinds::named;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::visible::visible;
use crate::screen::widgets::wrap::wrap;
use crate::screen::widgets::{bar, meaning};

/// Of the column of names, where none is longer.
const NAME_WIDTH: usize = 14;
const PAGES_WIDTH: usize = 8;
const VALUE_WIDTH: usize = 9;
const COUNT_WIDTH: usize = 8;
const STAGE_WIDTH: usize = 17;
/// Names are cut to this at most.
const LEAST_NAME: usize = 12;
/// So many rows are shown before anything is said about them.
const LEAST_ROWS: usize = 3;
/// A bar that is shorter says nothing.
const LEAST_BAR: usize = 4;
/// A longer one says no more.
const LONGEST_BAR: usize = 30;

/// Draws the comparison.
pub fn draw(canvas: &mut Canvas, area: Rect, compare: &Compare, keys: &Keys, theme: &Theme) {
    let notes = notes(compare, keys, area.width.into());
    let (above, below) = parts(area.height, compare, notes.len());
    let parts = [Constraint::Length(above), Constraint::Length(below), Constraint::Min(0)];
    let [upper, lower, _] = Layout::vertical(parts).areas(area);
    draw_rows(canvas, upper, compare, notes, keys, theme);
    draw_stages(canvas, lower, compare, keys, theme);
}

/// How many rows have room on this screen.
pub fn rows_seen(compare: &Compare, common: &Common) -> usize {
    let notes = notes(compare, &common.keys, common.size.columns).len();
    let (above, _) = parts(common.body_lines, compare, notes);
    let inner = usize::from(above).saturating_sub(1);
    inner.saturating_sub(1 + notes_seen(compare, notes, inner))
}

/// The row in this line, of which the first two are a title and the heading.
pub fn row_at(line: usize, compare: &Compare, common: &Common) -> Option<usize> {
    visible(compare.selected().unwrap_or(0), compare.comparison.rows.len(), rows_seen(compare, common)).nth(line.checked_sub(2)?)
}

/// The lines of the rows with their notes, and those of the stages below them.
fn parts(height: u16, compare: &Compare, notes: usize) -> (u16, u16) {
    let stages = compare.stages.len() as u16;
    let below = if stages == 0 { 0 } else { (stages + 4).min(height / 2) };
    let rows = (compare.comparison.rows.len().max(1) + 2 + notes) as u16;
    (rows.min(height.saturating_sub(below)), below)
}

/// How many lines of notes have room: a heading and some rows come first.
fn notes_seen(compare: &Compare, notes: usize, height: usize) -> usize {
    notes.min(height.saturating_sub(1 + compare.comparison.rows.len().min(LEAST_ROWS)))
}

fn draw_rows(canvas: &mut Canvas, area: Rect, compare: &Compare, notes: Vec<String>, keys: &Keys, theme: &Theme) {
    let metric = &COLUMNS[compare.metric];
    let key = keys.shown(Command::Metric);
    let name = metric.heading;
    let title = format!(" {name} of successful operations by buffer kind, and its ratios ({key}: next metric) ");
    let inner = titled(canvas, area, &title, theme);
    let notes_seen = notes_seen(compare, notes.len(), inner.height.into());
    let notes: Vec<_> = notes.into_iter().take(notes_seen).collect();
    let parts = [Constraint::Min(0), Constraint::Length(notes.len() as u16)];
    let [inner, bottom] = Layout::vertical(parts).areas(inner);
    canvas.render_widget(Text::from_iter(notes), bottom);
    if compare.comparison.rows.is_empty() {
        canvas.render_widget(Text::from("No operation has succeeded with more than one buffer kind so far."), inner);
        return;
    }
    let rows = lined(compare);
    let columns = Columns::fitting(inner.width.into(), &rows);
    let mut lines = vec![Line::from(named(&columns.heading(), &KINDS, theme)).style(theme.heading())];
    let height = usize::from(inner.height).saturating_sub(1);
    for index in visible(compare.selected().unwrap_or(0), compare.comparison.rows.len(), height) {
        let line = columns.line(&rows[index], compare.selected() == Some(index));
        lines.push(Line::styled(line, if compare.selected() == Some(index) { theme.selected() } else { Default::default() }));
    }
    canvas.render_widget(Text::from(lines), inner);
}

/// What is not in the table, and what is to know about what is.
fn notes(compare: &Compare, keys: &Keys, width: usize) -> Vec<String> {
    let Comparison { rows, alone, across } = &compare.comparison;
    let lined = lined(compare);
    let columns = Columns::fitting(width, &lined);
    let lines: Vec<_> = lined.iter().map(|row| columns.line(row, false)).collect();
    let mut notes = Vec::new();
    if let Some(row) = compare.selected().map(|index| &rows[index]) {
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

/// A row with what is said of it.
struct Lined<'a> {
    row: &'a Row,
    judged: OfRow,
}

fn lined(compare: &Compare) -> Vec<Lined<'_>> {
    let judged = compare.judged.iter().copied().chain(std::iter::repeat([None; RATIOS.len()]));
    compare.comparison.rows.iter().zip(judged).map(|(row, judged)| Lined { row, judged }).collect()
}

impl Lined<'_> {
    /// One of [`RATIOS`], or that there is no difference.
    fn ratio(&self, place: usize) -> String {
        let ratio = text::ratio(self.row.ratio(RATIOS[place].of, RATIOS[place].base));
        match self.judged[place].map(|judged| judged.verdict) {
            Some(Verdict::Equivalent) => SAME.to_owned(),
            Some(Verdict::Inconclusive) => format!("{ratio}{OPEN}"),
            Some(Verdict::Regressed | Verdict::Improved) | None => ratio,
        }
    }
}

/// In place of a quotient that is 1.
const SAME: &str = "same";
/// Behind a quotient of which it is not known whether it is one.
const OPEN: &str = "?";

/// What these mean.
fn legend() -> String {
    format!(
        "{SAME}: for sure within {LIMIT}; {OPEN}: not decided. All of it is wrong with a chance of at most {} %.",
        ERROR_RATE * 100.0
    )
}

fn ratio_width(place: usize, rows: &[Lined<'_>]) -> usize {
    rows.iter().map(|row| width_of(&row.ratio(place))).fold(width_of(RATIOS[place].heading), usize::max)
}

/// What there is room for.
struct Columns {
    name: usize,
    value: usize,
    /// How many kinds.
    kinds: usize,
    /// The widths of the ratios that are shown.
    ratios: Vec<usize>,
    counts: bool,
}

impl Columns {
    fn fitting(width: usize, rows: &[Lined<'_>]) -> Self {
        let name = text::name_width(rows.iter().map(|lined| lined.row.name()), NAME_WIDTH);
        let values = rows.iter().flat_map(|lined| lined.row.values()).map(|value| width_of(&text::maybe(value)));
        let value = values.fold(VALUE_WIDTH, usize::max);
        let most = 2 + name + 1 + PAGES_WIDTH + KINDS.len() * (value + 1);
        // Of what does not fit, names are cut, then kinds left out: a number without its end is another number.
        let name = name - most.saturating_sub(width).min(name.saturating_sub(LEAST_NAME));
        let kinds = (width.saturating_sub(2 + name + 1 + PAGES_WIDTH) / (value + 1)).min(KINDS.len());
        let fixed = 2 + name + 1 + PAGES_WIDTH + kinds * (value + 1);
        let mut ratios: Vec<_> = (0..RATIOS.len()).map(|place| ratio_width(place, rows)).collect();
        let needed = |ratios: &[usize]| fixed + ratios.iter().map(|ratio| 1 + ratio).sum::<usize>();
        while !ratios.is_empty() && needed(&ratios) > width {
            ratios.pop();
        }
        let counts = needed(&ratios) + KINDS.len() * (COUNT_WIDTH + 5) <= width;
        Self { name, value, kinds, ratios, counts }
    }

    fn ratios(&self) -> impl Iterator<Item = (&Ratio, usize)> {
        RATIOS.iter().zip(self.ratios.iter().copied())
    }

    fn heading(&self) -> String {
        let mut line = format!("  {:<name$} {:>PAGES_WIDTH$}", "operation", "n pages", name = self.name);
        for kind in &KINDS[..self.kinds] {
            line.push_str(&format!(" {:>width$}", kind.name(), width = self.value));
        }
        for (ratio, width) in self.ratios() {
            line.push_str(&format!(" {:>width$}", ratio.heading));
        }
        for kind in KINDS.iter().filter(|_| self.counts) {
            let width = COUNT_WIDTH + 4;
            line.push_str(&format!(" {:>width$}", format!("ops {}", kind.name())));
        }
        line
    }

    fn line(&self, lined: &Lined<'_>, selected: bool) -> String {
        let row = lined.row;
        let marker = if selected { "▸" } else { " " };
        let name = text::shortened(&row.name(), self.name);
        let name = Shown(&name);
        let pages = if row.is_mixture() { "per page".to_owned() } else { text::pages(row.subject.pages) };
        let mut line = format!("{marker} {name:<width$} {pages:>PAGES_WIDTH$}", width = self.name);
        for value in row.values().into_iter().take(self.kinds) {
            line.push_str(&format!(" {:>width$}", text::maybe(value), width = self.value));
        }
        for (place, width) in self.ratios.iter().enumerate() {
            line.push_str(&format!(" {:>width$}", lined.ratio(place)));
        }
        for count in row.counts().into_iter().filter(|_| self.counts) {
            let width = COUNT_WIDTH + 4;
            line.push_str(&format!(" {:>width$}", text::count(count)));
        }
        line
    }
}

fn draw_stages(canvas: &mut Canvas, area: Rect, compare: &Compare, keys: &Keys, theme: &Theme) {
    let Some(row) = compare.selected().map(|index| &compare.comparison.rows[index]) else { return };
    let about = format!("{} · {}", row.name(), text::pages_spoken(row.subject.pages));
    let title = format!(" {about}: where the time goes, mean self time per operation ");
    let inner = titled(canvas, area, &title, theme);
    let bar = bar_width(inner.width.into());
    let stages = &compare.stages;
    let largest = stages.iter().flat_map(|row| row.means_ns).flatten().fold(0.0, f64::max);
    let mut lines = vec![stage_heading(bar, theme)];
    let intervals = intervals(compare, inner.width.into());
    let room = usize::from(inner.height).saturating_sub(2 + intervals.len());
    let shown = if stages.len() > room { room.saturating_sub(1) } else { stages.len() };
    lines.extend(stages[..shown].iter().map(|row| stage_line(row, largest, bar, theme)));
    if shown < stages.len() {
        let name = format!("{} more ({})", stages.len() - shown, keys.shown(Command::Open(ViewId("where"))));
        lines.push(Line::styled(sums(&name, &stages[shown..], bar), theme.frame()));
    }
    lines.push(Line::styled(sums("whole operation", stages, bar), theme.heading()));
    lines.extend(intervals.into_iter().map(Line::raw));
    canvas.render_widget(Text::from(lines), inner);
}

fn bar_width(width: usize) -> usize {
    let numbers = STAGE_WIDTH + KINDS.len() * (VALUE_WIDTH + 1);
    let bar = (width.saturating_sub(numbers) / KINDS.len()).saturating_sub(1);
    if bar < LEAST_BAR { 0 } else { bar.min(LONGEST_BAR) }
}

fn stage_heading(bar: usize, theme: &Theme) -> Line<'static> {
    let mut spans = vec![Span::raw(format!("{:<STAGE_WIDTH$}", "stage"))];
    KINDS.iter().for_each(|&kind| spans.extend(named(&cell(kind.name(), bar, ""), &[kind], theme)));
    Line::from(spans).style(theme.heading())
}

fn stage_line(row: &StageMeans, largest: f64, bar: usize, theme: &Theme) -> Line<'static> {
    let mut spans = vec![Span::raw(format!("{:<STAGE_WIDTH$}", row.stage.name()))];
    for (mean, kind) in row.means_ns.into_iter().zip(KINDS) {
        spans.push(Span::raw(format!(" {:>VALUE_WIDTH$}", units::maybe_duration(mean))));
        if bar > 0 {
            let blocks = bar::horizontal(mean.unwrap_or(0.0) / largest.max(1.0), bar);
            spans.push(Span::styled(format!(" {blocks:<bar$}"), blocks_of(theme.kind(Some(kind)))));
        }
    }
    Line::from(spans)
}

/// Self times add up to the mean of the whole operation.
fn sums(name: &str, stages: &[StageMeans], bar: usize) -> String {
    let sum = |kind: usize| {
        let means: Vec<f64> = stages.iter().filter_map(|row| row.means_ns[kind]).collect();
        (!means.is_empty()).then(|| means.iter().sum())
    };
    let sums: String = (0..KINDS.len()).map(|kind| cell(&units::maybe_duration(sum(kind)), bar, "")).collect();
    format!("{name:<STAGE_WIDTH$}{sums}")
}

/// Between what the selected row's quotients lie.
fn intervals(compare: &Compare, width: usize) -> Vec<String> {
    let Some(judged) = compare.selected().and_then(|index| compare.judged.get(index)) else { return Vec::new() };
    let each = RATIOS.iter().zip(judged).filter_map(|(ratio, judged)| {
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

fn cell(number: &str, bar: usize, blocks: &str) -> String {
    let gap = usize::from(bar > 0);
    format!(" {number:>VALUE_WIDTH$}{:gap$}{blocks:<bar$}", "")
}
