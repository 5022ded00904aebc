//! Workers with processes of their own: forked before any thread starts, and monitored until they have reported their results.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, errno_of};
use crate::stop;
use crate::truth::{Buffer, Call, Log, Op, Phase, Subject, Teardowns, Turn};

use super::scheduler::Run;
use super::worker::Shared;

/// A process that works, and what it will have said when it ends.
pub(super) struct Child {
    pid: Pid,
    report: PipeReader,
}

/// A call without what only a program knows of it.
type PlainCall = (Op, Option<Buffer>, Option<u32>, i32, Phase, u32, u64, u64, Option<u16>);

/// What a process reports.
#[derive(Serialize, Deserialize)]
struct Report {
    calls: Vec<PlainCall>,
    teardowns: Vec<Teardowns>,
    turns: Vec<Turn>,
    interrupted: bool,
    error: Option<String>,
}

impl Run<'_> {
    /// Starts the processes of every worker that has several.
    pub(super) fn start_processes(&self) -> Result<Vec<Child>> {
        let mut children: Vec<Child> = Vec::new();
        for (index, crew) in self.plan.crews(self.stage).into_iter().enumerate().filter(|(_, crew)| crew.processes > 1) {
            for process in 0..crew.processes {
                match self.start_process(index, process) {
                    Ok(child) => children.push(child),
                    Err(error) => {
                        self.shared.barrier.give_up();
                        children.into_iter().for_each(|child| drop(self.follow(child)));
                        return Err(error);
                    }
                }
            }
        }
        Ok(children)
    }

    fn start_process(&self, worker: usize, process: usize) -> Result<Child> {
        let failed = |call, errno| Error::Call { call, on: format!("process {process} of a worker"), errno };
        let parent = Pid::this();
        let (report, writer) = pipe().map_err(|error| failed("pipe", errno_of(&error)))?;
        // SAFETY: this process has only this one thread so far.
        match unsafe { fork() }.map_err(|errno| failed("fork", errno))? {
            ForkResult::Parent { child } => Ok(Child { pid: child, report }),
            ForkResult::Child => {
                drop(report);
                // If the parent is killed, what is mapped here goes as in any other end, and so where it was killed just before.
                let _ = set_pdeathsig(Signal::SIGTERM);
                if getppid() != parent {
                    self.shared.barrier.give_up();
                }
                let status = i32::from(self.be_process(worker, process, writer).is_err());
                // SAFETY: ends the process without running what its parent left to be done at an exit.
                unsafe { libc::_exit(status) }
            }
        }
    }

    /// The whole life of such a process.
    fn be_process(&self, worker: usize, process: usize, mut writer: PipeWriter) -> std::io::Result<()> {
        let log = Log::with_room_for(self.plan.expected_calls() / 4);
        let run = Run { shared: Shared { log: &log, ..self.shared }, ..*self };
        let mut turns = Vec::new();
        let outcome = run.threads(&run.members(Some(worker), process), &mut turns);
        let plain = |call: Call| {
            let Subject { op, buffer, pages } = call.subject;
            let errno = call.errno.map_or(0, |errno| errno as i32);
            (op, buffer, pages, errno, call.phase, call.tid, call.start_ns, call.duration_ns, call.arm)
        };
        let report = Report {
            calls: log.calls().into_iter().map(plain).collect(),
            teardowns: log.teardowns(),
            turns,
            interrupted: matches!(outcome, Err(Error::Interrupted)),
            error: outcome.err().map(|error| error.to_string()),
        };
        writer.write_all(&serde_json::to_vec(&report)?)
    }

    /// Reads the report of a process when it ends, and stops it early if the run is to stop.
    pub(super) fn follow(&self, mut child: Child) -> (Vec<Turn>, Result<()>) {
        let mut report = Vec::new();
        let mut asked = false;
        loop {
            let over = stop::requested() || self.shared.barrier.given_up();
            if over && !asked {
                asked = true;
                end(child.pid);
            }
            let mut waiting = [PollFd::new(child.report.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waiting, PollTimeout::from(100u8)).unwrap_or(0) == 0 {
                continue;
            }
            let mut bytes = [0; 1 << 16];
            match child.report.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => report.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let status = waitpid(child.pid, None);
        let (turns, outcome) = match serde_json::from_slice(&report) {
            Ok(report) => self.take_in(report),
            Err(_) => (vec![], Err(Error::Process { text: lost(status) })),
        };
        if outcome.is_err() {
            // A process that was killed cannot say so itself to those who wait for it.
            self.shared.barrier.give_up();
        }
        (turns, outcome)
    }

    fn take_in(&self, report: Report) -> (Vec<Turn>, Result<()>) {
        let call = |(op, buffer, pages, errno, phase, tid, start_ns, duration_ns, arm): PlainCall| {
            let subject = Subject { op, buffer, pages };
            let errno = (errno != 0).then(|| Errno::from_raw(errno));
            Call { subject, errno, phase, tid, start_ns, duration_ns, why: None, arm }
        };
        self.shared.log.absorb(report.calls.into_iter().map(call).collect(), &report.teardowns);
        let outcome = match report.error {
            None => Ok(()),
            Some(_) if report.interrupted => Err(Error::Interrupted),
            Some(text) => Err(Error::Process { text }),
        };
        (report.turns, outcome)
    }
}

/// The error for a process that ended without a report.
fn lost(status: nix::Result<WaitStatus>) -> String {
    match status {
        Ok(WaitStatus::Signaled(_, signal, _)) => {
            format!(
                "{signal} ended it, and its calls are in no truth: see who sent that (dmesg, if memory ran out), and run it again"
            )
        }
        status => format!("it ended without a report ({status:?}): please report the text above"),
    }
}

/// Asks a process to end, which undoes what it has.
fn end(process: Pid) {
    let _ = kill(process, Signal::SIGTERM);
}
