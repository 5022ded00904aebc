//! Frontends that break each rule: no run waits for one longer than it says.

use std::cell::{Cell, RefCell};

use super::*;
use crate::uapi::GRANTED_BYTES;

const GRANT: Request = Request::Grant { pages: 2025, looks: 0 };

/// A frontend in this thread: it answers when it is notified, which takes its time.
struct Scripted {
    words: RefCell<Vec<u32>>,
    now: Cell<Instant>,
    /// When the run is to stop.
    stop: Instant,
    takes: Duration,
    /// How many references it gives with each answer at most.
    gives: usize,
    requests: Cell<u32>,
}

impl Scripted {
    fn new(takes: Duration, gives: usize) -> Self {
        let now = Instant::now();
        let (words, never) = (RefCell::new(vec![0; GRANTED_BYTES / 4]), now + Duration::from_secs(1 << 20));
        Self { words, now: Cell::new(now), stop: never, takes, gives, requests: Cell::new(0) }
    }
}

impl Line for &Scripted {
    fn read(&self, place: usize) -> u32 {
        self.words.borrow()[place]
    }

    fn write(&self, place: usize, value: u32) {
        self.words.borrow_mut()[place] = value;
    }

    fn notify(&self) -> Result<()> {
        self.requests.set(self.requests.get() + 1);
        Ok(())
    }

    /// It answers a request once that has taken so long; `takes` of zero is for ever.
    fn wait(&self, limit: Duration) -> Result<()> {
        if self.takes.is_zero() {
            self.now.set(self.now.get() + limit);
            return Ok(());
        }
        let waited = limit.min(self.takes);
        self.now.set(self.now.get() + waited);
        // Time goes on a poll at a time, as it does for whoever waits.
        self.write(PASSED, self.read(PASSED) + waited.as_millis() as u32);
        if self.read(PASSED) < self.takes.as_millis() as u32 {
            return Ok(());
        }
        self.write(PASSED, 0);
        let [command, argument, other] = [word::COMMAND, word::ARGUMENTS[0], word::ARGUMENTS[1]].map(|place| self.read(place));
        let asked = Command::decode([command, argument, other]).unwrap();
        let first = match asked {
            Command::References { first, .. } => first as usize,
            _ => 0,
        };
        let total = if matches!(asked, Command::Release { .. }) { 0 } else { GRANT.pages() as usize };
        let here = total.saturating_sub(first).min(self.gives);
        self.write(word::TOTAL, total as u32);
        self.write(word::HERE, here as u32);
        (0..here.min(REFERENCES_PER_ANSWER)).for_each(|place| self.write(word::REFERENCES + place, (100 + first + place) as u32));
        self.write(word::ANSWER, self.read(word::REQUEST));
        Ok(())
    }

    fn now(&self) -> Instant {
        self.now.get()
    }

    fn is_stopping(&self) -> bool {
        self.now.get() >= self.stop
    }
}

/// A word that neither side uses.
const PASSED: usize = 15;

/// What came of the request, after how many seconds.
fn made(frontend: &Scripted) -> (Result<Made>, u64) {
    let mut conversation = Conversation::begin(1, frontend).unwrap();
    let began = frontend.now.get();
    let made = conversation.make(GRANT);
    (made, (frontend.now.get() - began).as_secs())
}

#[test]
fn references_that_need_several_answers_are_all_there() {
    let frontend = Scripted::new(Duration::from_millis(100), REFERENCES_PER_ANSWER);
    let (made, _) = made(&frontend);
    assert_eq!(made.unwrap().references, (100..100 + 2025).collect::<Vec<_>>());
    assert_eq!(frontend.requests.get(), 1 + 3);
}

#[test]
fn one_reference_at_a_time_is_not_waited_for() {
    let frontend = Scripted::new(Duration::from_secs(3), 1);
    let (made, seconds) = made(&frontend);
    assert_eq!(
        made.unwrap_err().to_string(),
        "a request to the frontend of domain 1 failed: it gave 1 references of 2025, and there should be 2025, as many as fit in each \
         answer"
    );
    assert!(seconds <= 6, "one answer, and one to release it: {seconds}");
    assert_eq!(frontend.words.borrow()[word::COMMAND], 5, "what is of no use is released");
}

#[test]
fn more_references_than_fit_are_refused() {
    let (made, _) = made(&Scripted::new(Duration::from_millis(100), 5000));
    assert!(made.is_err());
}

#[test]
fn all_answers_of_one_request_have_one_deadline() {
    let frontend = Scripted::new(Duration::from_secs(9), REFERENCES_PER_ANSWER);
    let (made, seconds) = made(&frontend);
    assert!(
        made.unwrap_err().to_string().contains("it does not answer within 20 s when it is to give the references of number 0")
    );
    assert_eq!(seconds, ANSWERS.as_secs(), "a release is not waited for as well");
}

#[test]
fn who_was_silent_once_is_not_asked_again() {
    let mut frontend = Scripted::new(Duration::from_millis(100), REFERENCES_PER_ANSWER);
    let shared = &mut frontend;
    shared.takes = Duration::ZERO;
    let mut conversation = Conversation { peer: 1, line: &*shared, number: 0, patience: Patience::default() };
    assert!(matches!(conversation.release(1), Err(Error::PeerRequests { .. })));
    let began = shared.now.get();
    for handle in 2..500 {
        assert!(matches!(conversation.release(handle), Err(Error::PeerGivenUp { .. })));
    }
    assert_eq!((shared.now.get(), shared.requests.get()), (began, 1));
}

#[test]
fn a_signal_leaves_a_silent_frontend_little_time() {
    let mut frontend = Scripted::new(Duration::ZERO, 0);
    frontend.stop = frontend.now.get() + Duration::from_secs(2);
    let began = frontend.now.get();
    let error = Conversation::begin(1, &frontend).err().unwrap();
    assert!(error.to_string().contains("it does not answer within 5 s after the signal when it is to take requests"), "{error}");
    assert_eq!((frontend.now.get() - began).as_secs(), 2 + AFTER_STOP.as_secs());
}
