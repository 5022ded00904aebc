//! What a filter left out of a recording, noted while it is written: a filter that matched nothing is said at the end.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use grantscope_analysis::model::FilterReport;
use grantscope_analysis::recording::{Frame, FrameSink};
use grantscope_analysis::shown::counted;

/// The last report of the filter; none: nothing is filtered.
#[derive(Clone, Debug, Default)]
pub struct LeftOut(Arc<Mutex<Option<FilterReport>>>);

/// A sink that notes what the filter left out, and passes everything on.
pub struct Noting<S> {
    sink: S,
    left_out: LeftOut,
}

impl LeftOut {
    /// Notes it of what goes to this sink.
    pub fn of<S>(&self, sink: S) -> Noting<S> {
        Noting { sink, left_out: self.clone() }
    }

    /// What has to be said where so many operations were recorded; `None`: nothing.
    pub fn remark(&self, recorded: u64) -> Option<String> {
        let report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let report = report.as_ref().filter(|_| recorded == 0)?;
        let (filter, left_out) = (&report.filter, report.left_out);
        let advice = "check it with `ps -eo pid,comm`, or record without it";
        Some(match left_out {
            0 => format!(
                "the filter (only {filter}) matched nothing, and it left nothing out: nobody mapped or granted anything meanwhile"
            ),
            _ => format!("the filter (only {filter}) matched nothing: it left out {}; {advice}", counted(left_out, "operation")),
        })
    }
}

impl<S: FrameSink> FrameSink for Noting<S> {
    const READS_STAGES: bool = S::READS_STAGES;

    fn put(&mut self, frame: Frame) -> io::Result<()> {
        if let Frame::Filtered(report) = &frame {
            *self.left_out.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.clone());
        }
        self.sink.put(frame)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use grantscope_analysis::model::Filter;

    use super::*;

    #[test]
    fn a_filter_that_matched_nothing_is_said_with_what_it_left_out() {
        let (sender, frames) = channel();
        let left_out = LeftOut::default();
        let mut sink = left_out.of(sender);
        assert_eq!(left_out.remark(0), None);
        let filter = Filter { comm: Some("no\nbody".to_owned()), ..Filter::default() };
        let mut said = |count| {
            let frame = Frame::Filtered(FilterReport { at_ns: 1, filter: filter.clone(), left_out: count });
            sink.put(frame.clone()).unwrap();
            assert_eq!(frames.recv().unwrap(), frame);
            [0, 1].map(|recorded| left_out.remark(recorded))
        };
        let [nothing, something] = said(40);
        let expected = r"the filter (only comm no\nbody) matched nothing: it left out 40 operations; check it with";
        assert!(nothing.is_some_and(|remark| remark.starts_with(expected)) && something.is_none());
        assert!(said(0)[0].as_deref().is_some_and(|remark| remark.contains("it left nothing out")));
    }
}
