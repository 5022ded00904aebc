//! Why an export fails.

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The recording has no environment frame.
    #[error("the recording does not say where it was made: it ends before its first frame; record again")]
    NoEnvironment,
    /// Writing failed.
    #[error("writing CSV failed")]
    Csv(#[from] csv::Error),
    /// Writing failed.
    #[error("writing CSV failed")]
    Io(#[from] std::io::Error),
    /// A histogram could not be packed.
    #[error("packing the histogram of a series failed: {0}")]
    Histogram(String),
}
