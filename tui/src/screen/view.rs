//! What a view is. Each is a folder in `views`, and a row of their registry.

use std::fmt::Debug;

use grantscope_analysis::series::Group;
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;

/// A view: state of its own, and how it looks. Events change state; drawing borrows it.
pub trait View: Debug {
    /// Does what a key asks for, where that is this view's own.
    fn command(&mut self, command: Command, common: &mut Common);

    /// The mouse pointed at this line of it, counted from 0.
    fn click(&mut self, _line: usize, _common: &mut Common) {}

    /// The time of the recording that is drawn here; `None`: none is.
    fn time_at(&self, _line: usize, _column: usize, _common: &Common) -> Option<u64> {
        None
    }

    /// Computes what is drawn. Not at every frame: frames may come far more often than pictures.
    fn refresh(&mut self, _common: &Common) {}

    /// Draws it.
    fn draw(&self, canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme);

    /// The row that is selected here, where that is none that the table could have selected: it is meant when another view of one row is opened.
    fn stand_in(&self, _common: &Common) -> Option<Group> {
        None
    }

    /// What the title says of the part that is seen in this many lines; empty: all is.
    fn extent(&self, _lines: usize) -> String {
        String::new()
    }
}
