//! A recording that comes as a stream, in the views of `top` and in its lines where there is no terminal.

use std::io::Cursor;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use grantscope::screen::app::App;
use grantscope::screen::ascii::Written;
use grantscope::screen::colours::Characters;
use grantscope::screen::command::Command;
use grantscope::screen::draw::draw;
use grantscope::screen::event::{Event, Size};
use grantscope::screen::plain::Reporter;
use grantscope::screen::request::Request;
use grantscope::screen::theme::Theme;
use grantscope::screen::views;
use grantscope::source::frames::{Ended, Origin};
use grantscope::source::stream;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::{MostSeries, Wanted};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::shown::assert_shown;

/// Sizes of the terminal.
const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];

pub fn run(input: &[u8]) -> String {
    let mut source = stream::recording(Cursor::new(input.to_vec()), Origin::Live, false);
    let mut app = App::new(Origin::Live, Wanted { most_series: MostSeries(500), ..Wanted::default() });
    let mut waiting = Vec::new();
    let ended = loop {
        match source.next_frame() {
            Ok(Some(frame)) => {
                app.update(Event::Frame(frame.clone()));
                waiting.push(frame);
            }
            Ok(None) => break Ended::Complete,
            Err(ended) => break ended,
        }
    };
    app.update(Event::Tick(Duration::from_secs(1)));
    seen(&mut app);
    reported(waiting, ended.clone());
    ended.problem().unwrap_or("complete").to_owned()
}

/// Every view at its end, and the table after every key that changes what it shows.
fn seen(app: &mut App) {
    let changes = [Command::NextPane, Command::Sort, Command::Reverse, Command::MergePages, Command::OtherTimes, Command::Metric];
    let moves = [Command::First, Command::Down, Command::Last];
    for open in views::VIEWS.iter().map(|row| row.key.map(|key| key.command)) {
        open.into_iter().chain(moves).for_each(|key| app.update(Event::Key(key)));
        picture(app, SIZES[0]);
        // Where there is no view to close, there is no key for it.
        open.into_iter().for_each(|key| app.update(Event::Key(key)));
    }
    changes.into_iter().for_each(|key| app.update(Event::Key(key)));
    // A filter that leaves some, a search, and the row as text.
    "/op!=map pages<64\n\\outcome!=ok\nny".chars().for_each(|letter| app.update(Event::Typed(key(letter))));
    if let Some(Request::Copy(text)) = app.take_request() {
        assert_shown("a copied row", &text);
    }
    picture(app, SIZES[1]);
}

fn key(letter: char) -> KeyEvent {
    let code = if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) };
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn picture(app: &mut App, (width, height): (u16, u16)) {
    app.update(Event::Resize(Size { columns: width.into(), lines: height.into() }));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend takes any size");
    terminal.draw(|canvas| draw(canvas, app, &Theme::plain())).expect("a test backend draws");
    terminal.backend().buffer().content().iter().for_each(|cell| assert_shown("a cell", cell.symbol()));
}

/// The lines of `top` where there is no terminal.
fn reported(frames: Vec<Frame>, ended: Ended) {
    let mut app = App::new(Origin::Live, Wanted { most_series: MostSeries(500), ..Wanted::default() });
    let end = [Event::StreamEnded(ended), Event::Tick(Duration::from_secs(1))];
    frames.into_iter().map(Event::Frame).chain(end).for_each(|event| app.update(event));
    let mut out = Vec::new();
    let report = Reporter::default().report(&app, Duration::from_secs(1));
    Written { to: &mut out, characters: Characters::Ascii }.text(&report).expect("a Vec takes everything");
    assert_shown("a report", std::str::from_utf8(&out).expect("a report is text"));
}
