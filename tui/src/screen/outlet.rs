//! Writes to the terminal in a thread of its own: a terminal that takes nothing holds that thread, and not the viewer.
//!
//! A serial line that nothing is connected to, a window that is stopped, a connection that hangs: each takes as many bytes as it has room
//! for, and then none. Who writes to it waits until somebody reads. So the viewer leaves pictures out while one is on its way, and ends
//! also while the terminal takes nothing.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::thread::JoinHandleExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::pthread::pthread_kill;
use nix::sys::signal::Signal;

/// Bytes that are written at once: a line of 1,200 bits a second takes them in a second.
const PIECE: usize = 128;
/// A terminal that takes none of them for so long takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to the terminal. To write neither waits nor fails: [`Outlet::check`] says whether the terminal is gone. A copy is another hand on
/// the same way.
#[derive(Clone, Debug)]
pub struct Outlet {
    shared: Arc<Shared>,
    writer: Arc<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// To be written.
    waiting: VecDeque<u8>,
    /// A piece is being written.
    is_writing: bool,
    /// Pieces that the terminal took.
    taken: u64,
    /// Why nothing more can be written.
    failed: Option<(ErrorKind, String)>,
}

/// What became of bytes that were on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Drained {
    /// The terminal has them all.
    All,
    /// It is gone.
    Gone,
    /// It takes nothing.
    Stuck,
}

impl Outlet {
    /// A way to standard output. Not by `io::stdout`: who waits there holds a lock that whatever else is printed needs.
    pub fn to_stdout() -> Self {
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(descriptor) => Self::to(File::from(descriptor)),
            // There is no descriptor left.
            Err(_) => Self::to(io::stdout()),
        }
    }

    /// A way to this.
    pub fn to(terminal: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let writer = Arc::new(thread::spawn(move || theirs.pass_on(terminal)));
        Self { shared, writer }
    }

    /// Whether all is written: the next picture would not have to wait.
    pub fn is_free(&self) -> bool {
        self.shared.state().is_idle()
    }

    /// Waits until the terminal has all of it, as long as it takes anything.
    pub fn drain(&self) -> Drained {
        let mut state = self.shared.state();
        let (mut taken, mut since) = (state.taken, Instant::now());
        while !state.is_idle() {
            if state.taken != taken {
                (taken, since) = (state.taken, Instant::now());
            }
            let Some(rest) = PATIENCE.checked_sub(since.elapsed()).filter(|rest| !rest.is_zero()) else { return Drained::Stuck };
            state = self.shared.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.failed.is_some() { Drained::Gone } else { Drained::All }
    }

    /// Waits until all of it was taken, however long that takes.
    ///
    /// # Errors
    /// Nothing more can be written.
    pub fn drain_all(&self) -> io::Result<()> {
        while self.drain() == Drained::Stuck {}
        self.check()
    }

    /// Whether the terminal is still there.
    ///
    /// # Errors
    /// It is not; why.
    pub fn check(&self) -> io::Result<()> {
        match &self.shared.state().failed {
            Some((kind, why)) => Err(io::Error::new(*kind, why.clone())),
            None => Ok(()),
        }
    }

    /// Writes nothing more of what waits. Of a terminal that was given room, a write that waits for it hears by a signal, for which this
    /// process has a handler: the kernel begins such a write anew (signal(7), `SA_RESTART`).
    pub fn forget(&self) {
        self.shared.state().waiting.clear();
        // An error means that the thread has ended.
        let _ = pthread_kill(self.writer.as_pthread_t(), Signal::SIGWINCH);
    }
}

impl Shared {
    /// The thread that writes. Ends with what it writes to.
    fn pass_on(&self, mut terminal: impl Write) {
        loop {
            let piece = self.next();
            let written = terminal.write_all(&piece).and_then(|()| terminal.flush());
            let mut state = self.state();
            state.is_writing = false;
            state.taken += 1;
            self.changed.notify_all();
            if let Err(error) = written {
                state.failed = Some((error.kind(), error.to_string()));
                return;
            }
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        while state.waiting.is_empty() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_writing = true;
        let length = state.waiting.len().min(PIECE);
        state.waiting.drain(..length).collect()
    }

    /// Values that are set in one go are whole, whoever panicked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.failed.is_some() || self.waiting.is_empty() && !self.is_writing
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.state();
        if state.failed.is_none() {
            state.waiting.extend(bytes);
            self.shared.changed.notify_all();
        }
        Ok(bytes.len())
    }

    /// Waits for nothing: [`Outlet::drain`] does.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes as many writes as it was given leave to, and shows what it took.
    struct Reluctant {
        leave: Receiver<()>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.leave.recv().map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
            let _ = self.taken.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn outlet() -> (Outlet, Sender<()>, Receiver<Vec<u8>>) {
        let ((give, leave), (taken, shown)) = (channel(), channel());
        (Outlet::to(Reluctant { leave, taken }), give, shown)
    }

    #[test]
    fn what_is_written_arrives_whole_and_in_order_and_nobody_waits_for_it() {
        let (mut outlet, give, shown) = outlet();
        let all: Vec<u8> = (0..3 * PIECE + 7).map(|place| place as u8).collect();
        all.chunks(100).for_each(|some| outlet.write_all(some).unwrap());
        assert!(!outlet.is_free());
        (0..100).for_each(|_| give.send(()).unwrap());
        assert_eq!((outlet.drain(), outlet.is_free()), (Drained::All, true));
        assert_eq!(shown.try_iter().flatten().collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_terminal_that_takes_nothing_is_given_up_and_one_that_takes_little_is_not() {
        let (mut outlet, give, shown) = outlet();
        outlet.write_all(&[b'x'; 4 * PIECE]).unwrap();
        let slow = thread::spawn(move || {
            for _ in 0..3 {
                thread::sleep(PATIENCE * 2 / 3);
                give.send(()).unwrap();
            }
            give
        });
        let begun = Instant::now();
        assert_eq!(outlet.drain(), Drained::Stuck);
        assert!(begun.elapsed() >= PATIENCE * 3, "it had taken something just before");
        assert_eq!(shown.try_iter().map(|piece| piece.len()).sum::<usize>(), 3 * PIECE);
        drop(slow);
    }

    #[test]
    fn what_is_forgotten_is_not_written_and_what_comes_after_it_is() {
        let (mut outlet, give, shown) = outlet();
        outlet.write_all(&[b'x'; 9 * PIECE]).unwrap();
        outlet.forget();
        outlet.write_all(b"last").unwrap();
        (0..9).for_each(|_| give.send(()).unwrap());
        assert_eq!(outlet.drain(), Drained::All);
        let shown: Vec<_> = shown.try_iter().flatten().collect();
        assert!(shown.ends_with(b"last") && shown.len() <= PIECE + 4, "{shown:?}");
    }

    #[test]
    fn a_terminal_that_is_gone_is_an_error_and_nothing_to_wait_for() {
        let (mut outlet, give, _) = outlet();
        drop(give);
        outlet.write_all(b"x").unwrap();
        assert_eq!(outlet.drain(), Drained::Gone);
        // Nothing gathers that nobody will read.
        outlet.write_all(b"y").unwrap();
        assert_eq!((outlet.check().unwrap_err().kind(), outlet.is_free()), (ErrorKind::BrokenPipe, true));
    }
}
