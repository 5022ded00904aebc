//! A viewer: a thread that writes the recording to it, as fast as it takes it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use grantscope_wire::LossKind;

use super::counts::Counts;
use super::kept::{Next, Reached, Shared};
use crate::model::LossReport;
use crate::recording::{Frame, FrameSink, Writer};

/// Bytes in one call: what is taken is counted with each, which tells a viewer that is slow from one that takes nothing.
const AT_ONCE_BYTES: usize = 16 << 10;

/// Begins to send; false: there are too many.
///
/// # Errors
/// There can be no thread.
pub fn spawn(shared: &Arc<Shared>, out: impl Write + Send + 'static) -> io::Result<bool> {
    let Some(reached) = shared.enter() else { return Ok(false) };
    let place = Entered(Arc::clone(shared));
    thread::Builder::new().name("view".to_owned()).spawn(move || {
        let counted = Counted { out, shared: Arc::clone(&place.0) };
        // A viewer that is gone is no error of the recording's.
        let _ = send(&place.0, reached, Writer::new(counted));
    })?;
    Ok(true)
}

/// A viewer's place, which is free when this goes, also where there was no thread for it.
struct Entered(Arc<Shared>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// What a viewer lacks.
#[derive(Default)]
struct Lacking {
    /// The last report of what the recorder lost.
    loss: LossReport,
    earlier: Counts,
    missed: Counts,
}

fn send(shared: &Shared, mut reached: Reached, mut writer: Writer<impl Write>) -> io::Result<()> {
    let mut lacking = Lacking::default();
    loop {
        let next = shared.next(&mut reached);
        let end = next.end;
        for frame in frames(next, &mut lacking) {
            writer.put(frame)?;
        }
        match end {
            Some(Some(at_ns)) => return writer.put(Frame::End { at_ns }),
            Some(None) => return Ok(()),
            None => {}
        }
    }
}

/// In the order in which a reader needs them.
fn frames(next: Next, lacking: &mut Lacking) -> Vec<Frame> {
    let Next { new, piece, earlier, missed, .. } = next;
    let mut frames = new.before;
    frames.extend(piece.iter().flat_map(|piece| piece.frames()));
    frames.extend(new.behind);
    let lacks_more = !(earlier.is_empty() && missed.is_empty());
    lacking.earlier.add(&earlier);
    lacking.missed.add(&missed);
    if new.loss.is_some() || lacks_more {
        lacking.loss = new.loss.unwrap_or_else(|| std::mem::take(&mut lacking.loss));
        frames.push(Frame::Loss(lacking.report()));
    }
    if let (Some(at_ns), None) = (new.now_ns, &piece) {
        frames.push(Frame::Tick { at_ns });
    }
    frames
}

impl Lacking {
    /// Of this viewer. What the file does not have because its disk was slow, a viewer may have.
    fn report(&self) -> LossReport {
        let in_kernel = self.loss.counters.iter().filter(|counter| counter.kind != LossKind::Undelivered).cloned();
        let own = self.earlier.lost(LossKind::Earlier).chain(self.missed.lost(LossKind::Undelivered));
        LossReport { at_ns: self.loss.at_ns, counters: in_kernel.chain(own).collect() }
    }
}

/// Counts what a viewer takes.
struct Counted<W> {
    out: W,
    shared: Arc<Shared>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(&bytes[..bytes.len().min(AT_ONCE_BYTES)])?;
        self.shared.taken_bytes.fetch_add(taken as u64, Ordering::Relaxed);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
