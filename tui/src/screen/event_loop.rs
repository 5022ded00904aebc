//! The loop of the screen: takes in events for a quarter of a second, or until somebody presses a key, then draws.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use crossterm::event::{self, Event as TerminalEvent, MouseButton, MouseEvent, MouseEventKind};
use signal_hook::consts::SIGHUP;

use crate::screen::app::App;
use crate::screen::draw;
use crate::screen::event::{Event, Size, Wheel};
use crate::screen::feed::Backlog;
use crate::screen::outlet::Drained;
use crate::screen::past::Past;
use crate::screen::request::{self, Request};
use crate::screen::terminal::{self, Terminal};
use crate::screen::until::{Until, Watching};
use crate::source::control::Control;
use crate::source::tee::Tee;

/// Figures that change more often cannot be read, and each picture costs time on the machine that may be the one under test, and bytes on
/// what may be a serial line.
const BETWEEN_PICTURES: Duration = Duration::from_millis(250);
/// Who presses a key waits for what comes of it; one that is held down comes some 30 times in a second.
const BEHIND_A_KEY: Duration = Duration::from_millis(30);
/// Whether the terminal has taken a picture is looked at this often.
const UNTIL_FREE: Duration = Duration::from_millis(20);
/// The longest time without a picture: how long nothing came is on the screen too.
const IDLE: Duration = Duration::from_secs(1);

/// Shows the viewer until it wants to quit, or until its input ends. The terminal is restored when this returns; whether it takes what is
/// printed then, is said too.
///
/// # Errors
/// The terminal cannot be set up or drawn to.
pub fn run(
    mut app: App,
    events: Receiver<Event>,
    keys: Sender<Event>,
    feed: (&Backlog, &Control, Option<&Tee>),
    how: Watching,
) -> Result<(App, Drained)> {
    let (backlog, control, tee) = feed;
    let mut terminal = Terminal::take(how.look.mouse)?;
    let by_hand = read_keys(keys.clone());
    app.update(Event::Resize(size(terminal.size()?)));
    let past = Past::new(keys.clone());
    let mut feeding = Feeding { waiting: VecDeque::new(), backlog, control };
    let began = Instant::now();
    loop {
        let pictured = Instant::now();
        let is_drawn = match show(&mut terminal, &mut app, pictured - began, &how) {
            // The signal that says so may come later, or be ignored; without a terminal there is nothing to go on with.
            Err(_) if terminal::is_gone() => {
                app.update(hangup());
                false
            }
            shown => shown?,
        };
        let next = pictured + if is_drawn { IDLE } else { UNTIL_FREE };
        if take_in(&mut app, (&events, &by_hand), &mut feeding, pictured, next) == Then::Suspend {
            terminal.suspend()?;
            app.update(Event::Resize(size(terminal.size()?)));
        }
        if let Some(request) = app.take_request() {
            fulfil(request, &mut terminal, &keys, (&past, tee))?;
        }
        let is_over = how.until == Until::ItsEnd && app.common().ended().is_some();
        if is_over || app.quit().is_some() {
            return Ok((app, terminal.give_back()));
        }
    }
}

/// Does what the viewer wants; what came of it is another event.
fn fulfil(request: Request, terminal: &mut Terminal, events: &Sender<Event>, (past, tee): (&Past, Option<&Tee>)) -> Result<()> {
    match request {
        Request::Repaint => terminal.repaint()?,
        Request::Past(question) => past.ask(*question),
        Request::Copy(text) => terminal.copy(text)?,
        // The loop, which also listens, is still there.
        Request::Mark(mark) => {
            tee.map_or(Ok(()), |tee| tee.mark(&mark)).unwrap_or_else(|why| drop(events.send(Event::Said(why))))
        }
        Request::Suspend if terminal::can_be_continued() => terminal::suspend_all(),
        Request::Suspend => drop(events.send(Event::Said("not stopped: no shell is there to go on from".to_owned()))),
        Request::Write(aggregate, as_of) => {
            let events = events.clone();
            thread::spawn(move || {
                drop(events.send(Event::Said(request::write(&aggregate, as_of.as_deref(), Path::new("."), SystemTime::now()))))
            });
        }
    }
    Ok(())
}

/// Draws the viewer as it is now, unless the terminal is still taking the last picture: one that takes them more slowly than they are made
/// gets the newest, and not one after the other. Whether it was drawn.
fn show(terminal: &mut Terminal, app: &mut App, now: Duration, how: &Watching) -> Result<bool> {
    let is_free = terminal.is_free()?;
    if is_free {
        app.update(Event::Tick(now));
        terminal.screen.draw(|canvas| draw::draw(canvas, app, &how.look.theme)).context("the terminal cannot be drawn to")?;
    }
    Ok(is_free)
}

/// The terminal is gone.
fn hangup() -> Event {
    Event::Signal(SIGHUP as u8)
}

/// What was sent of a recording while it was on, and has to wait while it is held.
struct Feeding<'a> {
    waiting: VecDeque<Event>,
    backlog: &'a Backlog,
    control: &'a Control,
}

impl Feeding<'_> {
    /// Passes on an event, behind those of the recording that wait if it is one itself; and then what need not wait any more.
    fn pass(&mut self, app: &mut App, event: Event) {
        match event {
            Event::Frame(_) | Event::StreamEnded(_) => self.waiting.push_back(event),
            event => app.update(event),
        }
        while let Some(event) = self.next(app) {
            // What waits keeps its room: no more than that is sent meanwhile.
            if let Event::Frame(frame) = &event {
                self.backlog.take(frame);
            }
            app.update(event);
        }
        self.control.set(app.common().playback);
    }

    fn next(&mut self, app: &App) -> Option<Event> {
        self.waiting.front().filter(|event| app.takes(event))?;
        self.waiting.pop_front()
    }
}

/// What comes behind some events.
#[derive(PartialEq, Eq)]
enum Then {
    Draw,
    Suspend,
}

/// Takes in events until it is time for the next picture, to stop for a while, or to quit. `by_hand`: gives room to the next thing that
/// somebody does at the terminal.
fn take_in(
    app: &mut App,
    (events, by_hand): (&Receiver<Event>, &Receiver<()>),
    feeding: &mut Feeding,
    pictured: Instant,
    mut due: Instant,
) -> Then {
    while app.quit().is_none() {
        match events.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(Event::Suspend) => return Then::Suspend,
            Ok(event) => {
                due = due.min(pictured + if event.is_data() { BETWEEN_PICTURES } else { BEHIND_A_KEY });
                if event.is_by_hand() {
                    // None was taken for one that no terminal sent.
                    let _ = by_hand.try_recv();
                }
                feeding.pass(app, event);
                if app.has_request() {
                    return Then::Draw;
                }
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

/// Keys come in a thread of their own, so that the loop waits in one place. What the loop has not come to yet stays in the terminal: on a
/// machine that is busy, a key that is held down is not obeyed long after it was let go, and what is typed behind the last is the shell's.
/// Each that was taken has to be taken from what is returned.
fn read_keys(events: Sender<Event>) -> Receiver<()> {
    let (room, by_hand) = sync_channel(1);
    thread::spawn(move || {
        loop {
            let read = event::read();
            let is_last = read.is_err();
            let event = match read {
                Ok(TerminalEvent::Key(key)) => Some(Event::Typed(key)),
                Ok(TerminalEvent::Resize(columns, lines)) => Some(Event::Resize(size((columns, lines).into()))),
                Ok(TerminalEvent::Paste(text)) => Some(Event::Paste(text)),
                Ok(TerminalEvent::Mouse(mouse)) => pointed(mouse),
                Ok(_) => None,
                Err(_) if terminal::is_gone() => Some(hangup()),
                Err(error) => Some(Event::NoKeys(format!("the terminal gives no keys: {error}"))),
            };
            let unheard = event.is_some_and(|event| event.is_by_hand() && room.send(()).is_err() || events.send(event).is_err());
            if is_last || unheard {
                return;
            }
        }
    });
    by_hand
}

/// What a mouse asks for.
fn pointed(mouse: MouseEvent) -> Option<Event> {
    match mouse.kind {
        MouseEventKind::ScrollUp => Some(Event::Scrolled(Wheel::Up)),
        MouseEventKind::ScrollDown => Some(Event::Scrolled(Wheel::Down)),
        MouseEventKind::Down(MouseButton::Left) | MouseEventKind::Drag(MouseButton::Left) => {
            Some(Event::Clicked(mouse.row.into(), mouse.column.into()))
        }
        _ => None,
    }
}

fn size(size: ratatui::layout::Size) -> Size {
    Size { columns: size.width.into(), lines: size.height.into() }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use grantscope_analysis::recording::Frame;
    use grantscope_analysis::series::Times;

    use super::*;
    use crate::screen::command::Command;
    use crate::screen::fixtures::{S, environment_frame};
    use crate::source::frames::{Ended, Origin};

    #[test]
    fn what_was_sent_before_a_pause_waits_in_order_and_so_does_the_end() {
        let (backlog, mut app) = (Backlog::default(), App::new(Origin::Replay, Times::Corrected));
        let control = Control::new(app.common().playback);
        let mut feeding = Feeding { waiting: VecDeque::new(), backlog: &backlog, control: &control };
        let tick = |second: u64| Event::Frame(Frame::Tick { at_ns: second * S / 10 });
        let begun = [Event::Frame(environment_frame()), tick(10), Event::Key(Command::Pause)];
        begun.into_iter().for_each(|event| feeding.pass(&mut app, event));
        let sent = [tick(11), tick(12), tick(13), Event::StreamEnded(Ended::Complete)];
        sent.into_iter().for_each(|event| feeding.pass(&mut app, event));
        let now_ns = |app: &App| app.common().data().now_ns();
        assert_eq!((now_ns(&app), app.common().is_paused()), (Some(S), true));
        let steps = iter::repeat_with(|| {
            feeding.pass(&mut app, Event::Key(Command::Step));
            (now_ns(&app).unwrap() * 10 / S, app.common().ended().is_some())
        });
        assert_eq!(steps.take(3).collect::<Vec<_>>(), [(11, false), (12, false), (13, true)]);
    }
}
