//! How long `top` takes to answer a key with 20,000 series: `cargo test --release -p grantscope --test keys -- --nocapture` prints it.

mod support;

use std::time::{Duration, Instant};

use grantscope::screen::app::App;
use grantscope::screen::draw::draw;
use grantscope::screen::event::{Event, Size};
use grantscope::screen::theme::Theme;
use grantscope::screen::{command::Command, views};
use grantscope::source::frames::Origin;
use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::Times;
use grantscope_wire::{Buffer, Op, Stage};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use support::builder;

/// As many as `--max-series` allows.
const SERIES: u32 = 20_000;
/// What a person does not notice; a debug build takes some ten times as long, and the machine may be busy.
const MOST: Duration = if cfg!(debug_assertions) { Duration::from_secs(3) } else { Duration::from_millis(100) };
/// The best of so many is what it takes: nothing makes one too fast. A debug build is not there to be measured.
const TIMES: usize = if cfg!(debug_assertions) { 1 } else { 5 };

fn app() -> App {
    let stages = [(Stage::Remainder, 900)];
    // Each has a whole and a stage.
    let operation = |pages: u32| builder::operation(Op::Mmap, Buffer::Wc, pages, u64::from(pages) * 10_000, &stages);
    let operations: Vec<Operation> = (1..=SERIES / 2).map(operation).collect();
    let mut app = App::new(Origin::Live, Times::Corrected);
    for frame in [Frame::Environment(builder::environment()), Frame::Operations(operations)] {
        app.update(Event::Frame(frame));
    }
    app.update(Event::Resize(Size { columns: 200, lines: 60 }));
    app.update(Event::Tick(Duration::from_secs(1)));
    app
}

#[test]
fn a_key_is_answered_before_anybody_notices() {
    let (mut app, mut terminal) = (app(), Terminal::new(TestBackend::new(200, 60)).unwrap());
    assert_eq!(app.common().data().aggregate.series().count(), SERIES as usize);
    let keys = app.common().keys.all().to_vec();
    let mut slowest = (Duration::ZERO, "none");
    for key in
        keys.iter().filter(|key| !matches!(key.command, Command::Quit | Command::QuitAtOnce | Command::Reset | Command::Back))
    {
        let answered = (0..TIMES).map(|_| {
            let began = Instant::now();
            app.update(Event::Key(key.command));
            terminal.draw(|canvas| draw(canvas, &app, &Theme::colourful())).unwrap();
            began.elapsed()
        });
        let best = answered.min().unwrap_or_default();
        println!("{:>7.1} ms {}", best.as_secs_f64() * 1e3, key.about);
        slowest = slowest.max((best, key.shown.as_str()));
        // As before, for the next key.
        while app.view().1.id != views::VIEWS[views::BASE].id {
            app.update(Event::Key(Command::Back));
        }
        assert!(app.quit().is_none(), "{} ended it", key.shown);
    }
    println!("slowest: {} in {:.1} ms, of {SERIES} series", slowest.1, slowest.0.as_secs_f64() * 1e3);
    assert!(slowest.0 <= MOST, "{} takes {:?}, and may take {MOST:?}", slowest.1, slowest.0);
}
