//! The files and the output of a program in dom0 are copied to this machine.

use anyhow::{Context, Result, ensure};

use super::harness::{Harness, TIMEOUT};
use crate::{
    boot::console_watch::End,
    guest::job::{Command, Job},
    platform::{Clock, MAIN},
};

/// A program of this machine runs in dom0 with its arguments; its status, its output and the files it made come back.
pub fn comes_back(harness: &Harness) -> Result<()> {
    let program = harness.out("program.sh");
    std::fs::write(&program, "#!/bin/sh\necho \"out $1\"; echo err >&2; echo kept >/out/made; exit 5\n")?;
    let path = program.to_str().context("the folder of the checks is not UTF-8")?;
    let job = Job::Bare(Command::named(path, &["a 'b'  c".into()], MAIN.architecture)?);
    let out = harness.out("program");
    let outcome = harness.bare().run(&job, Clock::Counted, TIMEOUT, &out, &mut ())?;
    ensure!(matches!(outcome.end, End::Fail(_)), harness.unexpected("program", &outcome));
    ensure!(outcome.status() == Some(5), "the status that came back is {:?}", outcome.status());
    for (file, expected) in [("stdout", "out a 'b'  c\n"), ("stderr", "err\n"), ("made", "kept\n")] {
        let came = std::fs::read_to_string(out.join(file)).with_context(|| format!("{file} did not come back"))?;
        ensure!(came == expected, "{file} came back as {came:?}, not as {expected:?}");
    }
    Ok(())
}

/// Sixteen megabytes arrive whole and in order.
pub fn stream_is_recorded(harness: &Harness) -> Result<()> {
    let outcome = harness.script("stream", "yes 0123456789abcde | head -c 16777216 >/dev/gs.stream")?;
    ensure!(outcome.end == End::Pass, harness.unexpected("stream", &outcome));
    let recording = std::fs::read(harness.out("stream").join("recording.gsr"))?;
    ensure!(recording.len() == 16 << 20, "{} bytes arrived", recording.len());
    ensure!(recording.chunks_exact(16).all(|line| line == b"0123456789abcde\n"), "the bytes arrived in another order");
    Ok(())
}
