//! When a recording ends, without reading all of it: its last bytes are the end frame.

use std::io::{Read, Seek, SeekFrom};

use super::{Frame, Reader};

/// An end frame has at most as many bytes: length, checksum, its kind, and a number that takes up to ten.
const MOST_BYTES: u64 = 4 + 4 + 2 + 10;

/// When the recording in this file ends, by its own clock; `None`: it has no end frame, as one that is cut short or still being written.
pub fn end_ns(mut file: impl Read + Seek) -> Option<u64> {
    let version = Reader::open(&mut file).ok()?.version();
    let length = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut tail).ok()?;
    // Which of them is the first byte of the frame is not known; the checksum says that it was found.
    (0..tail.len()).find_map(|first| end_at(version, &tail[first..]))
}

fn end_at(version: u16, bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader::within(version, bytes);
    match (reader.next_frame(), reader.nothing_more()) {
        (Ok(Some(Frame::End { at_ns })), Ok(())) => Some(at_ns),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::model::Environment;
    use crate::recording::Writer;

    fn end_of(frames: &[Frame], cut: usize) -> Option<u64> {
        let mut writer = Writer::begin(Vec::new(), &Environment::default()).expect("a Vec takes everything");
        frames.iter().for_each(|frame| writer.write(frame).expect("a Vec takes everything"));
        let mut bytes = writer.into_inner();
        bytes.truncate(bytes.len() - cut);
        end_ns(Cursor::new(bytes))
    }

    #[test]
    fn the_end_is_found_whatever_its_number_and_only_where_there_is_one() {
        for at_ns in [0, 127, 128, 5_690_000_000, u64::MAX] {
            let frames = [Frame::Tick { at_ns: 7 }, Frame::End { at_ns }];
            assert_eq!((end_of(&frames, 0), end_of(&frames, 1)), (Some(at_ns), None));
        }
        assert_eq!(end_of(&[Frame::Tick { at_ns: 7 }], 0), None);
        assert_eq!(end_ns(Cursor::new(b"GSREC")), None);
    }
}
