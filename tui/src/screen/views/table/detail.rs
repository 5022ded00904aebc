//! The selected row below the table: its histogram, and where the time goes.

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use crate::screen::model::columns;
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::views::table::state::Panes;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::{detail, histogram, stages};

/// In so few columns they stand one below the other.
const NARROW: u16 = columns::NARROW as u16;

/// Draws the panes that are wanted.
pub fn draw(canvas: &mut Canvas, area: Rect, panes: Panes, common: &Common, theme: &Theme) {
    let Some(selected) = common.listing.detail() else { return };
    let what = match panes {
        Panes::Neither => return,
        Panes::Histogram => "latency",
        Panes::Stages => "where the time goes",
        Panes::Both => "latency, and where the time goes",
    };
    let inner = titled(canvas, area, &format!(" {}: {what} ", text::group(&selected.group, selected.shows_domain)), theme);
    let inner = detail::why(canvas, inner, &detail::causes(selected), theme);
    let inner = detail::above(canvas, inner, &detail::dma(selected));
    match panes {
        Panes::Neither => {}
        Panes::Histogram => histogram::draw(canvas, inner, &selected.total, theme),
        Panes::Stages => stages::draw(canvas, inner, selected, &common.keys, theme),
        Panes::Both => {
            let [left, right] = if inner.width < NARROW { detail::stacked(inner) } else { detail::halves(inner) };
            histogram::draw(canvas, left, &selected.total, theme);
            stages::draw(canvas, right, selected, &common.keys, theme);
        }
    }
}
