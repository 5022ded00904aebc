//! Viewers in this process that have read a made-up recording.

use std::time::Duration;

use grantscope::screen::app::App;
use grantscope::screen::command::Command;
use grantscope::screen::event::{Event, Size};
use grantscope::source::frames::Origin;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::Times;

use super::stream::Stream;
use crate::support::builder;

/// A viewer of this size that shows the view of this number, after ten seconds of a stream.
pub fn viewer(view: usize, (columns, lines): (u16, u16), stream: &mut Stream) -> App {
    let mut app = App::new(Origin::Live, Times::Corrected);
    app.update(Event::Resize(Size { columns: columns.into(), lines: lines.into() }));
    let first = [Frame::Environment(builder::environment()), stream.all_kinds()];
    first.into_iter().for_each(|frame| app.update(Event::Frame(frame)));
    for _ in 0..100 {
        read(&mut app, stream);
    }
    app.update(Event::Tick(Duration::from_secs(10)));
    app.update(Event::Key(Command::Number(view)));
    app
}

/// Reads a tenth of a second more.
pub fn read(app: &mut App, stream: &mut Stream) {
    stream.next().into_iter().for_each(|frame| app.update(Event::Frame(frame)));
}
