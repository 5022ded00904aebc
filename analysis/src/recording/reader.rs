//! Reads recordings of every version, frame by frame.

use std::io::{self, Read};

use serde::de::DeserializeOwned;

use super::bounds::{self, MOST_BYTES};
use super::whole::whole;
use super::{Frame, MAGIC, VERSION, v1, v2, v3, v6};

/// Room that is there before any byte has come: most frames fit into it.
const USUAL_BYTES: usize = 64 << 10;

const TOO_MUCH: &str = "a frame with more in it than a writer writes";

/// How a recording begins whose newlines were translated.
const TRANSLATED: &[u8] = b"GSREC\r";

/// Why a recording cannot be read (on).
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not one of ours.
    #[error(
        "this is not a grantscope recording: it does not begin with \"GSREC\"; give a file written by `grantscope record -o FILE`"
    )]
    NotARecording,
    /// From a newer version.
    #[error("recording of version {found}, but this grantscope reads versions up to {VERSION}: update grantscope")]
    TooNew {
        /// What it says.
        found: u16,
    },
    /// No recording ever had this version.
    #[error(
        "recording of version 0, which there never was: its first bytes are damaged; get it once more from where it was recorded"
    )]
    NoVersion,
    /// A terminal's line discipline was in the way.
    #[error(
        "every newline became a carriage return and a newline: the line discipline of a terminal or serial line has changed bytes on \
         the way; set both ends to raw mode (`stty -F DEVICE raw -echo`; for ssh: no -t) and record again"
    )]
    Translated,
    /// Something stands behind the end frame.
    #[error("{what} after the end of the recording, which has {frames} frames: what is behind was not read; {advice}")]
    More {
        /// Whole frames before.
        frames: u64,
        /// What stands there.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Bytes end in the middle of a frame, or before the end frame.
    #[error("the recording was cut short after {frames} frames: everything before that is complete")]
    CutShort {
        /// Whole frames before.
        frames: u64,
    },
    /// A checksum does not fit, or a frame makes no sense.
    #[error("the recording is damaged after {frames} frames ({what}): everything before that is complete")]
    Damaged {
        /// Whole frames before.
        frames: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Reading failed.
    #[error("reading the recording failed after {frames} frames")]
    Io {
        /// Whole frames before.
        frames: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Reads a recording, frame by frame.
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: R,
    version: u16,
    newest: v6::Decoder,
    frames: u64,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Checks magic and version.
    ///
    /// # Errors
    ///
    /// Where the input is no recording, or one of a newer version, and where it cannot be read.
    pub fn open(mut input: R) -> Result<Self, ReadError> {
        let mut head = [0; MAGIC.len() + 2];
        match read_fully(&mut input, &mut head) {
            Ok(read) if read == head.len() && head.starts_with(&MAGIC) => {}
            Ok(_) if head.starts_with(TRANSLATED) => return Err(ReadError::Translated),
            Ok(_) => return Err(ReadError::NotARecording),
            Err(source) => return Err(ReadError::Io { frames: 0, source }),
        }
        let found = u16::from_le_bytes([head[MAGIC.len()], head[MAGIC.len() + 1]]);
        match found {
            0 => return Err(ReadError::NoVersion),
            1..=VERSION => {}
            _ => return Err(ReadError::TooNew { found }),
        }
        Ok(Self { input, version: found, newest: v6::Decoder::of(found), frames: 0, ended: false })
    }

    /// Which version the recording has.
    pub(super) fn version(&self) -> u16 {
        self.version
    }

    /// Begins at a frame behind the first, of a recording of this version.
    pub(super) fn within(version: u16, input: R) -> Self {
        Self { input, version, newest: v6::Decoder::of(version), frames: 1, ended: false }
    }

    /// The next frame; `None` after the end frame.
    ///
    /// # Errors
    ///
    /// Where the recording was cut short or is damaged, and where it cannot be read. What was read before stays valid.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let payload = self.payload()?;
        if !bounds::is_small(self.version, &payload) {
            return Err(self.damaged(TOO_MUCH));
        }
        let frame = match self.version {
            1 => decoded::<v1::Frame>(&payload),
            2 => decoded::<v2::Frame>(&payload),
            3 => decoded::<v3::Frame>(&payload),
            _ => self.newest.frame(&payload),
        };
        let mut frame = frame.map_err(|_| self.damaged("a frame that cannot be decoded"))?;
        if !bounds::has_short_lists(&frame) {
            return Err(self.damaged(TOO_MUCH));
        }
        bounds::cut_names(&mut frame);
        match (self.frames, matches!(frame, Frame::Environment(_))) {
            (0, false) => return Err(self.damaged("its first frame does not say where it was made")),
            (1.., true) => return Err(self.damaged("a second environment")),
            _ => {}
        }
        self.frames += 1;
        self.ended = matches!(frame, Frame::End { .. });
        Ok(Some(frame))
    }

    /// That nothing stands behind the end frame, once that was read: of a file, or of a pipe that its writer closes. It waits for
    /// the end of the input.
    ///
    /// # Errors
    ///
    /// Where something stands there, and where it cannot be read.
    pub fn nothing_more(&mut self) -> Result<(), ReadError> {
        let mut behind = [0; MAGIC.len()];
        let read = read_fully(&mut self.input, &mut behind).map_err(|source| ReadError::Io { frames: self.frames, source })?;
        let (what, advice) = match &behind[..read] {
            [] => return Ok(()),
            read if read == MAGIC => ("another recording begins", "give each recording a file of its own"),
            _ => ("bytes stand", "they are of no recording"),
        };
        Err(ReadError::More { frames: self.frames, what, advice })
    }

    fn payload(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut head = [0; 8];
        self.fill(&mut head)?;
        let [a, b, c, d, crc @ ..] = head;
        if head.starts_with(&MAGIC) {
            return Err(self.damaged("another recording begins"));
        }
        let length = u32::from_le_bytes([a, b, c, d]);
        if length > MOST_BYTES {
            return Err(self.damaged("a frame of impossible length"));
        }
        // As bytes come: what a length says costs nothing.
        let mut payload = Vec::with_capacity(USUAL_BYTES.min(length as usize));
        let read = (&mut self.input).take(length.into()).read_to_end(&mut payload);
        read.map_err(|source| ReadError::Io { frames: self.frames, source })?;
        if payload.len() < length as usize {
            return Err(ReadError::CutShort { frames: self.frames });
        }
        if crc32fast::hash(&payload) != u32::from_le_bytes(crc) {
            return Err(self.damaged("a checksum that does not fit"));
        }
        Ok(payload)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ReadError> {
        match read_fully(&mut self.input, buffer) {
            Ok(read) if read == buffer.len() => Ok(()),
            Ok(_) => Err(ReadError::CutShort { frames: self.frames }),
            Err(source) => Err(ReadError::Io { frames: self.frames, source }),
        }
    }

    fn damaged(&self, what: &'static str) -> ReadError {
        ReadError::Damaged { frames: self.frames, what }
    }
}

fn decoded<Schema: DeserializeOwned + Into<Frame>>(payload: &[u8]) -> postcard::Result<Frame> {
    whole::<Schema>(payload).map(Into::into)
}

/// Reads until the buffer is full or the input ends; how much it was.
fn read_fully(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
