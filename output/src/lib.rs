//! Files that people name for output: written to what the name stands for, whole or not at all, and never over what is read.
//!
//! [`Output::open`] looks at a name and changes nothing. Then it is written either as a [`Draft`], which takes the name when it is
//! whole, or as a [`Stream`], which keeps what there is until the first byte. [`FileId`] tells whether two names are one file.
//!
//! A [`Socket`] is a name that others connect to, for its owner alone, and is removed at the end.
//!
//! [`say!`] writes a line to standard error without minding that it is gone, and [`is_ignored`] says of a signal whether it was ignored when this process began.
//!
//! ```
//! use std::io::Write;
//! use grantscope_output::Output;
//!
//! let folder = tempfile::tempdir()?;
//! let mut draft = Output::open(&folder.path().join("results.csv"))?.draft(".part")?;
//! draft.write_all(b"a,b\n")?;
//! draft.commit()?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod draft;
mod guarded;
mod id;
mod lock;
mod output;
mod say;
mod signals;
mod socket;
mod stream;
mod target;

pub use draft::Draft;
pub use id::FileId;
pub use output::Output;
pub use say::line;
pub use signals::is_ignored;
pub use socket::Socket;
pub use stream::Stream;
