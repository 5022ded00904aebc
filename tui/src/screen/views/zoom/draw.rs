//! The selected row alone: all its numbers, its histogram, and where the time goes.

use grantscope_analysis::column::{COLUMNS, Cell, METRICS, place};
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Text;

use crate::screen::model::common::Common;
use crate::screen::model::detail::Detail;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::wrap::wrap;
use crate::screen::widgets::{detail, histogram, meaning, stages};

/// From this width on, histogram and stages stand side by side.
const SIDE_BY_SIDE: u16 = 120;

/// With fewer lines than this, each is needed for histogram and stages.
const LEAST_WITH_WORDS: u16 = 15;

/// Draws it.
pub fn draw(canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme) {
    let Some(row) = common.listing.detail() else { return };
    let mut numbers = wrap(&numbers(row), area.width.into());
    if area.height >= LEAST_WITH_WORDS {
        numbers.extend(wrap(&meaning::of_row(&row.group, &[]), area.width.into()));
    }
    if row.is_marked() || text::is_marked(&numbers) {
        numbers.push(text::legend(area.width.into(), &common.keys));
    }
    let inner = titled(canvas, area, &format!(" {} ", text::group(&row.group, row.shows_domain)), theme);
    let parts = [Constraint::Length(numbers.len() as u16), Constraint::Min(0)];
    let [top, rest] = Layout::vertical(parts).areas(inner);
    canvas.render_widget(Text::from_iter(numbers), top);
    let rest = detail::why(canvas, rest, &detail::causes_in_words(row), theme);
    let [one, other] = halves(rest, row);
    let inner = titled(canvas, one, " latency ", theme);
    histogram::draw(canvas, inner, &row.total, theme);
    let inner = titled(canvas, other, " where the time goes ", theme);
    stages::draw(canvas, inner, row, theme);
}

/// Side by side; on a narrow terminal below each other, the stages with the lines that they need, if that leaves half.
fn halves(area: Rect, row: &Detail) -> [Rect; 2] {
    if area.width >= SIDE_BY_SIDE {
        return detail::halves(area);
    }
    let needed = row.stages.len() as u16 + 3;
    Layout::vertical([Constraint::Min(0), Constraint::Length(needed.min(area.height / 2 + 1))]).areas(area)
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
