//! The recording: one framed, versioned format for files, pipes, sockets and serial lines alike.
//!
//! `docs/recording.md` describes the bytes. A file that was cut short or damaged gives everything before the damage.
//!
//! Each version has structs of its own (`v1`, `v2`, …) that never change, and that become values of the [`model`](crate::model)
//! when they are read: the model can change, and old recordings stay what they are. A new version takes over from the one before
//! it what stays the same.

mod bounds;
mod broadcast;
mod convert;
mod end;
mod ids;
mod outbox;
mod reader;
mod stall;
mod v1;
mod v2;
mod v3;
mod v4;
mod v5;
mod v6;
mod whole;
mod writer;

pub use broadcast::{Broadcast, MOST_KEPT_BYTES, MOST_VIEWERS, Viewers};
pub use end::end_ns;
pub use outbox::{MOST_WAITING, Unblocked};
pub use reader::{ReadError, Reader};
pub use stall::Stall;
pub use writer::{FrameSink, Progress, Writer};

use crate::model::{Calibration, Environment, FilterReport, LossReport, MapsReport, Mark, Operation, RecorderReport};

/// First bytes of every recording.
pub const MAGIC: [u8; 6] = *b"GSREC\n";
/// Version that this program writes. It reads all versions up to this one.
pub const VERSION: u16 = 6;

/// One message of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Always the first: where and with what this was made.
    Environment(Environment),
    /// Operations that ended, in the order in which the collector read them.
    Operations(Vec<Operation>),
    /// The losses so far.
    Loss(LossReport),
    /// Time goes on, even where nothing happens. Monotonic nanoseconds.
    Tick {
        /// Now.
        at_ns: u64,
    },
    /// The recording ended on purpose. Without it, it was cut short.
    End {
        /// When.
        at_ns: u64,
    },
    /// Live mappings: what changed since the last such frame. The first has all that there are.
    Maps(MapsReport),
    /// What a filter left out so far. Only where there is a filter.
    Filtered(FilterReport),
    /// What the probes' own programs cost: what is known anew.
    Calibration(Calibration),
    /// What the recorder itself has used so far. The first is of when it began to record.
    Recorder(RecorderReport),
    /// Somebody gave a name to a time.
    Mark(Mark),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(frames: &[Frame]) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &Environment::default()).expect("a Vec takes everything");
        frames.iter().for_each(|frame| writer.write(frame).expect("a Vec takes everything"));
        writer.into_inner()
    }

    /// Frames that can be read, and the error that ends them.
    fn read(bytes: &[u8]) -> (usize, Option<String>) {
        let mut reader = match Reader::open(bytes) {
            Ok(reader) => reader,
            Err(error) => return (0, Some(error.to_string())),
        };
        let mut frames = 0;
        loop {
            match reader.next_frame() {
                Ok(Some(_)) => frames += 1,
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
    }

    const END: Frame = Frame::End { at_ns: 9 };

    #[test]
    fn what_is_written_is_read_again() {
        let tick = Frame::Tick { at_ns: 7 };
        let bytes = recording(&[tick.clone(), END]);
        let mut reader = Reader::open(&bytes[..]).unwrap();
        assert_eq!(reader.next_frame().unwrap(), Some(Frame::Environment(Environment::default())));
        assert_eq!(reader.next_frame().unwrap(), Some(tick));
        assert_eq!(reader.next_frame().unwrap(), Some(END));
        assert_eq!(reader.next_frame().unwrap(), None);
    }

    #[test]
    fn every_way_of_cutting_a_recording_short_leaves_the_whole_frames_before() {
        let whole = recording(&[Frame::Tick { at_ns: 7 }, END]);
        let first = recording(&[]).len();
        let second = recording(&[Frame::Tick { at_ns: 7 }]).len();
        for length in MAGIC.len() + 2..whole.len() {
            let frames = usize::from(length >= first) + usize::from(length >= second);
            let (read, error) = read(&whole[..length]);
            assert_eq!(read, frames, "cut to {length} bytes");
            assert_eq!(
                error,
                Some(format!("the recording was cut short after {frames} frames: everything before that is complete"))
            );
        }
    }

    #[test]
    fn every_flipped_bit_in_a_frame_is_found() {
        let whole = recording(&[Frame::Tick { at_ns: 7 }, END]);
        let second = recording(&[Frame::Tick { at_ns: 7 }]).len();
        for bit in 0..(whole.len() - second) * 8 {
            let mut damaged = whole.clone();
            damaged[second + bit / 8] ^= 1 << (bit % 8);
            let (read, error) = read(&damaged);
            assert_eq!(read, 2, "bit {bit}");
            assert!(error.is_some(), "bit {bit} went unnoticed");
        }
    }

    /// A frame of these bytes, with the right checksum.
    fn framed(payload: &[u8]) -> Vec<u8> {
        [&(payload.len() as u32).to_le_bytes(), &crc32fast::hash(payload).to_le_bytes(), payload].concat()
    }

    #[test]
    fn what_stands_behind_the_end_is_said() {
        let whole = recording(&[END]);
        let behind = |more: &[u8]| {
            let bytes = [&whole[..], more].concat();
            let mut reader = Reader::open(&bytes[..]).unwrap();
            while reader.next_frame().unwrap().is_some() {}
            reader.nothing_more().map_err(|error| error.to_string())
        };
        assert_eq!(behind(&[]), Ok(()));
        let said = "another recording begins after the end of the recording, which has 2 frames: what is behind was not read; give each \
                    recording a file of its own";
        assert_eq!(behind(&whole), Err(said.to_owned()));
        assert!(behind(b"x").unwrap_err().starts_with("bytes stand after the end of the recording"));
    }

    #[test]
    fn a_recording_is_one_environment_and_frames_that_are_nothing_more_than_frames() {
        let environment = Frame::Environment(Environment::default());
        let damaged = |frames, what| {
            Some(format!("the recording is damaged after {frames} frames ({what}): everything before that is complete"))
        };
        assert_eq!(read(&recording(&[environment, END])), (1, damaged(1, "a second environment")));
        let (start, whole) = (MAGIC.len() + 2, recording(&[END]));
        let end = whole.len() - recording(&[]).len();
        let headless = [&whole[..start], &whole[whole.len() - end..]].concat();
        assert_eq!(read(&headless), (0, damaged(0, "its first frame does not say where it was made")));
        let payload = &whole[whole.len() - end + 8..];
        let trailing = [recording(&[]), framed(&[payload, b"x"].concat())].concat();
        assert_eq!(read(&trailing), (1, damaged(1, "a frame that cannot be decoded")));
        let twice = [recording(&[]), whole].concat();
        assert_eq!(read(&twice), (1, damaged(1, "another recording begins")));
    }

    #[test]
    fn a_version_that_never_was_and_newlines_that_were_translated_are_called_so() {
        let mut zero = recording(&[END]);
        zero[MAGIC.len()] = 0;
        assert!(read(&zero).1.unwrap().starts_with("recording of version 0, which there never was"));
        let cooked: Vec<u8> =
            recording(&[END]).into_iter().flat_map(|byte| if byte == b'\n' { vec![b'\r', byte] } else { vec![byte] }).collect();
        let (frames, said) = read(&cooked);
        assert!(
            frames == 0 && said.as_deref().is_some_and(|said| said.contains("line discipline") && said.contains("stty")),
            "{said:?}"
        );
    }

    #[test]
    fn other_files_and_newer_versions_are_refused_with_advice() {
        let not_ours = "this is not a grantscope recording: it does not begin with \"GSREC\"; give a file written by `grantscope record -o FILE`";
        assert_eq!(read(b"").1.as_deref(), Some(not_ours));
        assert_eq!(read(b"run,kernel,xen\n").1.as_deref(), Some(not_ours));
        let mut newer = recording(&[END]);
        newer[MAGIC.len()] = 9;
        let too_new = "recording of version 9, but this grantscope reads versions up to 6: update grantscope";
        assert_eq!(read(&newer).1.as_deref(), Some(too_new));
    }
}
