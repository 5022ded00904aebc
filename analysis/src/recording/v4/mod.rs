//! Version 4: the hooks that operations passed; what the probes' programs cost, and the recorder; how much was watched.

mod bytes;
mod dictionary;
mod kind;
mod read;
#[cfg(test)]
mod tests;
mod write;

use grantscope_wire::{Buffer, Detail as Watched, HookId, Op};
use serde::{Deserialize, Serialize};

pub use self::read::Details;
use self::read::Reading;
use self::write::Writing;
use super::convert::{same_fields, same_variants};
use super::whole::whole;
use super::{ids, v1, v3};
use crate::model;

#[derive(Serialize, Deserialize)]
enum Frame<'a> {
    Environment(Environment),
    /// As in `read` and `write`.
    Operations(#[serde(borrow, serialize_with = "kind::as_bytes")] &'a [u8]),
    Loss(v1::LossReport),
    Tick {
        at_ns: u64,
    },
    End {
        at_ns: u64,
    },
    Maps(v3::MapsReport),
    Filtered(v3::FilterReport),
    Calibration(Calibration),
    Recorder(RecorderReport),
}

#[derive(Serialize, Deserialize)]
struct Environment {
    run: String,
    host: String,
    kernel: String,
    xen: Option<String>,
    arch: String,
    page_size: u32,
    clock: v1::Clock,
    tool: String,
    started_unix_ms: u64,
    hooks: Vec<v1::HookStatus>,
    #[serde(with = "ids::detail")]
    detail: Option<Watched>,
}

#[derive(Serialize, Deserialize)]
struct Calibration {
    at_ns: u64,
    crossings: Vec<Crossing>,
}

#[derive(Serialize, Deserialize)]
struct Crossing {
    #[serde(with = "ids::hook")]
    hook: HookId,
    edge: Edge,
    #[serde(with = "ids::some_op")]
    op: Option<Op>,
    #[serde(with = "ids::buffer")]
    buffer: Option<Buffer>,
    cost: Cost,
    sounded: Cost,
    count: u32,
}

#[derive(Serialize, Deserialize)]
struct RecorderReport {
    at_ns: u64,
    cpu_ns: u64,
    memory_bytes: Option<u64>,
    most_memory_bytes: u64,
}

#[derive(Serialize, Deserialize)]
enum Edge {
    Entry,
    Return,
    Mark,
}

#[derive(Serialize, Deserialize)]
struct Cost {
    before_ps: i32,
    after_ps: i32,
    error_ps: u32,
}

same_fields!(Environment, model::Environment {
    run, host, kernel, xen, arch, page_size, clock, tool, started_unix_ms, detail
} lists { hooks });
same_fields!(Calibration, model::Calibration { at_ns } lists { crossings });
same_fields!(Crossing, model::Crossing { hook, edge, op, buffer, cost, sounded, count });
same_variants!(Edge, grantscope_wire::Edge { Entry, Return, Mark });
same_fields!(RecorderReport, model::RecorderReport { at_ns, cpu_ns, memory_bytes, most_memory_bytes });
same_fields!(Cost, model::Cost { before_ps, after_ps, error_ps });

/// Makes frames of payloads, one after the other: what frames described before is known.
#[derive(Debug, Default)]
pub struct Decoder(Reading);

impl Decoder {
    /// Of operations that can have these details.
    pub fn of(details: Details) -> Self {
        Self(Reading::new(None, details))
    }

    /// The next frame.
    pub fn frame(&mut self, payload: &[u8]) -> postcard::Result<super::Frame> {
        use super::Frame as Model;
        Ok(match whole(payload)? {
            Frame::Environment(environment) => {
                self.0 = Reading::new(environment.detail, self.0.details());
                Model::Environment(environment.into())
            }
            Frame::Operations(bytes) => Model::Operations(self.0.operations(bytes)?),
            Frame::Loss(report) => Model::Loss(report.into()),
            Frame::Tick { at_ns } => Model::Tick { at_ns },
            Frame::End { at_ns } => Model::End { at_ns },
            Frame::Maps(report) => Model::Maps(report.into()),
            Frame::Filtered(report) => Model::Filtered(report.into()),
            Frame::Calibration(calibration) => Model::Calibration(calibration.into()),
            Frame::Recorder(report) => Model::Recorder(report.into()),
        })
    }
}

/// Makes payloads of frames, one after the other: what payloads described before is not described again.
#[derive(Debug, Default)]
pub struct Encoder(Writing);

impl Encoder {
    /// The next payloads: one, or several where the operations are too many for one.
    pub fn payloads(&mut self, frame: super::Frame) -> postcard::Result<Vec<Vec<u8>>> {
        use super::Frame as Model;
        let frame = match frame {
            Model::Environment(environment) => {
                self.0 = Writing::default();
                Frame::Environment(environment.into())
            }
            Model::Operations(operations) => return self.operations(&operations),
            Model::Loss(report) => Frame::Loss(report.into()),
            Model::Tick { at_ns } => Frame::Tick { at_ns },
            Model::End { at_ns } => Frame::End { at_ns },
            Model::Filtered(report) => Frame::Filtered(report.into()),
            Model::Calibration(calibration) => Frame::Calibration(calibration.into()),
            Model::Recorder(report) => Frame::Recorder(report.into()),
            // Of a later version.
            Model::Maps(_) | Model::Mark(_) => return Err(postcard::Error::SerdeSerCustom),
        };
        Ok(vec![postcard::to_stdvec(&frame)?])
    }

    fn operations(&mut self, mut operations: &[model::Operation]) -> postcard::Result<Vec<Vec<u8>>> {
        let mut payloads = Vec::new();
        loop {
            let bytes = self.0.operations(&mut operations)?;
            payloads.push(postcard::to_stdvec(&Frame::Operations(&bytes))?);
            if operations.is_empty() {
                return Ok(payloads);
            }
        }
    }
}
