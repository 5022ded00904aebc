//! The viewer: what all views share, the views, and which of them is seen. Pure: events in, values out; no clock, no
//! terminal, no file.

use std::time::Duration;

use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers};
use grantscope_analysis::select::Selector;
use grantscope_analysis::series::Wanted;

use crate::screen::command::{Command, Travel, ViewId};
use crate::screen::event::{Event, Wheel};
use crate::screen::key::Key;
use crate::screen::keys::Keys;
use crate::screen::model::baseline::{Against, Baseline};
use crate::screen::model::common::Common;
use crate::screen::model::connection::Connection;
use crate::screen::model::output::Output;
use crate::screen::past::Question;
use crate::screen::prompt::{Prompt, Purpose, Typed};
use crate::screen::request::Request;
use crate::screen::view::View;
use crate::screen::views::{self, BASE, Layer, Row, TIME, VIEWS};
use crate::screen::{header, text};
use crate::source::frames::{Ended, Input, Origin};
use crate::source::pace::Playback;
use crate::source::pace::{Speed, time_of};

/// What a user of `top` is doing, and what there is to see.
#[derive(Debug)]
pub struct App {
    common: Common,
    /// A view for each row of `VIEWS`.
    views: Vec<Box<dyn View>>,
    /// The view between header and footer.
    body: usize,
    /// The view that lies over it.
    over: Option<usize>,
    prompt: Option<Prompt>,
    request: Option<Request>,
    quit: Option<Quit>,
}

/// Why the viewer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quit {
    /// The user asked.
    Asked,
    /// A signal asked.
    Signal(u8),
    /// It cannot go on; why.
    Failed(String),
}

/// As far as a wheel moves in other programs.
const WHEEL_LINES: usize = 3;

impl App {
    /// Nothing read yet; this is wanted of the input.
    pub fn new(origin: Origin, wanted: impl Into<Wanted>) -> Self {
        let views = VIEWS.iter().map(|row| (row.new)()).collect();
        Self {
            common: Common::new(origin, wanted, views::keys()),
            views,
            body: BASE,
            over: None,
            prompt: None,
            request: None,
            quit: None,
        }
    }

    /// What is known of an input before it is read; it is played as fast as this.
    pub fn about(self, input: &Input, speed: Speed) -> Self {
        let Self { mut common, .. } = self;
        common.connection = Connection::new(input.origin).named(input.name.clone(), input.end_ns);
        common.connection = common.connection.that_can_be_read(input.again.clone());
        common.output = input.tee.as_ref().map_or(Output::Nowhere, |tee| Output::To(tee.name().to_owned()));
        common.playback = Playback::at(speed);
        Self { common, ..self }
    }

    /// The same, of which no past is kept: nobody can look at it.
    pub fn without_past(self) -> Self {
        Self { common: self.common.without_past(), ..self }
    }

    /// With these keys.
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.common.keys = keys;
        self
    }

    /// This file says how keys and colours differ from those that are built in.
    pub fn configured_by(mut self, file: Option<String>) -> Self {
        self.common.configuration = file;
        self
    }

    /// All of it is compared with this.
    pub fn against(mut self, baseline: Option<Baseline>) -> Self {
        self.common.against = baseline.map(Against::new);
        self
    }

    /// Whether this may happen now: a frame behind the place where a replay is held may not.
    pub fn takes(&self, event: &Event) -> bool {
        match event {
            Event::Frame(frame) => self.common.playback.lets_pass(time_of(frame)),
            _ => true,
        }
    }

    /// Takes in what happened.
    pub fn update(&mut self, event: Event) {
        match event {
            Event::Frame(frame) => self.common.add(&frame),
            Event::Key(command) => self.command(command),
            Event::Typed(key) => self.key(key),
            Event::Paste(text) => match &mut self.prompt {
                Some(prompt) => prompt.paste(&text),
                None => self.common.say("pasted text is ignored: it would be taken for keys"),
            },
            Event::Clicked(line, column) => self.click(line, column),
            Event::Scrolled(wheel) => self.scroll(wheel),
            Event::Past(at_ns, data) => {
                self.common.show_past(at_ns, data);
                self.refresh();
            }
            Event::Said(what) => self.common.say(&what),
            Event::Unwritten(why) => self.common.output.fail(why),
            Event::Tick(now) => self.tick(now),
            Event::Resize(size) => {
                self.common.size = size;
                self.refresh();
            }
            Event::StreamEnded(Ended::Unreadable(why)) => {
                let name = self.common.connection.name().map(|name| format!("{name}: ")).unwrap_or_default();
                self.quit = Some(Quit::Failed(name + &why));
            }
            Event::StreamEnded(ended) => self.common.end(ended),
            Event::Signal(signal) => self.quit = Some(Quit::Signal(signal)),
            Event::NoKeys(why) => self.quit = Some(Quit::Failed(why)),
            // The loop has done it.
            Event::Suspend => {}
        }
    }

    fn tick(&mut self, now: Duration) {
        self.common.tick(now);
        self.refresh();
    }

    fn command(&mut self, command: Command) {
        self.prompt = None;
        if command != Command::Repaint {
            self.common.notice = None;
        }
        self.common.listing.fix();
        match command {
            Command::Quit if self.over.is_some() => self.over = None,
            Command::Quit | Command::QuitAtOnce => self.quit = Some(Quit::Asked),
            Command::Back => self.back(),
            Command::Open(id) => self.open(id),
            Command::Number(number) => self.show(number.wrapping_sub(1)),
            Command::NextView => self.show((self.seen() + 1) % VIEWS.len()),
            Command::PreviousView => self.show((self.seen() + VIEWS.len() - 1) % VIEWS.len()),
            Command::Repaint => self.request = Some(Request::Repaint),
            Command::Suspend => self.request = Some(Request::Suspend),
            Command::Write => {
                let as_of = self.common.past_ns().map(|past_ns| text::second(&self.common, past_ns));
                self.request = Some(Request::Write(Box::new(self.common.data().aggregate.clone()), as_of));
            }
            Command::Pause => self.common.toggle_pause(),
            Command::Step => self.common.step(),
            Command::Slower => self.common.play(Speed::slower),
            Command::Faster => self.common.play(Speed::faster),
            // What these change is not seen now.
            Command::Reset | Command::MergePages | Command::Expand | Command::OtherTimes | Command::Copy
                if self.over.is_some() => {}
            Command::Filter | Command::Search | Command::Into if self.over.is_some() => {}
            Command::Filter => self.prompt = Some(Prompt::new(Purpose::Filter, self.common.listing.filter())),
            Command::Search => self.prompt = Some(Prompt::new(Purpose::Search, None)),
            // Now is now, whatever lies over the views.
            Command::Mark => (self.over, self.prompt) = (None, Some(Prompt::new(Purpose::Mark, None))),
            Command::Into => {
                self.mean_stand_in();
                self.body = views::index(ViewId("slowest"));
            }
            Command::Copy => self.copy(),
            Command::NextMatch | Command::PreviousMatch => self.seek(command),
            Command::Reset => self.common.reset(),
            Command::MergePages => self.common.listing.toggle_merged(),
            Command::Expand => self.common.listing.toggle_expanded(),
            Command::OtherTimes => self.common.show_other_times(),
            Command::Travel(to) => self.travel(to),
            Command::Finer | Command::Coarser => self.common.scale(command == Command::Finer),
            Command::FewerPages | Command::MorePages => self.common.listing.to_other_pages(command == Command::MorePages),
            command => {
                let seen = self.seen();
                self.views[seen].command(command, &mut self.common);
            }
        }
        self.refresh();
    }

    /// A key: a character of the prompt while that is open.
    fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let command = self.common.keys.command(key);
        let Some(prompt) = &mut self.prompt else {
            return match command {
                Some(command) => self.command(command),
                None => self.no_command(key),
            };
        };
        // Who has given that to a letter can still type it.
        if command == Some(Command::QuitAtOnce) && key.modifiers.contains(KeyModifiers::CONTROL) {
            return self.command(Command::QuitAtOnce);
        }
        if command == Some(Command::Repaint) {
            self.request = Some(Request::Repaint);
        }
        let purpose = prompt.purpose();
        match prompt.key(key) {
            Typed::Goes => return,
            Typed::Left => {}
            Typed::Entered(selector) => self.entered(purpose, selector),
            Typed::Named(name) => self.request = self.common.mark(&name).map(Request::Mark),
        }
        self.prompt = None;
        self.refresh();
    }

    fn no_command(&mut self, key: KeyEvent) {
        let help = self.common.keys.shown(views::HELP);
        let said = format!("{} does nothing; {help}: all keys", Key::pressed(key));
        self.common.say(&said);
    }

    /// Selects a row of a view that has some; a prompt has none.
    fn click(&mut self, line: usize, column: usize) {
        let header = self.common.size.lines.saturating_sub(1 + usize::from(self.common.body_lines));
        if let (None, None, Some(line)) = (&self.prompt, self.over, line.checked_sub(header)) {
            self.common.notice = None;
            match self.views[self.body].time_at(line, column, &self.common) {
                Some(at_ns) => self.travel(Travel::To(at_ns)),
                None => self.views[self.body].click(line, &mut self.common),
            }
            self.refresh();
        }
    }

    fn scroll(&mut self, wheel: Wheel) {
        let command = if wheel == Wheel::Up { Command::Up } else { Command::Down };
        if self.prompt.is_none() {
            (0..WHEEL_LINES).for_each(|_| self.command(command));
        }
    }

    fn entered(&mut self, purpose: Purpose, selector: Option<Selector>) {
        match purpose {
            Purpose::Mark => {}
            Purpose::Filter => self.common.listing.show_only(selector),
            Purpose::Search => {
                let is_there = selector.is_some();
                self.common.listing.look_for(selector);
                if is_there {
                    self.seek(Command::NextMatch);
                }
            }
        }
    }

    /// Selects what is looked for, and says so where that is nowhere.
    fn seek(&mut self, command: Command) {
        let Some(search) = self.common.listing.search().map(ToString::to_string) else {
            let said = format!("nothing is looked for: {} begins a search", self.common.keys.shown(Command::Search));
            return self.common.say(&said);
        };
        let before = self.common.listing.chosen();
        let seen = self.seen();
        self.views[seen].command(command, &mut self.common);
        if self.common.listing.chosen() == before {
            self.common.say(&format!("no other row here is {search}"));
        }
    }

    fn copy(&mut self) {
        match self.common.listing.detail() {
            Some(row) => {
                self.request = Some(Request::Copy(text::copied(row)));
                self.common.say("the selected row was given to the terminal, which may keep its clipboard to itself");
            }
            None => self.common.say("there is no row to copy"),
        }
    }

    /// Looks at another time: of a file, in all views.
    fn travel(&mut self, to: Travel) {
        let was_now = self.common.timeline.cursor_ns().is_none();
        // Where all rows are seen, it is of all of them.
        if to == Travel::Longest && self.seen() == BASE {
            self.common.choose_longest();
        }
        self.common.travel(to);
        if let Some((again, at_ns)) = self.common.wanted_past() {
            let whole = self.common.whole();
            self.request = Some(Request::Past(Box::new(Question {
                again,
                at_ns,
                wanted: whole.aggregate.wanted(),
                environment: whole.aggregate.environment().cloned(),
                known_ns: whole.now_ns().unwrap_or(0),
                reset_at_ns: whole.reset_at_ns,
            })));
        } else if was_now && self.common.timeline.cursor_ns().is_some() && self.body != views::index(TIME) {
            let key = self.common.keys.shown(Command::Open(TIME));
            self.common.say(&format!(
                "what happened then: {key}; what comes live is not kept so that this view could show it as it was"
            ));
        }
    }

    fn back(&mut self) {
        match (self.over, self.body) {
            (Some(_), _) => self.over = None,
            (None, body) if self.common.timeline.cursor_ns().is_some() && (body == BASE || body == views::index(TIME)) => {
                self.travel(Travel::Now);
            }
            (None, BASE) => {
                let said = format!("this is the first view; {} quits", self.common.keys.shown(Command::Quit));
                self.common.say(&said);
            }
            (None, _) => self.body = BASE,
        }
    }

    /// Shows the view at this place, whatever is seen now.
    fn show(&mut self, index: usize) {
        match VIEWS.get(index).map(|row| (row.layer, row.new)) {
            None => self.common.say(&format!("there are {} views", VIEWS.len())),
            Some((Layer::Body, _)) => (self.body, self.over) = (index, None),
            Some((Layer::Over { .. }, new)) => {
                self.over = Some(index);
                // It begins at its first line.
                self.views[index] = new();
            }
        }
    }

    /// Opens a view; where it is open already, closes it.
    fn open(&mut self, id: ViewId) {
        let index = views::index(id);
        match VIEWS[index].layer {
            Layer::Over { .. } if self.over == Some(index) => self.over = None,
            Layer::Over { .. } => self.show(index),
            Layer::Body if self.over.is_some() => self.show(index),
            Layer::Body if self.body == index => self.body = BASE,
            Layer::Body => {
                self.mean_stand_in();
                self.body = index;
            }
        }
    }

    /// A view of one row is about the row that is selected now, also where that is not the table's.
    fn mean_stand_in(&mut self) {
        if let Some(group) = self.views[self.body].stand_in(&self.common) {
            self.common.listing.choose(group);
        }
    }

    fn refresh(&mut self) {
        self.common.refresh();
        self.common.body_lines = header::lines_below(&self.common);
        self.views[self.body].refresh(&self.common);
        if let Some(over) = self.over {
            self.views[over].refresh(&self.common);
        }
    }

    fn seen(&self) -> usize {
        self.over.unwrap_or(self.body)
    }

    /// What all views share.
    pub fn common(&self) -> &Common {
        &self.common
    }

    /// The view that is seen, and its row in the registry.
    pub fn view(&self) -> (&dyn View, &'static Row) {
        (self.views[self.seen()].as_ref(), &VIEWS[self.seen()])
    }

    /// What is being typed.
    pub fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    /// Whether something is to be done outside the viewer.
    pub fn has_request(&self) -> bool {
        self.request.is_some()
    }

    /// What is to be done outside the viewer; only once.
    pub fn take_request(&mut self) -> Option<Request> {
        self.request.take()
    }

    /// Why the viewer should end; `None`: it should go on.
    pub fn quit(&self) -> Option<&Quit> {
        self.quit.as_ref()
    }
}

#[cfg(test)]
mod habits;
#[cfg(test)]
mod past;
#[cfg(test)]
mod selected;
#[cfg(test)]
mod tests;
