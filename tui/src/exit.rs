//! How the command ends: its exit codes, and the one line that an error becomes.

use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::Error;

/// Something went wrong.
const ERROR: u8 = 1;
/// A recording and a truth file differ.
const DIFFERS: u8 = 3;
/// The recording broke off: what stands before the break was used. Or the machine can be profiled in part.
const PARTIAL: u8 = 4;

/// How a command ended that did not fail. (A wrong command line ends with 2: clap sees to that.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Ok,
    /// Part of it: of a recording that was cut short or damaged all that stands before, of a machine what it can do.
    Partial,
    /// This machine cannot do it.
    Impossible,
    /// What was compared differs.
    Differs,
    /// A signal ended it.
    Signal(u8),
    /// The command that was run under the profiler ended with this code, which is passed on.
    Child(u8),
}

/// Tells the user what went wrong, and the shell how it ended.
pub fn code(result: Result<Exit, Error>) -> ExitCode {
    match result {
        Ok(Exit::Ok) => ExitCode::SUCCESS,
        Ok(Exit::Partial) => ExitCode::from(PARTIAL),
        Ok(Exit::Impossible) => ExitCode::from(ERROR),
        Ok(Exit::Differs) => ExitCode::from(DIFFERS),
        // What shells show for a program that a signal killed.
        Ok(Exit::Signal(signal)) => ExitCode::from(128_u8.saturating_add(signal)),
        Ok(Exit::Child(status)) => ExitCode::from(status),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("grantscope: {error:#}");
            ExitCode::from(ERROR)
        }
    }
}

/// Whoever read our output has seen enough (`grantscope summary FILE | head`): not an error.
fn is_broken_pipe(error: &Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    kinds.into_iter().any(|kind| kind == ErrorKind::BrokenPipe)
}
