//! What a viewer that came late does not show.

use crate::series::Aggregate;
use crate::shown::counted;

const DAY_SECONDS: u64 = 86_400;

/// In a line: `since 14:02:11 UTC: 12,345 operations before are in no row`; `None`: it has all from the beginning.
pub fn line(aggregate: &Aggregate) -> Option<String> {
    let earlier = aggregate.loss().earlier();
    if earlier == 0 {
        return None;
    }
    let since = since(aggregate).map(|since| format!("since {since} UTC: ")).unwrap_or_default();
    Some(format!("{since}{} before are in no row", counted(earlier, "operation")))
}

/// The time of day of the first that is shown; `None`: the recording does not say.
fn since(aggregate: &Aggregate) -> Option<String> {
    let (first_ns, _) = aggregate.span_ns()?;
    // The environment is written when the recorder makes its first report.
    let after_ms = first_ns.saturating_sub(aggregate.recorder()?.began_ns()) / 1_000_000;
    let seconds = aggregate.environment()?.started_unix_ms.saturating_add(after_ms) / 1_000 % DAY_SECONDS;
    Some(format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{HookId, LossKind};

    use super::*;
    use crate::fixtures::S;
    use crate::model::{Environment, LossCounter, LossReport, RecorderReport};
    use crate::recording::Frame;

    #[test]
    fn since_when_is_said_by_the_clock_and_how_much_is_not_shown() {
        let mut aggregate = Aggregate::default();
        let counter = |kind, count| LossCounter { hook: HookId::GntdevIoctl, kind, count };
        let loss = |counters| Frame::Loss(LossReport { at_ns: 1, counters });
        aggregate.add(&loss(vec![counter(LossKind::Undelivered, 7)]));
        assert_eq!(line(&aggregate), None);
        aggregate.add(&loss(vec![counter(LossKind::Undelivered, 7), counter(LossKind::Earlier, 12_345)]));
        assert_eq!(line(&aggregate).as_deref(), Some("12345 operations before are in no row"));
        let started_unix_ms = (3 * DAY_SECONDS + 13 * 3_600 + 59 * 60) * 1_000;
        aggregate.add(&Frame::Environment(Environment { started_unix_ms, ..Environment::default() }));
        aggregate.add(&Frame::Recorder(RecorderReport { at_ns: 5 * S, cpu_ns: 1, memory_bytes: None, most_memory_bytes: 1 }));
        aggregate.add(&Frame::Tick { at_ns: 76 * S });
        assert_eq!(line(&aggregate).as_deref(), Some("since 14:00:11 UTC: 12345 operations before are in no row"));
    }
}
