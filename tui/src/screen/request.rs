//! What the viewer wants to be done outside it: by the event loop, which has the terminal, the clock and the disk.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use grantscope_analysis::model::Mark;
use grantscope_analysis::report::export::{Audience, CSV};
use grantscope_analysis::series::Aggregate;

use crate::screen::past::Question;

/// What is to be done.
#[derive(Debug)]
pub enum Request {
    /// Draw all anew.
    Repaint,
    /// Stop the process, and those of its pipeline, as the shell does with others.
    Suspend,
    /// Read what was known at this time of the recording.
    Past(Box<Question>),
    /// Write all series to a file; and as of which time that is, if it is not the present.
    Write(Box<Aggregate>, Option<String>),
    /// Write a mark to the recording of what is watched.
    Mark(Mark),
    /// Give this to the terminal's clipboard.
    Copy(String),
}

/// Writes all series, as results.csv has them, to a new file in this folder; what to say of it.
pub fn write(aggregate: &Aggregate, as_of: Option<&str>, folder: &Path, now: SystemTime) -> String {
    let name = name(now);
    match write_new(aggregate, &folder.join(&name)) {
        Ok(()) => format!("all series{} were written to {name}", as_of.map(|when| format!(" as of {when}")).unwrap_or_default()),
        Err(error) => format!("{name}: {error:#}"),
    }
}

/// `grantscope-20261127-024623.csv`: UTC, so that names follow each other whatever the season.
fn name(now: SystemTime) -> String {
    let time = humantime::format_rfc3339_seconds(now).to_string();
    format!("grantscope-{}.csv", time.trim_end_matches('Z').replace([':', '-'], "").replace('T', "-"))
}

/// Never over what is there, nor through a link: this folder may be one in which others can write.
fn write_new(aggregate: &Aggregate, path: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    (CSV.write)(aggregate, Audience::Program, &mut bytes)?;
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("is there already; try again in a second"),
        _ => anyhow::anyhow!("cannot be written ({error}); begin in a folder in which you may create files"),
    })?;
    // Half a table is not left behind.
    file.write_all(&bytes).inspect_err(|_| drop(std::fs::remove_file(path))).context("cannot be written; is the disk full?")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use grantscope_analysis::recording::Frame;

    use super::*;

    fn aggregate() -> Aggregate {
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Environment(Default::default()));
        aggregate
    }

    #[test]
    fn a_table_is_written_under_its_time_and_never_over_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (aggregate, now) = (aggregate(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        let name = "grantscope-20010909-014640.csv";
        assert_eq!(write(&aggregate, None, folder.path(), now), format!("all series were written to {name}"));
        let written = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(written.starts_with("run,kernel,xen,"), "{written}");
        assert_eq!(write(&aggregate, None, folder.path(), now), format!("{name}: is there already; try again in a second"));
        let missing = write(&aggregate, None, &folder.path().join("none"), now);
        assert!(missing.contains("begin in a folder in which you may create files"), "{missing}");
    }

    #[test]
    fn a_table_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH;
        std::os::unix::fs::symlink(folder.path().join("target"), folder.path().join(name(now))).unwrap();
        assert!(write(&aggregate(), Some("3.20 s"), folder.path(), now).ends_with("try again in a second"));
        assert!(!folder.path().join("target").exists());
    }
}
