//! What is common to all views: the input, its data, the rows that it makes, the terminal's size and the keys.

use std::time::Duration;

use grantscope_analysis::history::Which;
use grantscope_analysis::model::Mark;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::report::text::marks;
use grantscope_analysis::series::{SeriesKey, Wanted};

use crate::screen::command::Travel;
use crate::screen::event::Size;
use crate::screen::keys::Keys;
use crate::screen::model::connection::Connection;
use crate::screen::model::data::Data;
use crate::screen::model::listing::Listing;
use crate::screen::model::output::Output;
use crate::screen::model::subject::Subject;
use crate::screen::model::timeline::{LABEL_COLUMNS, Span, Timeline};
use crate::source::frames::{Ended, Origin};
use crate::source::pace::Playback;
use crate::source::pace::Speed;

/// How far a step goes: as far as frames of a recording mostly are from each other.
const STEP_NS: u64 = 100_000_000;

/// What every view may read, and what some of them share.
#[derive(Clone, Debug)]
pub struct Common {
    /// The input.
    pub connection: Connection,
    /// What is written of it.
    pub output: Output,
    /// The rows of the data that is shown.
    pub listing: Listing,
    /// The terminal's size.
    pub size: Size,
    /// How many lines a view between header and footer has.
    pub body_lines: u16,
    /// All keys.
    pub keys: Keys,
    /// Which time is looked at.
    pub timeline: Timeline,
    /// How a recording is played.
    pub playback: Playback,
    /// What came of the last key, until the next; `None`: it can be seen.
    pub notice: Option<String>,
    data: Data,
    /// What is shown instead of `data` while the display is held.
    held: Option<Box<Data>>,
}

impl Common {
    /// Nothing read yet; this is wanted of the input.
    pub fn new(origin: Origin, wanted: impl Into<Wanted>, keys: Keys) -> Self {
        Self {
            connection: Connection::new(origin),
            output: Output::default(),
            listing: Listing::default(),
            size: Size::default(),
            body_lines: 0,
            keys,
            timeline: Timeline::default(),
            playback: Playback::at(Speed::Times(1.0)),
            notice: None,
            data: Data::of(wanted.into()),
            held: None,
        }
    }

    /// Takes in one frame.
    pub fn add(&mut self, frame: &Frame) {
        self.connection.hear();
        self.data.add(frame);
    }

    /// Time has passed: this much since the viewer started.
    pub fn tick(&mut self, now: Duration) {
        self.connection.tick(now);
    }

    /// Computes the rows.
    pub fn refresh(&mut self) {
        let data = self.held.as_deref().unwrap_or(&self.data);
        self.listing.refresh(data, self.connection.ended().is_some());
    }

    /// No more frames will come.
    pub fn end(&mut self, ended: Ended) {
        self.connection.end(ended);
        self.playback.held_at_ns = None;
    }

    /// Says on the screen what came of a key.
    pub fn say(&mut self, notice: &str) {
        self.notice = Some(notice.to_owned());
    }

    /// Holds a replay where it is, or what is seen of a live input; or goes on.
    pub fn toggle_pause(&mut self) {
        match (&self.held, self.playback.held_at_ns) {
            (Some(_), _) => self.held = None,
            (None, Some(_)) => self.playback.held_at_ns = None,
            (None, None) if self.ended().is_some() => self.say("the recording has ended: there is nothing to hold"),
            (None, None) if self.is_replay() => self.playback.held_at_ns = Some(self.data.now_ns().unwrap_or(0)),
            (None, None) => self.held = Some(Box::new(self.data.clone())),
        }
        self.listing.forget();
    }

    /// Holds a replay a little further on.
    pub fn step(&mut self) {
        if !self.is_replay() {
            return self.say("only a recording that is played can be stepped through");
        }
        let place_ns = self.playback.held_at_ns.max(self.data.now_ns()).unwrap_or(0);
        self.playback.held_at_ns = Some(place_ns.saturating_add(STEP_NS));
    }

    /// Plays a recording at another speed.
    pub fn play(&mut self, change: impl FnOnce(Speed) -> Speed) {
        if !self.is_replay() {
            return self.say("only a recording that is played has a speed");
        }
        self.playback.speed = change(self.playback.speed);
    }

    /// Gives the present a name, the number of the mark where it is empty; what is to be written of it.
    pub fn mark(&mut self, name: &str) -> Option<Mark> {
        let Some(now_ns) = self.data.now_ns() else {
            self.say("no mark was made: nothing has come yet that says what time it is");
            return None;
        };
        let numbered = format!("mark {}", self.data.aggregate.marks().count() + 1);
        let mark = Mark::new(now_ns, if name.is_empty() { &numbered } else { name });
        self.data.add(&Frame::Mark(mark.clone()));
        let (is_written, place) = match (&self.output, self.ended()) {
            (Output::To(name), None) => (true, format!("written to {name}")),
            (Output::To(_), Some(_)) => (false, "in this view alone: the recording has ended".to_owned()),
            (Output::Broken { name, .. }, _) => (false, format!("in this view alone: {name} cannot be written")),
            (Output::Nowhere, _) => (false, "in this view alone; -o FILE of a live `top` keeps marks".to_owned()),
        };
        self.say(&format!("{}, {place}", marks::line(&self.data.aggregate, &mark)));
        Some(mark).filter(|_| is_written)
    }

    /// Looks at another time.
    pub fn travel(&mut self, to: Travel) {
        let (subject, room) = (self.subject(), self.time_columns());
        let is_meant = |key: &SeriesKey| subject.as_ref().is_some_and(|subject| subject.means(key));
        let history = &self.held.as_deref().unwrap_or(&self.data).history;
        if let Err(why) = self.timeline.travel(to, history, Which::Of(&is_meant), room) {
            self.say(why);
        }
    }

    /// Sees time in shorter columns, or in longer ones.
    pub fn scale(&mut self, is_finer: bool) {
        let room = self.time_columns();
        let history = &self.held.as_deref().unwrap_or(&self.data).history;
        if !self.timeline.scale(history, room, is_finer) {
            self.say(if is_finer { "time is not told apart more finely" } else { "all of the past is seen" });
        }
    }

    /// The columns of time in which the past is seen; `None`: nothing has happened so far.
    pub fn span(&self) -> Option<Span> {
        self.timeline.span(&self.whole().history, self.time_columns())
    }

    fn time_columns(&self) -> usize {
        self.size.columns.saturating_sub(LABEL_COLUMNS)
    }

    /// What the selected row means.
    pub fn subject(&self) -> Option<Subject> {
        self.listing.subject(false)
    }

    /// What is shown of the whole past, whichever time is looked at.
    pub fn whole(&self) -> &Data {
        self.held.as_deref().unwrap_or(&self.data)
    }

    /// Whether a recording is played, and not at its end yet.
    pub fn is_replay(&self) -> bool {
        self.connection.origin() == Origin::Replay && self.ended().is_none()
    }

    /// Where a replay is, from its beginning.
    pub fn place_ns(&self) -> Option<u64> {
        let (first_ns, last_ns) = self.data.aggregate.span_ns()?;
        Some(self.playback.held_at_ns.unwrap_or(0).max(last_ns).saturating_sub(first_ns))
    }

    /// How long it is, if that is known.
    pub fn length_ns(&self) -> Option<u64> {
        let (first_ns, _) = self.data.aggregate.span_ns()?;
        self.connection.end_ns()?.checked_sub(first_ns)
    }

    /// How many operations came since the display was held.
    pub fn came_meanwhile(&self) -> Option<u64> {
        let held = self.held.as_deref()?;
        Some(self.data.aggregate.operations().saturating_sub(held.aggregate.operations()))
    }

    /// Shows times as they were measured in place of corrected ones, or the other way round.
    pub fn show_other_times(&mut self) {
        for data in [Some(&mut self.data), self.held.as_deref_mut()].into_iter().flatten() {
            data.show_other_times();
        }
        self.listing.forget();
    }

    /// Forgets all operations so far, if more can come.
    pub fn reset(&mut self) {
        if self.ended().is_some() {
            return self.say("not reset: the recording has ended, and nothing would come after that");
        }
        self.data.reset();
        self.held = None;
        self.listing.forget();
    }

    /// What is shown: the data, or what it was when the display was held.
    pub fn data(&self) -> &Data {
        self.held.as_deref().unwrap_or(&self.data)
    }

    /// All data, whether shown or not.
    pub fn all_data(&self) -> &Data {
        &self.data
    }

    /// Whether the replay or the display is held.
    pub fn is_paused(&self) -> bool {
        self.held.is_some() || self.playback.held_at_ns.is_some()
    }

    /// How the recording ended; `None`: it goes on.
    pub fn ended(&self) -> Option<&Ended> {
        self.connection.ended()
    }
}
