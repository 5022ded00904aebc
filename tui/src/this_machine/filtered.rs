//! Why nothing was recorded, said at the end: what a filter left out, or that nothing was done.

use grantscope_analysis::model::FilterReport;
use grantscope_analysis::shown::counted;

const NOBODY: &str = "nobody mapped or granted anything meanwhile";

/// What has to be said where so many operations were recorded; `None`: nothing.
pub fn remark(report: Option<&FilterReport>, recorded: u64, has_command: bool) -> Option<String> {
    if recorded > 0 {
        return None;
    }
    let Some(FilterReport { filter, left_out, .. }) = report else {
        return Some(NOBODY.to_owned());
    };
    let advice = match filter.pid {
        Some(_) if has_command => "COMMAND is another process than --pid: record without that, or by --comm",
        None if filter.comm.is_none() => "record without it",
        _ => "check it with `ps -eo pid,comm`, or record without it",
    };
    Some(match left_out {
        0 => {
            format!("the filter (only {filter}) matched nothing, and it left nothing out: {NOBODY}")
        }
        _ => format!("the filter (only {filter}) matched nothing: it left out {}; {advice}", counted(*left_out, "operation")),
    })
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::model::Filter;

    use super::*;

    #[test]
    fn a_filter_that_matched_nothing_is_said_with_what_it_left_out() {
        let filter = Filter { comm: Some("no\nbody".to_owned()), ..Filter::default() };
        let said =
            |left_out, recorded| remark(Some(&FilterReport { at_ns: 1, filter: filter.clone(), left_out }), recorded, true);
        let expected = r"the filter (only comm no\nbody) matched nothing: it left out 40 operations; check it with";
        assert!(said(40, 0).is_some_and(|remark| remark.starts_with(expected)));
        assert_eq!(said(40, 1), None);
        assert!(said(0, 0).is_some_and(|remark| remark.contains("it left nothing out")));
    }

    #[test]
    fn a_process_that_is_not_the_command_is_said() {
        let filter = Filter { pid: Some(7), ..Filter::default() };
        let said = |has_command| remark(Some(&FilterReport { at_ns: 1, filter: filter.clone(), left_out: 40 }), 0, has_command);
        assert!(
            said(true).is_some_and(
                |remark| remark.ends_with("COMMAND is another process than --pid: record without that, or by --comm")
            )
        );
        let of_domain = FilterReport { at_ns: 1, filter: Filter { domid: Some(7), ..Filter::default() }, left_out: 40 };
        assert!(
            remark(Some(&of_domain), 0, true).is_some_and(|remark| remark.ends_with("left out 40 operations; record without it"))
        );
        assert!(said(false).is_some_and(|remark| remark.ends_with("check it with `ps -eo pid,comm`, or record without it")));
    }

    #[test]
    fn nothing_at_all_is_said_without_a_filter_too() {
        assert_eq!(remark(None, 1, true), None);
        assert!(remark(None, 0, false).is_some_and(|remark| remark.starts_with("nobody mapped")));
    }
}
