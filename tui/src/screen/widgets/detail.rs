//! Parts of a picture of one row: why its operations failed, and room for histogram and stages.

use grantscope_analysis::model::status_list;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Text;

use crate::screen::model::detail::{CauseRow, Detail};
use crate::screen::theme::Theme;
use crate::screen::widgets::wrap::{first_of, wrap};

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
