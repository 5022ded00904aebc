//! What was known at a time that is looked at: read anew from the file, beside everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Result;
use grantscope_analysis::series::Wanted;

use crate::screen::event::Event;
use crate::screen::model::data::Data;
use crate::source::again::read_until;
use crate::source::frames::Again;

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

    /// Reads up to this time.
    pub fn ask(&self, again: Again, at_ns: u64, wanted: Wanted) {
        let Self { events, asked } = self.clone();
        let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
        thread::spawn(move || {
            let read = read(&again, at_ns, wanted, || asked.load(Ordering::Relaxed) == number);
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
/// The file cannot be read any more.
pub fn read(again: &Again, at_ns: u64, wanted: Wanted, is_wanted: impl Fn() -> bool) -> Result<Option<Box<Data>>> {
    let mut data = Data::of(wanted);
    let is_all = read_until(again, at_ns, is_wanted, |frame| data.add(frame))?;
    Ok(is_all.then(|| Box::new(data)))
}
