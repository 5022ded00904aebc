//! What a guest leaves that is profiled comes out of it whole, though it is larger than any buffer on its way.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::boot::run::Outcome;

/// Not a multiple of anything that is sent in one piece.
const BYTES: usize = 20_000_001;

/// The same bytes by both ways: a file, and the port that a recording is written to.
pub const JOB: &str = r#"
head -c 20000001 /dev/urandom >/out/large || exit
cat /out/large >/dev/gs.stream || exit
sha256sum </out/large >/out/large.sha256 || exit
"#;

/// All of them came, as the guest had them; and so did what dom0 has to say.
pub fn is_whole(outcome: &Outcome, out: &Path) -> Result<()> {
    let wanted = outcome.required("large.sha256")?;
    for name in ["large", "recording.gsr"] {
        let path = out.join(name);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {path:?}"))?;
        ensure!(bytes.len() == BYTES, "{name} has {} bytes instead of {BYTES}", bytes.len());
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(wanted.split(' ').next() == Some(&*sum), "{name} has other bytes than in the guest");
    }
    let console = outcome.required("dom0/xen/console/guest-backend.log")?;
    ensure!(console.contains("grantscope-lab: job starts"), "dom0 kept another console:\n{console}");
    note!("{BYTES} bytes came out of the guest by each way");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_makes_as_many_bytes_as_are_expected() {
        assert!(JOB.contains(&format!("head -c {BYTES} ")));
    }
}
