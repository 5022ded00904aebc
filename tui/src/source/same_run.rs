//! What there is already where a recording is to be written: one of the run that is watched, as what is piped in may come out of that very
//! file; or something that is no recording.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use grantscope_analysis::model::Environment;
use grantscope_analysis::recording::{Frame, MAGIC, Reader};

/// Where and when the recording in a file was begun, which no two runs have in common; `None`: there is no file, or it is no recording.
pub fn begun(path: &Path) -> Option<Environment> {
    // A pipe would wait for its writer.
    let file = path.is_file().then(|| File::open(path).ok())??;
    match Reader::open(BufReader::new(file)).ok()?.next_frame() {
        Ok(Some(Frame::Environment(environment))) => Some(environment),
        _ => None,
    }
}

/// Whether there is a file that has something in it, and does not begin as a recording does.
pub fn is_no_recording(path: &Path) -> bool {
    let mut begin = Vec::new();
    // What cannot be read is said when it is written.
    let read = path.is_file().then(|| File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut begin));
    matches!(read, Some(Ok(1..))) && begin != MAGIC
}
