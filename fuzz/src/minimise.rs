//! Makes an input that a reader fails on smaller, as long as it fails in the same way.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::execute::{Ended, execute};
use crate::mutate::smaller;
use crate::reader::Reader;

/// So long it is tried, once for each defect.
const LONGEST: Duration = Duration::from_secs(20);

/// The smallest that was found. `folder` is for files meanwhile.
///
/// # Errors
/// A process cannot be started, or a file not be written.
pub fn minimised(reader: &Reader, input: Vec<u8>, defect: &str, folder: &Path) -> Result<Vec<u8>> {
    let (began, mut smallest) = (Instant::now(), input);
    'smaller: loop {
        for candidate in smaller(reader.shape, &smallest).into_iter().filter(|candidate| candidate.len() < smallest.len()) {
            if began.elapsed() > LONGEST {
                return Ok(smallest);
            }
            if let Ended::Failed(report) = execute(reader, &candidate, folder)?
                && report.defect() == defect
            {
                smallest = candidate;
                continue 'smaller;
            }
        }
        return Ok(smallest);
    }
}
