//! Version 5: marks. All other frames are those of version 4.

use serde::{Deserialize, Serialize};

use super::v4;
use super::whole::whole;
use crate::model;

/// How the payload of a mark begins: the kind of frame behind those of version 4.
const MARK: u8 = 9;

#[derive(Serialize, Deserialize)]
struct Mark<'a> {
    at_ns: u64,
    name: &'a str,
}

/// Makes frames of payloads, one after the other: what frames described before is known.
#[derive(Debug, Default)]
pub struct Decoder(v4::Decoder);

impl Decoder {
    /// Of a recording of this version.
    pub fn of(version: u16) -> Self {
        Self(v4::Decoder::of(if version < 6 { v4::Details::Before6 } else { v4::Details::Since6 }))
    }

    /// The next frame.
    pub fn frame(&mut self, payload: &[u8]) -> postcard::Result<super::Frame> {
        match payload.split_first() {
            Some((&MARK, mark)) => {
                let Mark { at_ns, name } = whole(mark)?;
                Ok(super::Frame::Mark(model::Mark::new(at_ns, name)))
            }
            _ => self.0.frame(payload),
        }
    }

    /// The same of version 4.
    pub fn before(&mut self) -> &mut v4::Decoder {
        &mut self.0
    }
}

/// Makes payloads of frames, one after the other: what payloads described before is not described again.
#[derive(Debug, Default)]
pub struct Encoder(v4::Encoder);

impl Encoder {
    /// The next payloads: one, or several where the operations are too many for one.
    pub fn payloads(&mut self, frame: super::Frame) -> postcard::Result<Vec<Vec<u8>>> {
        match frame {
            super::Frame::Mark(mark) => {
                let mark = Mark { at_ns: mark.at_ns(), name: mark.name() };
                Ok(vec![postcard::to_extend(&mark, vec![MARK])?])
            }
            other => self.0.payloads(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MOST_MARK_BYTES;
    use crate::recording::Frame;

    #[test]
    fn a_mark_is_written_behind_the_kinds_of_version_4_which_does_not_have_it() {
        let frame = Frame::Mark(model::Mark::new(300, "now"));
        let payloads = Encoder::default().payloads(frame.clone()).unwrap();
        assert_eq!(payloads, [[9, 0xac, 0x02, 3, b'n', b'o', b'w']]);
        assert_eq!(Decoder::default().frame(&payloads[0]), Ok(frame.clone()));
        assert!(Decoder::default().before().frame(&payloads[0]).is_err());
        assert!(v4::Encoder::default().payloads(frame).is_err());
    }

    #[test]
    fn a_name_that_no_writer_writes_is_cut_and_bytes_behind_it_or_none_at_all_are_damage() {
        let payload = |name: &str| postcard::to_extend(&Mark { at_ns: 1, name }, vec![MARK]).unwrap();
        let Ok(Frame::Mark(mark)) = Decoder::default().frame(&payload(&"x".repeat(100_000))) else { panic!("it is one") };
        assert_eq!((mark.name().len(), mark.name().ends_with('…')), (MOST_MARK_BYTES, true));
        let whole = payload("name");
        let wrong = [&whole[..whole.len() - 1], &[&whole[..], b"x"].concat(), &[MARK], &[MARK, 1, 1, 0xff]];
        assert!(wrong.iter().all(|payload| Decoder::default().frame(payload).is_err()));
    }
}
