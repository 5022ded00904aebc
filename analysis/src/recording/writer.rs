//! Writes recordings: frames become the bytes of the newest version.

use std::io::{self, Write};
use std::sync::mpsc;

use super::{Frame, MAGIC, VERSION, v6};
use crate::model::{Environment, LossCounter};

/// How far a recording is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that wait; 0: none, or it is not known.
    pub waiting_bytes: usize,
    /// Bytes that were written.
    pub written_bytes: u64,
}

/// Takes frames, one after the other.
pub trait FrameSink {
    /// Whether it has a use for the operations' [stages](crate::model::Operation::stages): else they need not be made of the log, but for
    /// those of teardowns.
    const READS_STAGES: bool = true;

    /// Takes one.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or its reader is gone.
    fn put(&mut self, frame: Frame) -> io::Result<()>;

    /// Takes one that is never left out, however much waits.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    fn put_last(&mut self, frame: Frame) -> io::Result<()> {
        self.put(frame)
    }

    /// How far writing what it took has come.
    ///
    /// # Errors
    ///
    /// If nothing can be written any more.
    fn progress(&self) -> io::Result<Progress> {
        Ok(Progress::default())
    }

    /// Operations that it left out because too much waited.
    fn left_out(&self) -> Vec<LossCounter> {
        Vec::new()
    }
}

/// Writes a recording.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    encoder: v6::Encoder,
    begun: bool,
}

impl<W: Write> Writer<W> {
    /// A recording that begins with its first frame, which has to be the environment.
    pub fn new(out: W) -> Self {
        Self { out, encoder: v6::Encoder::default(), begun: false }
    }

    /// Begins a recording: the magic, the version and the environment.
    ///
    /// # Errors
    ///
    /// Where `out` cannot be written.
    pub fn begin(out: W, environment: &Environment) -> io::Result<Self> {
        let mut writer = Self::new(out);
        writer.put(Frame::Environment(environment.clone()))?;
        Ok(writer)
    }

    /// Appends a copy of a frame, for a caller that keeps it.
    ///
    /// # Errors
    ///
    /// Where the writer beneath refuses it, as on a disk that is full.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.put(frame.clone())
    }

    fn payload(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(payload.len() + 16);
        if !self.begun {
            bytes.extend_from_slice(&MAGIC);
            bytes.extend_from_slice(&VERSION.to_le_bytes());
            self.begun = true;
        }
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
        bytes.extend_from_slice(payload);
        self.out.write_all(&bytes)
    }

    /// What it writes to.
    pub(super) fn out(&self) -> &W {
        &self.out
    }

    /// The writer beneath.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> FrameSink for Writer<W> {
    // Who reads the recording makes them of the log anew.
    const READS_STAGES: bool = false;

    /// Appends one frame and hands it on, so that a live reader sees it at once.
    fn put(&mut self, frame: Frame) -> io::Result<()> {
        for payload in self.encoder.payloads(frame).map_err(io::Error::other)? {
            self.payload(&payload)?;
        }
        self.out.flush()
    }
}

/// Hands frames to another thread of this process.
impl FrameSink for mpsc::Sender<Frame> {
    fn put(&mut self, frame: Frame) -> io::Result<()> {
        self.send(frame).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
