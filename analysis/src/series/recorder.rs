//! What the recorder itself has used while it recorded.

use crate::model::RecorderReport;

/// The first and the last that it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderUse {
    first: RecorderReport,
    last: RecorderReport,
}

impl RecorderUse {
    /// The first report.
    pub fn begin(report: RecorderReport) -> Self {
        Self { first: report, last: report }
    }

    /// One more.
    pub fn add(&mut self, report: RecorderReport) {
        self.last = report;
    }

    /// The same from the last report on.
    pub fn from_now_on(self) -> Self {
        Self::begin(self.last)
    }

    /// When it began to record.
    pub fn began_ns(&self) -> u64 {
        self.first.at_ns
    }

    /// The processor time that it took to record; what it took to begin with is not in it. `None`: there was one report only.
    pub fn cpu_ns(&self) -> Option<u64> {
        (self.last.at_ns > self.first.at_ns).then(|| self.last.cpu_ns.saturating_sub(self.first.cpu_ns))
    }

    /// That as a part of a processor.
    pub fn share(&self) -> Option<f64> {
        Some(self.cpu_ns()? as f64 / (self.last.at_ns - self.first.at_ns) as f64)
    }

    /// The memory that it had at last.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.last.memory_bytes
    }

    /// The most that it had at once, when it began included.
    pub fn most_memory_bytes(&self) -> u64 {
        self.last.most_memory_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_took_to_begin_is_not_what_it_takes_to_record() {
        let report = |at_ns, cpu_ns| RecorderReport { at_ns, cpu_ns, memory_bytes: Some(cpu_ns), most_memory_bytes: 7_000 };
        let mut used = RecorderUse::begin(report(1_000, 900));
        assert_eq!((used.cpu_ns(), used.share(), used.memory_bytes()), (None, None, Some(900)));
        used.add(report(2_000, 1_000));
        used.add(report(3_000, 1_100));
        assert_eq!((used.cpu_ns(), used.share(), used.most_memory_bytes()), (Some(200), Some(0.1), 7_000));
        let mut later = used.from_now_on();
        later.add(report(4_000, 1_400));
        assert_eq!(later.share(), Some(0.3));
    }
}
