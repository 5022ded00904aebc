//! Lines of the kernel's own trace, by the monotonic clock: `  name-67  [000] .....  1.500000: swiotlb_bounced: dev_name: … size=16384 NORMAL`.

use anyhow::{Context, Result};
use grantscope_analysis::model::Operation;

/// A line of an event.
#[derive(Debug)]
pub struct Line<'a> {
    tid: u32,
    at_us: u64,
    fields: &'a str,
}

impl<'a> Line<'a> {
    /// A line of this event.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(line: &'a str, event: &str) -> Result<Self> {
        let read = || {
            let (before, fields) = line.split_once(&format!(": {event}: "))?;
            let (task, rest) = before.rsplit_once(" [")?;
            let tid = task.trim().rsplit_once('-')?.1.parse().ok()?;
            let (seconds, micros) = rest.split_whitespace().next_back()?.split_once('.')?;
            let at_us = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
            Some(Self { tid, at_us, fields })
        };
        read().with_context(|| format!("no line of {event}: {line:?}"))
    }

    /// What stands behind `NAME=`.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether the operation's thread passed it during the operation. The trace has whole microseconds.
    pub fn is_within(&self, operation: &Operation) -> bool {
        let during = operation.start_ns / 1_000..=(operation.start_ns + operation.duration_ns) / 1_000;
        self.tid == operation.tid && during.contains(&self.at_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_thread_a_time_and_fields() {
        let text =
            "  a [b]-67      [000] .....     1.500007: swiotlb_bounced: dev_name: importer dev_addr=7f000 size=8192 NORMAL";
        let line = Line::read(text, "swiotlb_bounced").unwrap();
        assert_eq!((line.tid, line.at_us, line.field("size"), line.field("siz")), (67, 1_500_007, Some("8192"), None));
        assert!(Line::read(text, "cma_alloc_finish").is_err());
    }
}
