//! What the recorder itself used, in a line.

use crate::series::{Aggregate, RecorderUse};
use crate::units;

/// `recorder 0.42 % of a processor, 16 MiB`: what it takes to record, and its memory now. `None`: the recording does not say.
pub fn now(aggregate: &Aggregate) -> Option<String> {
    aggregate
        .recorder()
        .map(|used| format!("recorder {}, {}", share(used), used.memory_bytes().map_or(units::UNKNOWN.into(), units::size)))
}

/// The same with the most memory that it had at once.
pub fn at_most(aggregate: &Aggregate) -> Option<String> {
    aggregate.recorder().map(|used| format!("recorder: {}, at most {}", share(used), units::size(used.most_memory_bytes())))
}

fn share(used: &RecorderUse) -> String {
    let share = used.share().map_or_else(|| units::UNKNOWN.to_owned(), |share| format!("{:.2}", share * 100.0));
    format!("{share} % of a processor")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RecorderReport;
    use crate::recording::Frame;

    #[test]
    fn what_is_not_known_is_a_dash_and_what_nobody_said_is_not_there() {
        let mut aggregate = Aggregate::default();
        assert_eq!((now(&aggregate), at_most(&aggregate)), (None, None));
        let report = |at_ns, cpu_ns, memory_bytes| {
            Frame::Recorder(RecorderReport { at_ns, cpu_ns, memory_bytes, most_memory_bytes: 24 << 20 })
        };
        aggregate.add(&report(1_000, 500, None));
        assert_eq!(now(&aggregate).as_deref(), Some("recorder – % of a processor, –"));
        aggregate.add(&report(11_000, 550, Some(17 << 19)));
        assert_eq!(now(&aggregate).as_deref(), Some("recorder 0.50 % of a processor, 8.5 MiB"));
        assert_eq!(at_most(&aggregate).as_deref(), Some("recorder: 0.50 % of a processor, at most 24 MiB"));
    }
}
