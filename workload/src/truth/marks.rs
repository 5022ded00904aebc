//! Marks for a profiler: the phase that each thread is in, and names for times, as lines in a pipe that is inherited from it
//! (docs/phases.md).

use grantscope_output::say;
use std::cell::Cell;
use std::env;
use std::fs::File;
use std::io::Write;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::unistd::gettid;

use super::clock::monotonic_ns;
use super::phase::Phase;

/// The variable that names the pipe's descriptor.
const VARIABLE: &str = "GRANTSCOPE_MARKS";

/// As many characters of a name are written: more than the profiler keeps, and at the longest less than PIPE_BUF.
const MOST_NAME: usize = 256;

static PIPE: OnceLock<File> = OnceLock::new();
static LOST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The last mark. With the thread's id: a forked process begins with its parent's.
    static LAST: Cell<Option<(i32, &'static str)>> = const { Cell::new(None) };
}

/// Takes the pipe that a profiler has left for marks, if there is one. To be called before anything else is opened: until then its
/// descriptor cannot be another file's.
pub fn take_from_environment() {
    let Some(text) = env::var_os(VARIABLE) else { return };
    let pipe = text.to_str().and_then(|text| text.parse().ok()).and_then(pipe);
    match pipe {
        Some(pipe) => drop(PIPE.set(pipe)),
        None => say!(
            "note: {VARIABLE}={} names no open pipe, so the profiler cannot tell warm-up from what is measured: \
             start this program directly under it, not through sudo or another program that closes descriptors",
            text.display()
        ),
    }
}

/// A copy of the descriptor, which programs that are started from here do not inherit.
fn pipe(descriptor: RawFd) -> Option<File> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: borrowed for the copy alone, and the kernel refuses to copy what is not open.
    let copy = unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned().ok()?;
    let file = File::from(copy);
    file.metadata().is_ok_and(|kind| kind.file_type().is_fifo()).then_some(file)
}

/// From now on this thread is in `phase`. Said once for each change, and outside of what is timed.
pub(super) fn mark(phase: Phase) {
    let Some(pipe) = PIPE.get() else { return };
    let now = (gettid().as_raw(), name(phase));
    if LAST.replace(Some(now)) == Some(now) {
        return;
    }
    write(pipe, &format!("{} {} {}\n", now.0, monotonic_ns(), now.1));
}

/// The present has this name. What would end its line is written out; the profiler cuts a long name, and says so.
pub(crate) fn name_now(name: &str) {
    let Some(pipe) = PIPE.get() else { return };
    let now_ns = monotonic_ns();
    let written = name
        .chars()
        .take(MOST_NAME)
        .map(|character| if character.is_control() { character.escape_default().to_string() } else { character.to_string() });
    write(pipe, &format!("mark@{now_ns} {}\n", written.collect::<String>()));
}

fn write(mut pipe: &File, line: &str) {
    // The profiler has made it so that a full pipe refuses what it does not take: one write, all or nothing (PIPE_BUF).
    if pipe.write_all(line.as_bytes()).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

/// Says on standard error what did not reach the profiler.
pub fn report_lost() {
    let lost = LOST.load(Ordering::Relaxed);
    if lost > 0 {
        say!(
            "warning: {lost} marks did not reach the profiler, which may take some warm-up for measured or the reverse, and lack names of \
             times: it has ended, or reads too slowly"
        );
    }
}

/// What a mark calls it: undoing is part of setting up.
fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Setup | Phase::Teardown => "set-up",
        Phase::Warmup => "warm-up",
        Phase::Run => "measured",
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe as new_pipe};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn only_an_open_pipe_is_taken() {
        let (_reader, writer) = new_pipe().unwrap();
        assert!(pipe(writer.as_raw_fd()).is_some());
        let file = tempfile::tempfile().unwrap();
        assert!(pipe(file.as_raw_fd()).is_none() && pipe(-1).is_none() && pipe(RawFd::MAX).is_none());
    }

    #[test]
    fn each_change_of_a_thread_is_one_line() {
        let (mut reader, writer) = new_pipe().unwrap();
        PIPE.set(pipe(writer.as_raw_fd()).unwrap()).unwrap();
        let before = monotonic_ns();
        [Phase::Setup, Phase::Teardown, Phase::Warmup, Phase::Run, Phase::Run, Phase::Teardown].into_iter().for_each(mark);
        let mut bytes = [0; 4096];
        let count = reader.read(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        let own = gettid().to_string();
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split(' ').collect()).filter(|line: &Vec<&str>| line[0] == own).collect();
        assert_eq!(lines.iter().map(|line| line[2]).collect::<Vec<_>>(), ["set-up", "warm-up", "measured", "set-up"]);
        assert!(lines.iter().all(|line| (before..=monotonic_ns()).contains(&line[1].parse().unwrap())), "{text}");
    }
}
