//! What is common to all views: the input, its data, the rows that it makes, the terminal's size and the keys.

use std::time::Duration;

use grantscope_analysis::history::{By, Which};
use grantscope_analysis::model::Mark;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::report::text::marks;
use grantscope_analysis::series::{Group, SeriesKey, Wanted};

use crate::screen::command::Travel;
use crate::screen::event::Size;
use crate::screen::keys::Keys;
use crate::screen::model::baseline::Against;
use crate::screen::model::connection::Connection;
use crate::screen::model::data::Data;
use crate::screen::model::listing::Listing;
use crate::screen::model::output::Output;
use crate::screen::model::subject::Subject;
use crate::screen::model::timeline::{LABEL_COLUMNS, Span, Timeline};
use crate::source::frames::{Again, Ended, Origin};
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
    /// The file that says how keys and colours differ from those that are built in; `None`: none was read.
    pub configuration: Option<String>,
    /// Which time is looked at.
    pub timeline: Timeline,
    /// How a recording is played.
    pub playback: Playback,
    /// What all of it is compared with; `None`: nothing.
    pub against: Option<Against>,
    /// What came of the last key, until the next; `None`: it can be seen.
    pub notice: Option<String>,
    data: Data,
    /// What is shown instead of `data` while the display is held.
    held: Option<Box<Data>>,
    /// What was known at the time that is looked at, and when that was; `None`: the present is shown.
    past: Option<(u64, Box<Data>)>,
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
            configuration: None,
            timeline: Timeline::default(),
            playback: Playback::at(Speed::Times(1.0)),
            against: None,
            notice: None,
            data: Data::of(wanted.into()),
            held: None,
            past: None,
        }
    }

    /// The same, of which no past is kept.
    pub fn without_past(self) -> Self {
        Self { data: self.data.without_past(), ..self }
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
        let whole = self.held.as_deref().unwrap_or(&self.data);
        let data = self.past.as_ref().map_or(whole, |(_, past)| past);
        let is_over = self.connection.ended().is_some();
        self.listing.refresh(data, is_over || self.past.is_some());
        if let Some(against) = &mut self.against {
            against.refresh(whole, self.connection.now(), is_over);
        }
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
        if self.timeline.cursor_ns().is_none() {
            self.forget_past();
        }
    }

    /// Selects the row of which an operation was the longest of all that the rows have.
    pub fn choose_longest(&mut self) {
        let history = &self.whole().history;
        let is_shown = |key: &SeriesKey| self.listing.filter().is_none_or(|filter| filter.selects(key));
        let worst = history.window().and_then(|all| history.worst(Which::Of(&is_shown), all, By::Longest));
        if let Some(key) = worst.and_then(|worst| worst.key) {
            let group = Group::of(&key, self.listing.is_merged());
            self.listing.choose(group);
            self.refresh();
        }
    }

    fn forget_past(&mut self) {
        self.past = None;
        self.listing.forget();
    }

    /// The time of the recording of which the past is to be read, and how; `None`: the present is looked at, or what is shown is of that
    /// time already, or the input comes once.
    pub fn wanted_past(&self) -> Option<(Again, u64)> {
        let at_ns = self.timeline.cursor_ns()?;
        let is_known = self.past.as_ref().is_some_and(|(known_ns, _)| *known_ns == at_ns);
        self.connection.again().filter(|_| !is_known).map(|again| (again.clone(), at_ns))
    }

    /// This was known at that time. It is shown if that is still looked at.
    pub fn show_past(&mut self, at_ns: u64, mut past: Box<Data>) {
        if self.timeline.cursor_ns() != Some(at_ns) {
            return;
        }
        // The other times may have been asked for meanwhile.
        if past.aggregate.wanted().times != self.data.aggregate.wanted().times {
            past.show_other_times();
        }
        self.past = Some((at_ns, past));
        self.listing.forget();
    }

    /// When what is shown was known; `None`: it is the present.
    pub fn past_ns(&self) -> Option<u64> {
        self.past.as_ref().map(|(at_ns, _)| *at_ns)
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
        self.listing.subject(self.past.is_some())
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
        let past = self.past.as_mut().map(|(_, past)| past.as_mut());
        for data in [Some(&mut self.data), self.held.as_deref_mut(), past].into_iter().flatten() {
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
        self.timeline.to_now();
        self.forget_past();
    }

    /// What is shown: the data, or what it was when the display was held, or at the time that is looked at.
    pub fn data(&self) -> &Data {
        self.past.as_ref().map_or_else(|| self.whole(), |(_, past)| past)
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
