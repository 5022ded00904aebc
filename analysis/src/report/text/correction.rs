//! Which times a table has: without the probes' own time, or as measured.

use crate::series::{Aggregate, Extent, Subtracted, Times};
use crate::units;

/// In a line; `None`: there are no times yet.
pub fn line(aggregate: &Aggregate) -> Option<String> {
    let (all, subtracted) = (aggregate.operations(), aggregate.subtracted());
    let corrected = "times corrected for the probes' own cost";
    match (aggregate.extent(), mean(subtracted)) {
        _ if all == 0 => None,
        (Extent::All, Some(mean)) => Some(format!("{corrected} (mean {mean})")),
        (Extent::Partly, Some(mean)) => {
            Some(format!("{corrected} in {} of {all} operations (mean {mean})", subtracted.operations))
        }
        _ => Some(format!("raw times: the probes' own cost is in them ({})", why_raw(aggregate))),
    }
}

/// What was subtracted from an operation: `3.20 µs an operation ± 200 ns`; `None`: nothing was.
pub fn mean(subtracted: &Subtracted) -> Option<String> {
    let mean = |sum_ns: u64| units::duration(sum_ns as f64 / subtracted.operations as f64);
    let Subtracted { operations, own_ns, error_ns } = *subtracted;
    (operations > 0).then(|| format!("{} an operation ± {}", mean(own_ns), mean(error_ns)))
}

/// Why nothing was subtracted.
fn why_raw(aggregate: &Aggregate) -> &'static str {
    match aggregate.times() {
        Times::Raw => "asked for",
        Times::Corrected if aggregate.is_calibrated() => "what these operations passed has no known cost",
        Times::Corrected => "the recording has no calibration, as those of older versions",
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Edge, HookId};

    use super::*;
    use crate::fixtures::{crossing, export};
    use crate::model::{Calibration, Cost, Operation};
    use crate::recording::Frame;

    fn calibration() -> Frame {
        let cost = Cost { before_ps: 1_000_000, after_ps: 2_200_000, error_ps: 200_000 };
        let crossings = [Edge::Entry, Edge::Return].map(|edge| crossing(HookId::GntdevIoctl, edge, cost)).to_vec();
        Frame::Calibration(Calibration { at_ns: 0, crossings })
    }

    fn exports() -> Frame {
        Frame::Operations(vec![export(Buffer::Wc, 10_000); 2])
    }

    fn said(mut aggregate: Aggregate, frames: &[Frame]) -> Option<String> {
        frames.iter().for_each(|frame| aggregate.add(frame));
        line(&aggregate)
    }

    #[test]
    fn it_is_said_what_was_subtracted_and_from_how_many() {
        let all = said(Aggregate::default(), &[calibration(), exports()]).unwrap();
        assert_eq!(all, "times corrected for the probes' own cost (mean 3.20 µs an operation ± 200 ns)");
        let partly = said(Aggregate::default(), &[exports(), calibration(), exports()]).unwrap();
        assert_eq!(partly, "times corrected for the probes' own cost in 2 of 4 operations (mean 3.20 µs an operation ± 200 ns)");
    }

    #[test]
    fn it_is_said_why_times_are_raw() {
        let incomplete = Frame::Operations(vec![Operation { stages_incomplete: true, ..export(Buffer::Wc, 10_000) }]);
        let why = |aggregate, frames: &[Frame]| {
            let said = said(aggregate, frames).unwrap();
            said.strip_prefix("raw times: the probes' own cost is in them (").unwrap_or(&said).to_owned()
        };
        assert_eq!(why(Aggregate::raw(), &[calibration(), exports()]), "asked for)");
        assert_eq!(why(Aggregate::default(), &[exports()]), "the recording has no calibration, as those of older versions)");
        let unknown = why(Aggregate::default(), &[calibration(), incomplete]);
        assert_eq!(unknown, "what these operations passed has no known cost)");
    }

    #[test]
    fn without_operations_there_is_nothing_to_say() {
        assert_eq!(said(Aggregate::default(), &[calibration()]), None);
    }
}
