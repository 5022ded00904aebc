//! kretprobes with room for many tasks at once.
//!
//! A kretprobe follows as many calls at a time as it has instances. perf_event_open makes them for ten tasks, or two for each processor, and
//! misses the returns of all others (`__register_kretprobe` in kernel/kprobes.c, Linux v6.12): threads that wait for a lock inside a function
//! are soon more. Only an event of tracefs is given a number (`r1024:…`, Documentation/trace/kprobetrace.rst), so here is one for each, which
//! goes with its owner; what a killed one left is removed by the next.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process;

use crate::{bpf, host};

/// How many calls are followed at a time. Each takes some 70 bytes of the kernel's memory; it allows 4,096 at most.
const INSTANCES: u32 = 1024;
/// Where tracefs is mounted.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
const EVENTS: &str = "kprobe_events";
/// The events' group.
const GROUP: &str = "grantscope";

/// Where events are made.
#[derive(Debug)]
pub struct Tracefs(PathBuf);

impl Tracefs {
    /// Where it is mounted, without what those left there who were killed; `None`: nowhere.
    pub fn find() -> Option<Self> {
        let mounted = TRACEFS.iter().map(Path::new).find(|folder| folder.join(EVENTS).exists())?;
        remove_left_behind(mounted);
        Some(Self(mounted.to_owned()))
    }

    /// Attaches a loaded program to the return of a function.
    ///
    /// # Errors
    /// The kernel has no such function, or does not let it be hooked.
    pub fn attach(&self, program: BorrowedFd<'_>, function: &str) -> io::Result<Kretprobe> {
        let event = Event::new(&self.0, function)?;
        Ok(Kretprobe { _link: bpf::attach_to_event(program, event.id()?)?, _event: event })
    }
}

/// A program at the return of a function. Dropping it detaches the program.
#[derive(Debug)]
pub struct Kretprobe {
    // In this order: the kernel removes no event that something is attached to.
    _link: Vec<OwnedFd>,
    _event: Event,
}

/// An event of tracefs, removed when it is dropped.
#[derive(Debug)]
struct Event {
    tracefs: PathBuf,
    name: String,
}

impl Event {
    fn new(tracefs: &Path, function: &str) -> io::Result<Self> {
        // The compiler's suffixes have dots, and names of events have none.
        let function_part = function.replace('.', "_");
        // Process ids are not enough: another PID namespace has the same.
        let name = format!("{function_part}_{}_{}", host::now_ns(), process::id());
        write(tracefs, &format!("r{INSTANCES}:{GROUP}/{name} {function}"))?;
        Ok(Self { tracefs: tracefs.to_owned(), name })
    }

    fn id(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.tracefs.join("events").join(GROUP).join(&self.name).join("id"))?;
        text.trim().parse().map_err(io::Error::other)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // Who attaches next tries again.
        let _ = write(&self.tracefs, &format!("-:{GROUP}/{}", self.name));
    }
}

/// Removes the events of processes that are no more. The kernel keeps those of others, of another PID namespace say: they are in use.
fn remove_left_behind(tracefs: &Path) {
    let events = fs::read_to_string(tracefs.join(EVENTS)).unwrap_or_default();
    for event in left_behind(&events, |process| Path::new("/proc").join(process).exists()) {
        let _ = write(tracefs, &format!("-:{event}"));
    }
}

/// Of lines such as `r1024:grantscope/gntdev_ioctl_5000_123 gntdev_ioctl`, the events of ours whose process does not live.
fn left_behind(events: &str, lives: impl Fn(&str) -> bool) -> Vec<&str> {
    let named = events.lines().filter_map(|line| line.split_once(':')?.1.split_whitespace().next());
    let is_ours = |event: &&str| event.strip_prefix(GROUP).is_some_and(|rest| rest.starts_with('/'));
    let is_orphan = |event: &&str| event.rsplit_once('_').is_some_and(|(_, process)| !lives(process));
    named.filter(is_ours).filter(is_orphan).collect()
}

/// The file is one list for everybody: what is written is added to it, or taken from it.
fn write(tracefs: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).open(tracefs.join(EVENTS))?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_is_ours_and_of_nobody_who_lives() {
        let events = "r1024:grantscope/gntdev_ioctl_5000_12 gntdev_ioctl\n\
                      r1024:grantscope/gntdev_ioctl_6000_13 gntdev_ioctl\n\
                      p:lab/map_refs_1_12 gnttab_map_refs pages=%x3:u32\n\
                      p:grantscoped/other_1_12 other\n";
        assert_eq!(left_behind(events, |process| process == "13"), ["grantscope/gntdev_ioctl_5000_12"]);
        assert!(left_behind(events, |_| true).is_empty());
    }
}
