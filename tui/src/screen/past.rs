//! What was known at a time that is looked at: read anew from the file, beside everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Result;
use grantscope_analysis::model::Environment;
use grantscope_analysis::series::Wanted;

use crate::screen::event::Event;
use crate::screen::model::data::Data;
use crate::source::again::read_until;
use crate::source::frames::Again;
use crate::source::pace::time_of;

/// What is to be read.
#[derive(Clone, Debug)]
pub struct Question {
    /// How.
    pub again: Again,
    /// Up to this time of the recording.
    pub at_ns: u64,
    /// What is shown.
    pub wanted: Wanted,
    /// How the recording begins, as far as that is known.
    pub environment: Option<Environment>,
    /// Up to which time it was read before.
    pub known_ns: u64,
    /// What came before was forgotten.
    pub reset_at_ns: Option<u64>,
}

/// Reads the past. Only what was asked for last is read to its end.
#[derive(Clone, Debug)]
pub struct Past {
    events: Sender<Event>,
    asked: Arc<AtomicU64>,
}

impl Past {
    /// What was read becomes an event.
    pub fn new(events: Sender<Event>) -> Self {
        Self { events, asked: Arc::default() }
    }

    /// Reads up to a time.
    pub fn ask(&self, question: Question) {
        let Self { events, asked } = self.clone();
        let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
        thread::spawn(move || {
            let at_ns = question.at_ns;
            let read = read(&question, || asked.load(Ordering::Relaxed) == number);
            let event = match read.transpose() {
                Some(Ok(data)) => Event::Past(at_ns, data),
                Some(Err(why)) => Event::Said(format!("the past cannot be read: {why:#}")),
                None => return,
            };
            drop(events.send(event));
        });
    }
}

/// What was known at this time; `None`: it is not wanted any more.
///
/// # Errors
/// The file cannot be read any more, or is not what it was.
pub fn read(question: &Question, is_wanted: impl Fn() -> bool) -> Result<Option<Box<Data>>> {
    let Question { again, at_ns, wanted, environment, known_ns, reset_at_ns } = question;
    let mut data = Data::of(*wanted);
    let mut reset_at_ns = *reset_at_ns;
    let is_all = read_until(again, (environment.as_ref(), *known_ns), *at_ns, is_wanted, |frame| {
        // What was forgotten then stays so.
        if reset_at_ns.is_some_and(|reset_ns| time_of(frame).is_some_and(|frame_ns| frame_ns > reset_ns)) {
            reset_at_ns = None;
            data.reset();
        }
        data.add(frame);
    })?;
    Ok(is_all.then(|| Box::new(data)))
}
