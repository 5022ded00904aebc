//! What is not shown because it is of another phase of a benchmark.

use crate::series::Aggregate;

/// In a line: `left out by phase: 4 set-up, 2 warm-up (1 of them failed)`; `None`: nothing is left out.
pub fn line(aggregate: &Aggregate) -> Option<String> {
    let left_out = aggregate.left_out().filter(|left_out| left_out.all() > 0)?;
    let parts: Vec<_> = left_out.by_phase().map(|(phase, count)| format!("{count} {}", phase.name())).collect();
    let failed = if left_out.failed > 0 { format!(" ({} of them failed)", left_out.failed) } else { String::new() };
    Some(format!("left out by phase: {}{failed}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;
    use crate::model::{Operation, Outcome, Phase};
    use crate::recording::Frame;
    use crate::series::{Phases, Wanted};

    #[test]
    fn what_is_left_out_is_said_and_where_nothing_is_nothing_is_said() {
        let of = |phase| Operation { phase: Some(phase), ..export(Buffer::Wc, 10) };
        let failed = Operation { outcome: Outcome::Errno(12), ..of(Phase::WarmUp) };
        let frame = Frame::Operations(vec![of(Phase::SetUp), of(Phase::Measured), of(Phase::WarmUp), failed]);
        let said = |phases| {
            let mut aggregate = Aggregate::of(Wanted { phases, ..Wanted::default() });
            aggregate.add(&frame);
            line(&aggregate)
        };
        let measured = said(Phases::Only(Phase::Measured));
        assert_eq!(measured.as_deref(), Some("left out by phase: 1 set-up, 2 warm-up (1 of them failed)"));
        assert_eq!(said(Phases::All), None);
    }
}
