//! What a command says of its phases, and of times that are to have a name, in lines that it writes to a pipe; and so the phase of each
//! operation.
//!
//! A mark is in the pipe before the operations that it is about begin, and those are in the ring only when they have ended: who empties the
//! ring first and reads the pipe then knows every mark that he needs.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use grantscope_analysis::model::{Mark, Operation};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::unistd::pipe2;

use self::line::{LINE_BYTES, Line, read};
use self::named::Named;
use self::threads::Threads;
use crate::{host, pids};

mod line;
mod named;
mod threads;

/// The variable that names the pipe's descriptor to the command.
pub const VARIABLE: &str = "GRANTSCOPE_MARKS";
/// As many bytes the pipe is to hold: an unprivileged user's limit (`pipe_max_size` in fs/pipe.c, Linux v6.12).
const PIPE_BYTES: usize = 1 << 20;
/// As much of a line as is shown.
const SHOWN_BYTES: usize = 80;

/// Lines that are no marks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnreadableMarks {
    /// How many.
    pub lines: u64,
    /// The beginning of the first.
    pub first: String,
}

/// What a command wrote to the pipe that is not in the recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOutMarks {
    /// Lines that are no marks.
    pub unreadable: UnreadableMarks,
    /// Names for times beyond those that there is room for.
    pub named: u64,
}

/// The reader's end of the pipe, and what was read.
#[derive(Debug)]
pub struct Marks {
    pipe: File,
    /// Whether the command's thread ids are of another PID namespace than the operations': then nobody knows which thread is meant.
    are_foreign: bool,
    lines: Lines,
}

impl Marks {
    /// A pipe for a command that is to be started, and the end that it inherits: to be closed once it runs.
    ///
    /// # Errors
    /// The kernel gives no pipe.
    pub fn for_command(command: &mut Command) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        // A pipe of the usual size does too.
        let _ = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES as i32));
        fcntl(&writer, FcntlArg::F_SETFD(FdFlag::empty()))?;
        command.env(VARIABLE, writer.as_raw_fd().to_string());
        Ok((Self { pipe: reader.into(), are_foreign: pids::are_namespaced(), lines: Lines::since(host::now_ns()) }, writer))
    }

    /// Reads what is there, and says of each operation in which phase it began. Never waits; whoever still holds the other end does not
    /// matter.
    pub fn label(&mut self, operations: &mut [Operation]) {
        self.read();
        if self.are_foreign {
            return;
        }
        for operation in operations {
            operation.phase = self.lines.threads.phase(operation.tid, operation.start_ns);
        }
    }

    /// The names for times that came since it was asked last.
    pub fn named(&mut self) -> Vec<Mark> {
        self.lines.named()
    }

    /// What says in the recording that names were left out; `None`: none was.
    pub fn remark(&self) -> Option<Mark> {
        self.lines.named.remark()
    }

    /// What of all lines is not in the recording.
    pub fn left_out(&self) -> LeftOutMarks {
        LeftOutMarks { unreadable: self.lines.unreadable.clone(), named: self.lines.named.left_out() }
    }

    /// At most what the pipe holds: that is all that was in it before, and a writer without end keeps nobody here.
    fn read(&mut self) {
        let (mut bytes, mut left) = ([0; 1 << 14], PIPE_BYTES);
        while left > 0 {
            match self.pipe.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => {
                    // Read after the bytes: what they name is not later.
                    self.lines.take(&bytes[..count], host::now_ns());
                    left = left.saturating_sub(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Empty.
                Err(_) => return,
            }
        }
    }
}

/// Bytes that become marks.
#[derive(Debug, Default)]
pub struct Lines {
    /// The beginning of a line.
    begun: Vec<u8>,
    threads: Threads,
    named: Named,
    unreadable: UnreadableMarks,
    /// Nothing that has a name was before.
    since_ns: u64,
}

impl Lines {
    /// Nothing came yet, of a command that began no earlier than that.
    pub fn since(since_ns: u64) -> Self {
        Self { since_ns, ..Self::default() }
    }

    /// Takes in what came until now: whole lines, and the beginning of one.
    pub fn take(&mut self, bytes: &[u8], now_ns: u64) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = (LINE_BYTES + 1).saturating_sub(self.begun.len());
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    self.begun.extend_from_slice(&end[..end.len().min(room)]);
                    self.end_line(now_ns);
                }
                None => self.begun.extend_from_slice(&piece[..piece.len().min(room)]),
            }
        }
    }

    /// The names for times that came since it was asked last.
    pub fn named(&mut self) -> Vec<Mark> {
        self.named.take()
    }

    /// Lines so far that are no marks.
    pub fn unreadable(&self) -> &UnreadableMarks {
        &self.unreadable
    }

    fn end_line(&mut self, now_ns: u64) {
        match read(&self.begun) {
            Some(Line::Phase { tid, at_ns, phase }) => self.threads.mark(tid, at_ns, phase),
            Some(Line::Name { at_ns: None, name }) => self.named.add(now_ns, &name),
            // Another time is of another clock.
            Some(Line::Name { at_ns: Some(at_ns), name }) if (self.since_ns..=now_ns).contains(&at_ns) => {
                self.named.add(at_ns, &name);
            }
            Some(Line::Name { .. }) | None => {
                if self.unreadable.lines == 0 {
                    let shown = &self.begun[..self.begun.len().min(SHOWN_BYTES)];
                    self.unreadable.first = String::from_utf8_lossy(shown).into_owned();
                }
                self.unreadable.lines += 1;
            }
        }
        self.begun.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use grantscope_analysis::model::{Log, Outcome, Phase, Stages};
    use grantscope_wire::Op;

    use super::*;

    fn lines(bytes: &[u8]) -> Lines {
        let mut lines = Lines::since(1_000);
        lines.take(bytes, 2_000);
        lines
    }

    #[test]
    fn a_thread_is_in_the_phase_that_it_began_last() {
        let lines = lines(b"7 100 set-up\n8 150 measured\n7 200 warm-up\n7 300 measured\n");
        let phase = |tid, at_ns| lines.threads.phase(tid, at_ns);
        assert_eq!([phase(7, 99), phase(7, 100), phase(7, 299)], [None, Some(Phase::SetUp), Some(Phase::WarmUp)]);
        assert_eq!([phase(7, 300), phase(8, 300), phase(9, 300)], [Some(Phase::Measured), Some(Phase::Measured), None]);
        assert_eq!(lines.unreadable, UnreadableMarks::default());
    }

    #[test]
    fn lines_may_come_in_pieces() {
        let mut lines = lines(b"7 1");
        lines.take(b"00 set", 2_100);
        assert_eq!(lines.threads.phase(7, 100), None);
        lines.take(b"-up\n7 200 meas", 2_200);
        lines.take(b"ured\nmark in ", 2_300);
        lines.take(b"pieces\n", 2_400);
        assert_eq!(lines.named.take(), [Mark::new(2_400, "in pieces")]);
        assert_eq!([100, 200].map(|at_ns| lines.threads.phase(7, at_ns)), [Some(Phase::SetUp), Some(Phase::Measured)]);
    }

    #[test]
    fn what_is_no_mark_is_counted_and_the_first_is_kept() {
        let wrong = ["", "7 100 setup", "mark", "mark@999 before the command", "mark@2001 not yet"];
        for text in wrong {
            let lines = lines(format!("{text}\nand more\n7 5 measured\n").as_bytes());
            assert_eq!(lines.unreadable, UnreadableMarks { lines: 2, first: text.to_owned() });
            assert_eq!(lines.threads.phase(7, 100), Some(Phase::Measured), "after {text:?}");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory_without_end() {
        let mut lines = Lines::default();
        for _ in 0..1000 {
            lines.take(&[b' '; 4096], 1);
        }
        assert!(lines.begun.len() <= LINE_BYTES + 1);
        lines.take(b"7 100 set-up\n7 200 measured\n", 2);
        assert_eq!((lines.unreadable.lines, lines.unreadable.first.len()), (1, SHOWN_BYTES));
        assert_eq!(lines.threads.phase(7, 200), Some(Phase::Measured));
    }

    #[test]
    fn a_name_has_the_time_that_it_says_or_that_of_its_reader() {
        let mut lines = lines(b"mark begun\n7 100 measured\nmark@1000 first\nmark@2000 last\n");
        let marks = [(2_000, "begun"), (1_000, "first"), (2_000, "last")];
        assert_eq!(lines.named.take(), marks.map(|(at_ns, name)| Mark::new(at_ns, name)));
        assert_eq!((lines.threads.phase(7, 100), lines.unreadable.lines), (Some(Phase::Measured), 0));
    }

    /// Starts a shell that has the pipe.
    fn shell(script: &str) -> (Marks, std::process::Child) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped());
        let (marks, _inherited) = Marks::for_command(&mut command).unwrap();
        (marks, command.spawn().unwrap())
    }

    #[test]
    fn a_command_finds_the_pipe_by_its_variable() {
        let (mut marks, mut child) = shell("echo 7 100 measured >&$GRANTSCOPE_MARKS");
        assert!(child.wait().unwrap().success());
        marks.label(&mut []);
        assert_eq!(marks.lines.threads.phase(7, 100), Some(Phase::Measured));
    }

    #[test]
    fn operations_of_threads_that_said_nothing_have_no_phase() {
        let (mut marks, mut child) = shell("echo 7 100 warm-up >&$GRANTSCOPE_MARKS; echo 7 200 measured >&$GRANTSCOPE_MARKS");
        child.wait().unwrap();
        let began = |tid, start_ns| Operation { tid, start_ns, ..operation() };
        let mut operations = [began(7, 150), began(7, 250), began(0, 250), began(8, 250)];
        marks.label(&mut operations);
        assert_eq!(operations.map(|operation| operation.phase), [Some(Phase::WarmUp), Some(Phase::Measured), None, None]);
    }

    #[test]
    fn a_shell_names_the_present_as_documented_and_also_when_nobody_reads_any_more() {
        let document = include_str!("../../docs/phases.md");
        let write = document.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let (mut marks, mut child) = shell(write);
        let before_ns = host::now_ns();
        assert!(child.wait().unwrap().success());
        marks.label(&mut []);
        let named = marks.named();
        assert!((before_ns..=host::now_ns()).contains(&named[0].at_ns()), "{named:?}");
        assert_eq!((named.len(), named[0].name(), marks.left_out()), (1, "cable out", LeftOutMarks::default()));
        let (marks, mut child) = shell(&format!("read line; {write}"));
        drop(marks);
        drop(child.stdin.take().map(|mut stdin| stdin.write_all(b"go\n")));
        assert!(child.wait().unwrap().success());
    }

    fn operation() -> Operation {
        Operation {
            start_ns: 0,
            duration_ns: 1,
            op: Op::Map,
            buffer: None,
            pages: None,
            outcome: Outcome::Ok,
            domid: None,
            tgid: 7,
            tid: 7,
            comm: "".into(),
            map_generation_ns: None,
            stages_incomplete: false,
            stages: Stages::new(),
            log: Log::new(),
            is_sounded: false,
            phase: None,
            details: Vec::new(),
        }
    }

    #[test]
    fn who_keeps_the_pipe_open_or_fills_it_holds_nobody_up() {
        let (mut marks, mut child) = shell("read line; exit 0");
        let begun = Instant::now();
        marks.label(&mut []);
        drop(child.stdin.take().map(|mut stdin| stdin.write_all(b"go\n")));
        child.wait().unwrap();
        let (mut marks, mut filler) = shell("while echo nonsense; do :; done >&$GRANTSCOPE_MARKS 2>/dev/null");
        filler.wait().unwrap();
        marks.label(&mut []);
        assert!(marks.left_out().unreadable.lines > 1000, "{:?}", marks.left_out());
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
