//! Parts of a picture of one row: why its operations failed, and room for histogram and stages.

use grantscope_analysis::model::{DmaSums, status_list};
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Text;

use crate::screen::model::detail::{CauseRow, Detail};
use crate::screen::theme::Theme;
use crate::screen::widgets::wrap::{first_of, fitted, wrap};

/// Fewer lines are for histogram and stages alone.
const LEAST_WITH_FACTS: u16 = 6;

/// Why the operations of the row failed: `grants_refused 12 × (bad_gntref 12)`. Empty: they did not, or the cause is unknown.
pub fn causes(detail: &Detail) -> String {
    let each = detail.causes.iter().map(|row| format!("{} {} ×{}", row.cause.name(), row.failures.count, statuses(row)));
    each.collect::<Vec<_>>().join(", ")
}

/// The same with what each cause is, for where there is room.
pub fn causes_in_words(detail: &Detail) -> String {
    let each = detail
        .causes
        .iter()
        .map(|row| format!("{} {} ×{}: {}", row.cause.name(), row.failures.count, statuses(row), row.cause.about()));
    each.collect::<Vec<_>>().join("; ")
}

fn statuses(row: &CauseRow) -> String {
    let list = status_list(&row.failures.statuses, " ", ", ");
    if list.is_empty() { list } else { format!(" ({list})") }
}

/// What DMA was done: `mapped for a device: 16.0 entries, 3.5 of them bounced (14 KiB)`, per operation; `DMA buffers: 12 of 20 from CMA, the
/// others from the buddy allocator`. Empty: none was, or it is not known.
pub fn dma(detail: &Detail) -> String {
    let Some((sums, operations)) = detail.dma else { return String::new() };
    let from = sums.from_cma.map(|from_cma| {
        format!("DMA buffers: {from_cma} of {operations} from CMA{}", others(operations - from_cma.min(operations)))
    });
    let mapped = sums.entries.or(sums.bounces).map(|_| mapped(&sums, operations as f64));
    from.into_iter().chain(mapped).collect::<Vec<_>>().join("; ")
}

fn others(others: u64) -> &'static str {
    if others > 0 { ", the others from the buddy allocator" } else { "" }
}

fn mapped(sums: &DmaSums, operations: f64) -> String {
    let each = |sum: Option<u64>| sum.map(|sum| sum as f64 / operations);
    let entries = each(sums.entries).map_or_else(|| "entries not known".to_owned(), |entries| format!("{entries:.1} entries"));
    let bounced = match each(sums.bounces).zip(each(sums.bounced_bytes)) {
        None => "bounces not seen".to_owned(),
        Some((0.0, _)) => "none of them bounced".to_owned(),
        Some((bounces, bytes)) => format!("{bounces:.1} of them bounced ({})", units::size(bytes.round() as u64)),
    };
    format!("mapped for a device: {entries}, {bounced}")
}

/// A line above the rest, if there is anything to say; what is left below it.
pub fn above(canvas: &mut Canvas, area: Rect, text: &str) -> Rect {
    if text.is_empty() || area.height < LEAST_WITH_FACTS {
        return area;
    }
    let parts = [Constraint::Length(1), Constraint::Min(0)];
    let [top, rest] = Layout::vertical(parts).areas(area);
    canvas.render_widget(Text::from(fitted(text, area.width.into())), top);
    rest
}

/// Says why, in lines above the rest; what is left below them. A row that did not fail loses no line.
pub fn why(canvas: &mut Canvas, area: Rect, causes: &str, theme: &Theme) -> Rect {
    if causes.is_empty() {
        return area;
    }
    // The rest needs most of the room.
    let (most, width) = ((area.height / 3).max(1), area.width.into());
    let lines = first_of(wrap(&format!("why: {causes}"), width), most.into(), width);
    let parts = [Constraint::Length(lines.len() as u16), Constraint::Min(0)];
    let [top, rest] = Layout::vertical(parts).areas(area);
    canvas.render_widget(Text::from_iter(lines).style(theme.heading()), top);
    rest
}

/// Left and right, with a gap between. Stages have numbers beside their bars: they get a little more.
pub fn halves(area: Rect) -> [Rect; 2] {
    let parts = [Constraint::Percentage(45), Constraint::Length(1), Constraint::Min(0)];
    let [left, _, right] = Layout::horizontal(parts).areas(area);
    [left, right]
}

/// One below the other: stages come with a line each.
pub fn stacked(area: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Percentage(45), Constraint::Min(0)]).areas(area)
}
