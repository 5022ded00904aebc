//! Whether a recording is of the run that is watched: what is piped in may come out of the very file that is to be written.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use grantscope_analysis::model::Environment;
use grantscope_analysis::recording::{Frame, Reader};

/// Where and when the recording in a file was begun, which no two runs have in common; `None`: there is no file, or it is no recording.
pub fn begun(path: &Path) -> Option<Environment> {
    // A pipe would wait for its writer.
    let file = path.is_file().then(|| File::open(path).ok())??;
    match Reader::open(BufReader::new(file)).ok()?.next_frame() {
        Ok(Some(Frame::Environment(environment))) => Some(environment),
        _ => None,
    }
}
