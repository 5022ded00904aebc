//! The footer: the keys that do something here.

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::screen::app::{Screen, State};
use crate::screen::keys::{Command, binding_of};
use crate::screen::theme::Theme;

/// Draws as many keys as there is room for; those that matter most come first.
pub fn draw(canvas: &mut Canvas, area: Rect, state: &State, theme: &Theme) {
    let mut spans = Vec::new();
    let mut used = 0;
    for &command in commands(state) {
        let (key, word) = (shown(command), word(command, state));
        let length = key.chars().count() + 1 + word.chars().count() + 2;
        if used + length > usize::from(area.width) + 2 {
            break;
        }
        used += length;
        spans.extend([Span::styled(key, theme.heading()), Span::raw(format!(" {word}  "))]);
    }
    canvas.render_widget(Line::from(spans), area);
}

fn shown(command: Command) -> &'static str {
    match command {
        // Both directions share a word.
        Command::Down => "↑↓",
        _ => binding_of(command).shown,
    }
}

/// What the key would do now.
fn word(command: Command, state: &State) -> &'static str {
    match command {
        Command::Down if state.overlay().is_some() => "scroll",
        Command::Down => "row",
        Command::Pause if state.is_paused() => "go on",
        Command::MergePages if state.is_merged() => "split pages",
        Command::MergePages => "merge pages",
        _ => binding_of(command).word,
    }
}

fn commands(state: &State) -> &'static [Command] {
    use Command::{Back, Compare, Down, Help, Info, MergePages, Metric, NextPane, Pause, Quit, Reset, Reverse, Sort, Zoom};
    match (state.overlay(), state.screen()) {
        (Some(_), _) => &[Quit, Back, Down, Help, Info],
        (None, Screen::Table) => &[Quit, Help, Down, Zoom, Compare, Sort, MergePages, Info, Pause, NextPane, Reverse, Reset],
        (None, Screen::Zoom) => &[Quit, Back, Help, Down, Compare, MergePages, Info, Pause, Reset],
        (None, Screen::Compare) => &[Quit, Back, Help, Down, Metric, MergePages, Info, Pause, Reset],
    }
}
