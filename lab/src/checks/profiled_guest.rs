//! A guest that is profiled: what it leaves comes out of it whole, though it is larger than any buffer on its way, and an end that is none is
//! reported.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::harness::{Harness, TIMEOUT};
use crate::{
    boot::{
        console_watch::{Domain, End},
        run::Outcome,
    },
    guest::job::Job,
    platform,
};

/// Not a multiple of anything that is sent in one piece.
const BYTES: usize = 20_000_001;

/// The same bytes by both ways: a file, and the port that a recording is written to.
pub const JOB: &str = r#"
head -c 20000001 /dev/urandom >/out/large || exit
cat /out/large >/dev/gs.stream || exit
sha256sum </out/large >/out/large.sha256 || exit
"#;

/// All of them came, as the guest had them; and so did what dom0 has to say.
pub fn left_is_whole(outcome: &Outcome, out: &Path) -> Result<()> {
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

/// A guest ends the run with its verdict. One that cannot give any, or gives it before what it leaves has come, has failed.
pub fn ends_are_reported(harness: &Harness) -> Result<()> {
    let lab = harness.lab(platform::named("x86-pvh-guest")?)?;
    let end_of = |name: &str, script: &str| -> Result<End> {
        let job = Job::Script(script.to_owned());
        Ok(lab.run(&job, lab.parts().platform.clock(None)?, TIMEOUT, &harness.out(name), &mut ())?.end)
    };
    let panics = end_of("guest-panics", "echo c >/proc/sysrq-trigger")?;
    ensure!(matches!(panics, End::Crash { domain: Domain::Guest, .. }), "it panicked, and ended so: {panics:?}");
    let gone = end_of("guest-gone", "reboot -f")?;
    ensure!(gone == End::Fail("the guest is gone, and gave no verdict".to_owned()), "it was gone, and ended so: {gone:?}");
    let early = end_of("guest-early", "echo '<1>grantscope-lab verdict: pass' >/dev/kmsg\nsleep 3600")?;
    let expected = End::Fail("the guest gave its verdict before it had sent its files".to_owned());
    ensure!(early == expected, "it gave a verdict of its own, and ended so: {early:?}");
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
