//! What a filter left out of a recording: one that matched nothing is said at the end.

use grantscope_analysis::model::FilterReport;
use grantscope_analysis::shown::counted;

/// What has to be said of a filter where so many operations were recorded; `None`: nothing.
pub fn remark(report: &FilterReport, recorded: u64) -> Option<String> {
    if recorded > 0 {
        return None;
    }
    let (filter, left_out) = (&report.filter, report.left_out);
    let advice = "check it with `ps -eo pid,comm`, or record without it";
    Some(match left_out {
        0 => {
            format!(
                "the filter (only {filter}) matched nothing, and it left nothing out: nobody mapped or granted anything meanwhile"
            )
        }
        _ => format!("the filter (only {filter}) matched nothing: it left out {}; {advice}", counted(left_out, "operation")),
    })
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::model::Filter;

    use super::*;

    #[test]
    fn a_filter_that_matched_nothing_is_said_with_what_it_left_out() {
        let filter = Filter { comm: Some("no\nbody".to_owned()), ..Filter::default() };
        let said = |left_out, recorded| remark(&FilterReport { at_ns: 1, filter: filter.clone(), left_out }, recorded);
        let expected = r"the filter (only comm no\nbody) matched nothing: it left out 40 operations; check it with";
        assert!(said(40, 0).is_some_and(|remark| remark.starts_with(expected)));
        assert_eq!(said(40, 1), None);
        assert!(said(0, 0).is_some_and(|remark| remark.contains("it left nothing out")));
    }
}
