//! The footer: the keys that do something here, or what came of the last one.

use grantscope_analysis::series::Times;
use grantscope_analysis::shown::{Shown, width};
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::screen::command::{Command, Travel};
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::views::{Layer, Row};

/// Draws as many keys as there is room for; those that matter most come first.
pub fn draw(canvas: &mut Canvas, area: Rect, common: &Common, row: &Row, theme: &Theme) {
    if let Some(notice) = &common.notice {
        let text = format!("{:.width$}", Shown(notice), width = usize::from(area.width));
        return canvas.render_widget(Line::styled(text, theme.warning()), area);
    }
    let mut spans = Vec::new();
    let mut used = 0;
    for &command in row.footer {
        let (key, word) = (shown(command, common), word(command, common, row));
        let length = width(key) + 1 + width(word) + 2;
        if used + length > usize::from(area.width) + 2 {
            break;
        }
        used += length;
        spans.extend([Span::styled(key, theme.heading()), Span::raw(format!(" {word}  "))]);
    }
    canvas.render_widget(Line::from(spans), area);
}

fn shown(command: Command, common: &Common) -> &'static str {
    match command {
        // Both directions share a word.
        Command::Down => "↑↓",
        Command::Travel(Travel::Columns(_)) => "HL{}",
        Command::Finer => "+−",
        // Of several keys, the first.
        _ => common.keys.of(command).shown.split(' ').next().unwrap_or_default(),
    }
}

/// What the key would do now.
fn word(command: Command, common: &Common, row: &Row) -> &'static str {
    match command {
        Command::Down => row.moves,
        Command::Travel(Travel::Columns(_)) => "time",
        Command::Finer => "scale",
        Command::Quit if matches!(row.layer, Layer::Over { .. }) => "close",
        Command::Pause if common.is_paused() => "go on",
        Command::MergePages if common.listing.is_merged() => "split pages",
        Command::MergePages => "merge pages",
        Command::OtherTimes if common.data().aggregate.times() == Times::Raw => "corrected",
        _ => common.keys.of(command).word,
    }
}
