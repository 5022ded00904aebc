//! What commands that capture say in a grantscope that cannot: a viewer, built with stable Rust alone.

/// `grantscope bench`.
pub mod bench {
    use anyhow::{Result, bail};

    use crate::cli::BenchArgs;
    use crate::exit::Exit;

    /// Says what to do.
    pub fn run(_args: &BenchArgs) -> Result<Exit> {
        bail!("this grantscope is a viewer: it cannot run the benchmark; build it with `--features capture` (see README.md)")
    }
}

/// `grantscope doctor`.
pub mod doctor {
    use anyhow::{Result, bail};

    use crate::cli::DoctorArgs;
    use crate::exit::Exit;

    /// Says what to do.
    pub fn run(_args: &DoctorArgs) -> Result<Exit> {
        bail!("this grantscope is a viewer: it cannot try the probes; build it with `--features capture` (see README.md)")
    }
}

/// `grantscope record`.
pub mod record {
    use anyhow::{Result, bail};

    use crate::cli::RecordArgs;
    use crate::exit::Exit;

    /// Says what to do.
    pub fn run(_args: &RecordArgs) -> Result<Exit> {
        bail!("this grantscope is a viewer: it cannot record; build it with `--features capture` (see README.md)")
    }
}
