//! How much of an operation's time was the probes' own.

use grantscope_wire::Stage;

use crate::model::StageSpan;

/// The programs' own time, and how well it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnTime {
    /// Nanoseconds.
    pub ns: u64,
    /// How far off they may be.
    pub error_ns: u64,
}

/// The programs' own time in an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// In all of it.
    pub total: OwnTime,
    /// In each stage that the operation has.
    pub stages: Vec<(Stage, OwnTime)>,
}

impl Own {
    /// What to subtract from a stage: never more than it took.
    pub fn of(&self, span: &StageSpan) -> OwnTime {
        let own = self.stages.iter().find(|(stage, _)| *stage == span.stage).map(|(_, own)| *own).unwrap_or_default();
        OwnTime { ns: own.ns.min(span.self_ns), ..own }
    }

    /// What to subtract from a whole operation: what is from its stages, so that these go on adding up to it.
    pub fn of_all(&self, stages: &[StageSpan]) -> OwnTime {
        OwnTime { ns: stages.iter().map(|span| self.of(span).ns).sum(), ..self.total }
    }
}
