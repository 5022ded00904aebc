//! A recording in a file, read once more: up to a time that is looked at.

use anyhow::{Result, anyhow, bail};
use grantscope_analysis::model::Environment;
use grantscope_analysis::recording::Frame;

use crate::source::frames::{Again, Ended, FrameSource};
use crate::source::pace::time_of;

/// Operations come behind what is written meanwhile, but never by more than this.
const LATEST_NS: u64 = 1_000_000_000;

/// Visits all that was recorded up to this time of its clock, as long as it is wanted; whether it was wanted to the end. `known` is what was
/// read of it before: how it begins, and up to which time.
///
/// # Errors
/// It cannot be opened any more, is another recording now, or is shorter than it was.
pub fn read_until(
    again: &Again,
    known: (Option<&Environment>, u64),
    at_ns: u64,
    is_wanted: impl Fn() -> bool,
    mut visit: impl FnMut(&Frame),
) -> Result<bool> {
    let ((environment, known_ns), mut last_ns) = (known, 0);
    let mut source = again.open()?;
    while is_wanted() {
        let Some(frame) = next(source.as_mut())? else {
            if last_ns < known_ns.min(at_ns) {
                bail!("the file is shorter than it was; open it again");
            }
            return Ok(true);
        };
        if let (Frame::Environment(now), Some(before)) = (&frame, environment)
            && now != before
        {
            bail!("the file is another recording now; open it again");
        }
        let frame_ns = time_of(&frame).unwrap_or(0);
        last_ns = last_ns.max(frame_ns);
        if frame_ns > at_ns.saturating_add(LATEST_NS) {
            return Ok(true);
        }
        match frame {
            Frame::Operations(mut operations) if frame_ns > at_ns => {
                operations.retain(|operation| operation.start_ns.saturating_add(operation.duration_ns) <= at_ns);
                visit(&Frame::Operations(operations));
            }
            frame if frame_ns <= at_ns => visit(&frame),
            _ => {}
        }
    }
    Ok(false)
}

fn next(source: &mut dyn FrameSource) -> Result<Option<Frame>> {
    match source.next_frame() {
        Ok(frame) => Ok(frame),
        Err(Ended::Unreadable(why)) => Err(anyhow!("{why}")),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::model::Operation;
    use grantscope_wire::{Buffer, Op, Stage};

    use super::*;
    use crate::source::file;
    use crate::support::builder::{bytes, environment, operation};

    const S: u64 = 1_000_000_000;

    fn ends_at(tenth: u64) -> Operation {
        operation(Op::Export, Buffer::Wc, 4, tenth * S / 10 - 1_000, &[(Stage::Remainder, 1_000)])
    }

    /// A file of operations that ended in these tenths of a second, each frame behind a tick that was written later.
    fn file_of(frames: &[&[u64]]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let tick = |tenths: &&[u64]| Frame::Tick { at_ns: tenths.iter().max().unwrap() * S / 10 + 1 };
        let of = |tenths: &&[u64]| [tick(tenths), Frame::Operations(tenths.iter().map(|&tenth| ends_at(tenth)).collect())];
        let frames: Vec<_> = [Frame::Environment(environment())].into_iter().chain(frames.iter().flat_map(of)).collect();
        std::fs::write(file.path(), bytes(&frames)).unwrap();
        file
    }

    fn again(file: &tempfile::NamedTempFile) -> Again {
        file::input(file.path()).unwrap().again.unwrap()
    }

    fn read(frames: &[&[u64]], tenth: u64) -> usize {
        let (file, mut count) = (file_of(frames), 0);
        let add = |frame: &Frame| count += if let Frame::Operations(all) = frame { all.len() } else { 0 };
        assert!(read_until(&again(&file), (None, 0), tenth * S / 10, || true, add).unwrap());
        count
    }

    #[test]
    fn what_had_ended_by_a_time_is_read_to_the_operation_though_it_was_written_later() {
        let frames: &[&[u64]] = &[&[10, 11], &[14, 12, 13], &[15, 24], &[25, 90]];
        let counts = [9, 10, 12, 14, 15, 24, 100].map(|tenth| read(frames, tenth));
        assert_eq!(counts, [0, 1, 3, 5, 6, 7, 9]);
    }

    #[test]
    fn what_is_not_wanted_any_more_is_not_read_on_and_a_file_that_is_gone_is_an_error() {
        let file = file_of(&[&[10]]);
        let again = again(&file);
        assert!(!read_until(&again, (None, 0), u64::MAX, || false, |_| panic!("nothing is wanted")).unwrap());
        drop(file);
        let error = read_until(&again, (None, 0), u64::MAX, || true, |_| {}).unwrap_err();
        assert!(error.to_string().contains("cannot be opened"), "{error}");
    }

    #[test]
    fn of_a_file_that_was_cut_short_the_beginning_is_read() {
        let file = file_of(&[&[10], &[20]]);
        let whole = std::fs::read(file.path()).unwrap();
        std::fs::write(file.path(), &whole[..whole.len() - 3]).unwrap();
        let mut count = 0;
        let add = |frame: &Frame| count += usize::from(matches!(frame, Frame::Operations(_)));
        assert!(read_until(&again(&file), (None, 0), u64::MAX, || true, add).unwrap());
        assert_eq!(count, 1);
    }

    #[test]
    fn a_file_that_became_another_or_shorter_is_an_error() {
        let file = file_of(&[&[10], &[20]]);
        let read = |known| read_until(&again(&file), known, u64::MAX, || true, |_| {}).map_err(|error| error.to_string());
        let (mine, other) = (environment(), Environment { run: "another".to_owned(), ..environment() });
        assert_eq!(read((Some(&mine), 2 * S)), Ok(true));
        assert!(read((Some(&other), 0)).is_err_and(|why| why.contains("another recording now")));
        assert!(read((Some(&mine), 3 * S)).is_err_and(|why| why.contains("shorter than it was")));
    }
}
