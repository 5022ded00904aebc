//! CSV of the marks: one row per name that somebody gave to a time.

use std::io::Write;

use super::audience::Audience;
use super::csv::words;
use super::error::ExportError;
use crate::series::Aggregate;

/// A row per mark, the first that came first.
const COLUMNS: [&str; 5] = ["run", "mark", "at_ns", "after_ns", "forgotten"];

/// Writes those that are remembered.
///
/// # Errors
///
/// Where the recording has no environment, and where `out` refuses the text.
pub fn csv(aggregate: &Aggregate, audience: Audience, out: impl Write) -> Result<(), ExportError> {
    let environment = aggregate.environment().ok_or(ExportError::NoEnvironment)?;
    let began_ns = aggregate.span_ns().map(|(first_ns, _)| first_ns);
    let run = words(&environment.run, audience);
    let forgotten = aggregate.marks().forgotten().to_string();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    for mark in aggregate.marks().iter() {
        let at_ns = mark.at_ns();
        // A mark can be older than all else that a viewer knows who came late.
        let after_ns = began_ns.map_or_else(String::new, |began_ns| (i128::from(at_ns) - i128::from(began_ns)).to_string());
        writer.write_record([&*run, &*words(mark.name(), audience), &*at_ns.to_string(), &*after_ns, &*forgotten])?;
    }
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::MOST_MARKS;
    use crate::model::{Environment, Mark};
    use crate::recording::Frame;

    fn recording(marks: impl IntoIterator<Item = Mark>) -> Aggregate {
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Environment(Environment { run: "r".into(), ..Environment::default() }));
        marks.into_iter().for_each(|mark| aggregate.add(&Frame::Mark(mark)));
        aggregate
    }

    fn text(aggregate: &Aggregate, audience: Audience) -> String {
        let mut bytes = Vec::new();
        csv(aggregate, audience, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_mark_is_a_row_with_its_time_on_both_scales() {
        let marks = [(900, "before, as it came late"), (1_200, "cable \"out\"\n"), (1_300, "=1+1")];
        let mut aggregate = recording(marks.map(|(at_ns, name)| Mark::new(at_ns, name)));
        // Nothing says when the recording began.
        assert!(text(&aggregate, Audience::Program).ends_with("r,=1+1,1300,,0\n"));
        [1_000, 2_000].iter().for_each(|&at_ns| aggregate.add(&Frame::Tick { at_ns }));
        insta::assert_snapshot!(text(&aggregate, Audience::Program), @r#"
        run,mark,at_ns,after_ns,forgotten
        r,"before, as it came late",900,-100,0
        r,"cable ""out""\n",1200,200,0
        r,=1+1,1300,300,0
        "#);
        assert!(text(&aggregate, Audience::Spreadsheet).ends_with("r,'=1+1,1300,300,0\n"));
    }

    #[test]
    fn what_is_not_remembered_any_more_is_counted_and_none_is_no_row() {
        let many = (0..).take(MOST_MARKS + 3).map(|at_ns| Mark::new(at_ns, "again"));
        let rows = text(&recording(many), Audience::Program);
        assert_eq!((rows.lines().count(), rows.lines().nth(1)), (1 + MOST_MARKS, Some("r,again,3,,3")));
        assert_eq!(text(&recording([]), Audience::Program).lines().count(), 1);
        assert!(matches!(csv(&Aggregate::default(), Audience::Program, Vec::new()), Err(ExportError::NoEnvironment)));
    }
}
