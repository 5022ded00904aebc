//! An error in words, with its causes.

use std::error::Error;
use std::iter::successors;

/// The error and what caused it, on one line: `reading failed: no space left on device`.
pub fn error_chain(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::recording::ReadError;

    #[test]
    fn causes_follow_the_error_on_one_line() {
        let error = ReadError::Io { frames: 2, source: io::Error::other("the disk is gone") };
        assert_eq!(error_chain(&error), "reading the recording failed after 2 frames: the disk is gone");
    }
}
