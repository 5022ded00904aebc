//! The loop of the screen: takes in events for a tenth of a second, then draws.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossterm::event::{self, Event as TerminalEvent};
use ratatui::Frame as Canvas;

use crate::screen::app::App;
use crate::screen::draw;
use crate::screen::event::{Event, Size};
use crate::screen::feed::Backlog;
use crate::screen::keys::Keys;
use crate::screen::terminal::Terminal;
use crate::screen::theme::Theme;
use crate::screen::until::Until;

/// More pictures in a second cannot be read, and each costs time on the machine that may be the one under test.
const BETWEEN_PICTURES: Duration = Duration::from_millis(100);
/// The longest time without a picture: how long nothing came is on the screen too.
const IDLE: Duration = Duration::from_secs(1);

/// Shows the viewer until it wants to quit, or until its input ends. The terminal is restored when this returns.
///
/// # Errors
/// The terminal cannot be set up or drawn to.
pub fn run(mut app: App, events: &Receiver<Event>, keys: Sender<Event>, backlog: &Backlog, until: Until) -> Result<App> {
    let theme = Theme::from_environment();
    let mut terminal = Terminal::take()?;
    read_keys(app.common().keys.clone(), keys);
    app.update(Event::Resize(size(terminal.size()?)));
    let began = Instant::now();
    loop {
        let pictured = Instant::now();
        app.update(Event::Tick(pictured - began));
        draw(&mut terminal, |canvas| draw::draw(canvas, &app, &theme))?;
        if take_in(&mut app, events, backlog, pictured) == Then::Suspend {
            terminal.suspend()?;
            app.update(Event::Resize(size(terminal.size()?)));
        }
        let is_over = until == Until::ItsEnd && app.common().ended().is_some();
        if is_over || app.quit().is_some() {
            return Ok(app);
        }
    }
}

fn draw(terminal: &mut Terminal, picture: impl FnOnce(&mut Canvas)) -> Result<()> {
    terminal.screen.draw(picture).context("the terminal cannot be drawn to")?;
    Ok(())
}

/// What comes behind some events.
#[derive(PartialEq, Eq)]
enum Then {
    Draw,
    Suspend,
}

/// Takes in events until it is time for the next picture, to stop for a while, or to quit.
fn take_in(app: &mut App, events: &Receiver<Event>, backlog: &Backlog, pictured: Instant) -> Then {
    let mut due = pictured + IDLE;
    while app.quit().is_none() {
        match events.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(Event::Suspend) => return Then::Suspend,
            Ok(event) => {
                if let Event::Frame(frame) = &event {
                    backlog.take(frame);
                }
                app.update(event);
                due = pictured + BETWEEN_PICTURES;
                // Under a flood there is always one more event: pictures must come all the same.
                if Instant::now() >= due {
                    return Then::Draw;
                }
            }
            Err(RecvTimeoutError::Timeout) => return Then::Draw,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(BETWEEN_PICTURES);
                return Then::Draw;
            }
        }
    }
    Then::Draw
}

/// Keys come in a thread of their own, so that the loop waits in one place.
fn read_keys(keys: Keys, events: Sender<Event>) {
    thread::spawn(move || {
        loop {
            let event = match event::read() {
                Ok(TerminalEvent::Key(key)) => keys.command(key).map(Event::Key),
                Ok(TerminalEvent::Resize(columns, lines)) => Some(Event::Resize(size((columns, lines).into()))),
                Ok(_) => None,
                Err(error) => Some(Event::NoKeys(format!("the terminal gives no keys: {error}"))),
            };
            let last = matches!(event, Some(Event::NoKeys(_)));
            let unheard = event.is_some_and(|event| events.send(event).is_err());
            if last || unheard {
                return;
            }
        }
    });
}

fn size(size: ratatui::layout::Size) -> Size {
    Size { columns: size.width.into(), lines: size.height.into() }
}
