//! The viewer: what all views share, the views, and which of them is seen. Pure: events in, values out; no clock, no
//! terminal, no file.

use std::time::Duration;

use grantscope_analysis::series::Wanted;

use crate::screen::command::{Command, ViewId};
use crate::screen::event::Event;
use crate::screen::model::common::Common;
use crate::screen::model::connection::Connection;
use crate::screen::view::View;
use crate::screen::views::{self, BASE, Layer, Row, VIEWS};
use crate::source::frames::{Ended, Input, Origin};
use crate::source::pace::{Speed, time_of};
use crate::source::playback::Playback;

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

impl App {
    /// Nothing read yet; this is wanted of the input.
    pub fn new(origin: Origin, wanted: impl Into<Wanted>) -> Self {
        let views = VIEWS.iter().map(|row| (row.new)()).collect();
        Self { common: Common::new(origin, wanted, views::keys()), views, body: BASE, over: None, quit: None }
    }

    /// What is known of an input before it is read; it is played as fast as this.
    pub fn about(self, input: &Input, speed: Speed) -> Self {
        let Self { mut common, .. } = self;
        common.connection = Connection::new(input.origin).named(input.name.clone(), input.end_ns);
        common.playback = Playback::at(speed);
        Self { common, ..self }
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
            Event::Paste => self.common.say("pasted text is ignored: it would be taken for keys"),
            Event::Tick(now) => self.tick(now),
            Event::Resize(size) => self.common.size = size,
            Event::StreamEnded(Ended::Unreadable(why)) => self.quit = Some(Quit::Failed(why)),
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
        self.common.notice = None;
        match command {
            Command::Quit => self.quit = Some(Quit::Asked),
            Command::Back => self.back(),
            Command::Open(id) => self.open(id),
            Command::Pause => self.common.toggle_pause(),
            Command::Step => self.common.step(),
            Command::Slower => self.common.play(Speed::slower),
            Command::Faster => self.common.play(Speed::faster),
            // What these change is not seen now.
            Command::Reset | Command::MergePages | Command::OtherTimes if self.over.is_some() => {}
            Command::Reset => self.common.reset(),
            Command::MergePages => self.common.listing.toggle_merged(),
            Command::OtherTimes => self.common.show_other_times(),
            command => {
                let seen = self.seen();
                self.views[seen].command(command, &mut self.common);
            }
        }
        self.refresh();
    }

    fn back(&mut self) {
        match (self.over, self.body) {
            (Some(_), _) => self.over = None,
            (None, BASE) => self.quit = Some(Quit::Asked),
            (None, _) => self.body = BASE,
        }
    }

    /// Opens a view; where it is open already, closes it.
    fn open(&mut self, id: ViewId) {
        let index = views::index(id);
        match VIEWS[index].layer {
            Layer::Over { .. } => {
                self.over = (self.over != Some(index)).then_some(index);
                // It begins at its first line.
                self.views[index] = (VIEWS[index].new)();
            }
            // What would change is not seen now.
            Layer::Body if self.over.is_some() => {}
            Layer::Body => self.body = if self.body == index { BASE } else { index },
        }
    }

    fn refresh(&mut self) {
        self.common.refresh();
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

    /// Why the viewer should end; `None`: it should go on.
    pub fn quit(&self) -> Option<&Quit> {
        self.quit.as_ref()
    }
}

#[cfg(test)]
mod tests;
