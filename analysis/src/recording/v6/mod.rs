//! Version 6: where the memory of DMA buffers is from, what mapping them for a device was made of, and how the pages of live mappings lie in
//! memory. All other frames are those of version 5. The version that is written.

pub mod detail;

use grantscope_wire::Allocator;
use serde::{Deserialize, Serialize};

use super::convert::same_fields;
use super::whole::whole;
use super::{ids, v3, v5};
use crate::model;

/// How the payload of a report of live mappings begins: the kind of frame behind those of version 5. That of version 3 is not written any
/// more.
const MAPS: u8 = 10;

#[derive(Serialize, Deserialize)]
struct MapsReport {
    at_ns: u64,
    changed: Vec<LiveMap>,
    gone: Vec<u64>,
    no_census: Option<String>,
    direct_mapped: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct LiveMap {
    common: v3::LiveMap,
    frames: Option<Frames>,
    #[serde(with = "ids::some_allocator")]
    allocator: Option<Allocator>,
}

#[derive(Serialize, Deserialize)]
struct Frames {
    pfn_runs: u32,
    bfn_runs: u32,
    split_runs: u32,
    longest_split_pages: u32,
    same_pages: Option<u32>,
}

same_fields!(MapsReport, model::MapsReport { at_ns, gone, no_census, direct_mapped } lists { changed });
same_fields!(Frames, model::Frames { pfn_runs, bfn_runs, split_runs, longest_split_pages, same_pages });

impl From<LiveMap> for model::LiveMap {
    fn from(LiveMap { common, frames, allocator }: LiveMap) -> Self {
        let map = common.with(frames.map(Into::into), allocator);
        // What no writer writes is not known.
        let frames = map.frames.filter(|frames| frames.are_of(map.pages));
        Self { frames, ..map }
    }
}

impl From<model::LiveMap> for LiveMap {
    fn from(map: model::LiveMap) -> Self {
        Self { frames: map.frames.map(Into::into), allocator: map.allocator, common: map.into() }
    }
}

/// Makes frames of payloads, one after the other: what frames described before is known.
#[derive(Debug)]
pub struct Decoder {
    version: u16,
    before: v5::Decoder,
}

impl Decoder {
    /// Of a recording of this version: 4, or a later one.
    pub fn of(version: u16) -> Self {
        Self { version, before: v5::Decoder::of(version) }
    }

    /// The next frame.
    pub fn frame(&mut self, payload: &[u8]) -> postcard::Result<super::Frame> {
        match (self.version, payload.split_first()) {
            (6.., Some((&MAPS, maps))) => Ok(super::Frame::Maps(whole::<MapsReport>(maps)?.into())),
            (5.., _) => self.before.frame(payload),
            _ => self.before.before().frame(payload),
        }
    }
}

/// Makes payloads of frames, one after the other: what payloads described before is not described again.
#[derive(Debug, Default)]
pub struct Encoder(v5::Encoder);

impl Encoder {
    /// The next payloads: one, or several where the operations are too many for one.
    pub fn payloads(&mut self, frame: super::Frame) -> postcard::Result<Vec<Vec<u8>>> {
        match frame {
            super::Frame::Maps(report) => Ok(vec![postcard::to_extend(&MapsReport::from(report), vec![MAPS])?]),
            other => self.0.payloads(other),
        }
    }
}
