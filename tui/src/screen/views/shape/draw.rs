//! A histogram for each kind of buffer, one below the other on one logarithmic axis, and all numbers of the selected row.

use grantscope_analysis::column::{COLUMNS, Cell, METRICS, place};
use grantscope_analysis::decide::Modes;
use grantscope_analysis::shown::{counted, width as width_of};
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};

use super::state::{Kind, Shape};
use crate::screen::model::common::Common;
use crate::screen::model::detail::Detail;
use crate::screen::text;
use crate::screen::theme::{Theme, blocks};
use crate::screen::widgets::histogram::Axis;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::wrap::{first_of, fitted, wrap};
use crate::screen::widgets::{detail, meaning};

/// With fewer lines than this, each is needed for the histograms.
const LEAST_WITH_WORDS: u16 = 24;
/// A body of fewer lines has none for what the mark before a quantile means; the help says it.
const LOW: u16 = 12;
/// Of a kind: its name, one line of bars, and its quantiles.
const LEAST_OF_KIND: usize = 3;
/// The line below all bars, and the times.
const AXIS_LINES: usize = 2;

/// In place of the histograms.
const NO_ROOM: &str = "no room for histograms: more lines show them";

/// Draws it.
pub fn draw(canvas: &mut Canvas, area: Rect, view: &Shape, common: &Common, theme: &Theme) {
    let Some(row) = common.listing.detail() else {
        canvas.render_widget(Text::from("Nothing was recorded so far."), area);
        return;
    };
    let mut numbers = wrap(&numbers(row), area.width.into());
    if area.height >= LEAST_WITH_WORDS {
        numbers.extend(wrap(&meaning::of_row(&row.group, &[]), area.width.into()));
    }
    let is_low = area.height < LOW;
    if !is_low && (row.is_marked() || text::is_marked(&numbers)) {
        numbers.push(text::legend(area.width.into(), &common.keys));
    }
    let inner = titled(canvas, area, &format!(" {} ", text::group(&row.group, row.shows_domain)), theme);
    let causes = detail::causes_in_words(row);
    // A line each is for why it failed, and for what there is no room for.
    let most = usize::from(inner.height).saturating_sub(1 + usize::from(!causes.is_empty()));
    let numbers = first_of(numbers, most, area.width.into());
    let parts = [Constraint::Length(numbers.len() as u16), Constraint::Min(0)];
    let [top, rest] = Layout::vertical(parts).areas(inner);
    canvas.render_widget(Text::from_iter(numbers), top);
    let rest = detail::why(canvas, rest, &causes, theme);
    let rest = detail::above(canvas, rest, &detail::dma(row));
    let lines = histograms(view, usize::from(rest.width), usize::from(rest.height), theme);
    canvas.render_widget(Text::from(lines), rest);
}

/// All kinds where there is room for them, or the selected one.
fn histograms(view: &Shape, width: usize, height: usize, theme: &Theme) -> Vec<Line<'static>> {
    let room = height.saturating_sub(AXIS_LINES);
    let all_fit = room >= view.kinds.len() * LEAST_OF_KIND;
    let kinds: Vec<_> = view.kinds.iter().filter(|kind| all_fit || kind.is_selected).collect();
    let series: Vec<_> = kinds.iter().map(|kind| &kind.series).collect();
    // The title names the selected one too.
    let has_name = room >= LEAST_OF_KIND;
    let others = if has_name { LEAST_OF_KIND - 1 } else { LEAST_OF_KIND - 2 };
    let Some(axis) = Axis::of(&series, width) else { return Vec::new() };
    if room <= others {
        return vec![Line::raw(fitted(NO_ROOM, width)); height.min(1)];
    }
    let mut lines = Vec::new();
    let each = room / kinds.len();
    let hidden = view.kinds.len() - kinds.len();
    // The first have the lines that are left.
    for (place, kind) in kinds.iter().enumerate() {
        let height = each + usize::from(place < room % kinds.len());
        let style = if kinds.len() > 1 { blocks(theme.kind(kind.buffer)) } else { theme.bar() };
        lines.extend(has_name.then(|| name(kind, hidden, width, theme)));
        lines.extend(axis.bars(&kind.series, height - others, style, theme));
        lines.push(axis.quantiles(&kind.series));
    }
    lines.push(axis.rule(theme));
    lines.push(axis.times());
    lines
}

/// The name, with so many other kinds that are not seen, in this width.
fn name(kind: &Kind, hidden: usize, width: usize, theme: &Theme) -> Line<'static> {
    let style = theme.kind(kind.buffer);
    let mark = if kind.is_selected { "▸" } else { " " };
    let rest = format!(" · {}{}", counted(kind.series.count(), "operation"), kind.modes.as_ref().map_or_else(String::new, modes));
    let others = if hidden == 0 { String::new() } else { format!(" · {} without room", counted(hidden as u64, "kind")) };
    let name = text::buffer(kind.buffer);
    let rest = fitted(&format!("{rest}{others}"), width.saturating_sub(1 + width_of(name)));
    Line::from(vec![Span::raw(mark), Span::styled(name, style), Span::raw(rest)])
}

fn modes(modes: &Modes) -> String {
    let part = |part: f64| format!("{:.0} %", part * 100.0);
    let [below, _] = modes.parts_below;
    let [short, long] = [modes.short_ns, modes.long_ns].map(|ns| units::duration(ns as f64));
    format!(" · two modes: {} about {short}, {} about {long}", part(below), part(1.0 - below))
}

/// Blanks inside a number do not break: wrapping sees one word per fact.
fn numbers(row: &Detail) -> String {
    let count = format!("count\u{a0}{}", row.total.count());
    let fact = |name: &str, value: &str| format!("{name} {value}").replace(' ', "\u{a0}");
    let metrics = METRICS.iter().map(|metric| (metric.heading, &row.cells[place(COLUMNS, metric.name)]));
    // Of several sizes, what a page costs takes the place of what is not known of all of them.
    let metrics = metrics.filter(|(_, value)| !row.total.is_mixture() || **value != Cell::Unknown);
    let per_page = row.total.is_mixture().then(|| fact("p50 per page", &text::maybe(row.per_page)));
    let facts = per_page.into_iter().chain(metrics.map(|(name, value)| fact(name, &value.to_string())));
    [count].into_iter().chain(facts).collect::<Vec<_>>().join(" · ")
}
