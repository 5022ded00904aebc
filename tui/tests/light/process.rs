//! What the real viewer costs, in a pseudo-terminal, with a stream on its standard input.

use std::fs;
use std::process::{ChildStdin, Command};
use std::thread;
use std::time::{Duration, Instant};

use grantscope_analysis::recording::{Frame, Writer};
use nix::time::ClockId;

use super::stream::{FRAMES_PER_SECOND, Stream};
use crate::pty::{Line, Viewer};
use crate::support::builder;

/// What a second of watching costs.
#[derive(Clone, Copy, Debug)]
pub struct Second {
    /// Processor time.
    pub cpu: Duration,
    /// Bytes to the terminal.
    pub bytes: f64,
}

/// A viewer that is fed.
pub struct Fed {
    viewer: Viewer,
    writer: Writer<ChildStdin>,
}

impl Fed {
    pub fn on(lines: u16, columns: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope"));
        command.args(["top", "-"]).env("LC_ALL", "C.UTF-8").env("COLORTERM", "truecolor");
        let mut viewer = Viewer::fed(&mut command, Line::open(lines, columns));
        let pipe = viewer.child.stdin.take().unwrap();
        let writer = Writer::begin(pipe, &builder::environment()).unwrap();
        Self { viewer, writer }
    }

    pub fn send(&mut self, frames: impl IntoIterator<Item = Frame>) {
        frames.into_iter().for_each(|frame| self.writer.write(&frame).unwrap());
    }

    /// Feeds it as a recorder would, for so long.
    fn live(&mut self, stream: &mut Stream, seconds: u64) {
        let begun = Instant::now();
        for number in 1..=seconds * FRAMES_PER_SECOND {
            self.send(stream.next());
            let due = Duration::from_millis(1_000 / FRAMES_PER_SECOND * number);
            thread::sleep(due.saturating_sub(begun.elapsed()));
        }
    }

    fn cpu(&self) -> Duration {
        ClockId::pid_cpu_clock_id(self.viewer.pid()).unwrap().now().unwrap().into()
    }

    /// The most memory that it had so far (proc_pid_status(5), VmHWM).
    fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.viewer.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel says it");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// What each view costs while so many operations come in a second: those of the registry, by number.
pub fn seconds(views: usize, series: u32, per_second: u64, seconds: u64) -> Vec<Second> {
    let mut stream = Stream::of(series, per_second);
    let mut fed = Fed::on(24, 80);
    fed.send([stream.all_kinds()]);
    fed.live(&mut stream, 2);
    let mut cost_of = |view: usize| {
        // What lies over the views is closed by its own key; a number leads everywhere.
        fed.viewer.press(&view.to_string());
        fed.live(&mut stream, 1);
        fed.viewer.take();
        let before = fed.cpu();
        fed.live(&mut stream, seconds);
        let cpu = (fed.cpu() - before) / seconds as u32;
        Second { cpu, bytes: fed.viewer.take().len() as f64 / seconds as f64 }
    };
    (1..=views).map(&mut cost_of).collect()
}

/// Says the most memory, in KiB, after each of these many seconds of a stream, which comes as fast as it is taken.
pub fn memory(series: u32, per_second: u64, at_seconds: &[u64], mut say: impl FnMut(u64)) {
    let mut stream = Stream::of(series, per_second);
    let mut fed = Fed::on(24, 80);
    fed.send([stream.all_kinds()]);
    let mut second = 0;
    for &until in at_seconds {
        while second < until {
            (0..FRAMES_PER_SECOND).for_each(|_| fed.send(stream.next()));
            second += 1;
        }
        // Until all of it is on the screen.
        let operations = u64::from(stream.kinds()) + per_second * until;
        fed.viewer.until_repainted(&format!("{operations}"));
        say(fed.peak_kib());
    }
}
