//! The footer: the keys that do something here, or what came of the last one.

use grantscope_analysis::series::Times;
use grantscope_analysis::shown::{cut, escaped, width};
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};

use crate::screen::command::{Command, Travel};
use crate::screen::keys::Keys;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::views::{Layer, Row};
use crate::screen::widgets::wrap::wrap;

/// Of what came of a key, more lines are cut: the views are what is looked at.
const MOST_LINES: usize = 3;

/// How many lines it needs in this width: keys have one.
pub fn height(common: &Common, width: u16) -> u16 {
    common.notice.as_ref().map_or(1, |notice| notice_lines(notice, width.into()).len() as u16)
}

/// What came of the last key, in lines of this width.
fn notice_lines(notice: &str, width: usize) -> Vec<String> {
    let mut lines = wrap(&escaped(notice), width);
    if lines.len() > MOST_LINES {
        let rest = lines.split_off(MOST_LINES - 1).join(" ");
        lines.push(cut(&rest, width).into_owned());
    }
    lines
}

/// Draws as many keys as there is room for; those that matter most come first.
pub fn draw(canvas: &mut Canvas, area: Rect, common: &Common, row: &Row, theme: &Theme) {
    if let Some(notice) = &common.notice {
        let lines = notice_lines(notice, area.width.into());
        return canvas.render_widget(Text::from_iter(lines).style(theme.warning()), area);
    }
    let mut spans = Vec::new();
    let mut used = 0;
    for &command in row.footer {
        let (key, word) = (shown(command, &common.keys), word(command, common, row));
        if key.is_empty() {
            continue;
        }
        let length = width(&key) + 1 + width(word) + 2;
        if used + length > usize::from(area.width) + 2 {
            break;
        }
        used += length;
        spans.extend([Span::styled(key, theme.heading()), Span::raw(format!(" {word}  "))]);
    }
    canvas.render_widget(Line::from(spans), area);
}

/// The first key of a command, or of all commands that share its word; empty: there is none.
fn shown(command: Command, keys: &Keys) -> String {
    let columns = |by| Command::Travel(Travel::Columns(by));
    let all = match command {
        Command::Down => vec![Command::Up, Command::Down],
        Command::Travel(Travel::Columns(_)) => [-1, 1, -10, 10].map(columns).to_vec(),
        Command::Finer => vec![Command::Finer, Command::Coarser],
        command => return keys.first(command).unwrap_or_default(),
    };
    let each: Vec<_> = all.into_iter().filter_map(|command| keys.first(command)).map(sign).collect();
    let is_short = each.iter().all(|key| width(key) == 1);
    each.join(if is_short { "" } else { " " })
}

/// One character where that is understood.
fn sign(key: String) -> String {
    match key.as_str() {
        "Up" => "↑".to_owned(),
        "Down" => "↓".to_owned(),
        // As wide as a plus.
        "-" => "−".to_owned(),
        _ => key,
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
