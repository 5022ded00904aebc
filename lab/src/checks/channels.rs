//! How two domains agree on references where there is xenstore: a backend finds the guest's by either channel, and what a frontend
//! told is gone when it is.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grantscope_collector::judge::Truth;

use super::{benches::text, profile::Recorded};
use crate::boot::run::Outcome;

/// The guest's pages by each channel and by whichever there is; then dom0's own, of a frontend that comes later than who looks for
/// it, and ends.
pub const JOB: &str = r#"
cat >/tmp/find-pages <<'END'
find_by() { grantscope-workload run --peer $1 --channel $2 --scenario latency-1 --iterations 3 --truth /out/$3.json 2>/out/$3-said; }
find_by 1 xenstore in-xenstore || exit
find_by 1 directory by-directory || exit
find_by 1 any any || exit
told=/local/domain/0/data/grantscope/0
find_by 0 xenstore later &
looks=$!
sleep 1
grantscope-workload frontend --to 0 --pages 20 --channel xenstore --truth /out/frontend.json >/out/frontend-said &
wait $looks || exit
xenstore-read $told/pages $told/references/0 >/out/told || exit
kill $!
wait $!
! xenstore-read $told/version 2>/out/told-no-more || exit
END
grantscope record -o /out/channels.gsr --clock "$clock" -- sh /tmp/find-pages >/out/channels-recorder 2>&1
echo $? >/out/channels-recorder-status
grantscope-workload frontend --to 0 --pages 20 >/out/killed &
until grep -q frontend: /out/killed; do sleep 0.1; done
kill -9 $!
wait $!
xenstore-read /local/domain/0/data/grantscope/0/pages >/out/told-by-the-killed
grantscope-workload clean >/out/cleaned 2>&1
! xenstore-read /local/domain/0/data/grantscope/0/pages >/out/told-after-clean 2>&1 || exit
"#;

/// Every truth agrees with the recording, and who found the references in xenstore mapped no page to look for them.
pub fn are_exact(outcome: &Outcome, out: &Path) -> Result<()> {
    let (status, said) = (text(outcome, "channels-recorder-status")?, text(outcome, "channels-recorder")?);
    ensure!(status == "0", "the recorder ended with status {status}:\n{said}");
    let found = |name: &str, place: &str| -> Result<Truth> {
        let said = text(outcome, &format!("{name}-said"))?;
        ensure!(said.contains(&format!("found {place}")), "{name}: the references should be found {place}:\n{said}");
        Truth::parse(&text(outcome, &format!("{name}.json"))?).with_context(|| format!("the truth of {name}"))
    };
    let by_directory = found("by-directory", "by its directory")?;
    let mut truths =
        ["in-xenstore", "any", "later"].map(|name| found(name, "in xenstore")).into_iter().collect::<Result<Vec<_>>>()?;
    let maps = |truth: &Truth| truth.calls.iter().filter(|call| call.op == "map").count();
    let (least, with_directory) = (maps(&truths[0]), maps(&by_directory));
    ensure!(
        truths.iter().all(|truth| maps(truth) == least),
        "the same scenario made more maps where nothing had to be looked for"
    );
    ensure!(with_directory > least, "{with_directory} maps with the directory's pages, and {least} without");
    let (said, told) = (text(outcome, "frontend-said")?, text(outcome, "told")?);
    ensure!(said.contains("20 pages granted to domain 0, in xenstore at /local/domain/0/data/grantscope/0"), "it said: {said}");
    ensure!(told.starts_with("20\n"), "the frontend told: {told}");
    truths.extend([by_directory, Truth::parse(&text(outcome, "frontend.json")?)?]);
    let together = Truth::of_all(truths).context("nobody wrote a truth")?;
    Recorded::read(&out.join("channels.gsr"))?.agrees_with(&together)?;
    let (left, cleaned) = (text(outcome, "told-by-the-killed")?, text(outcome, "cleaned")?);
    ensure!(left == "20", "a frontend that was killed left {left:?} in xenstore");
    ensure!(cleaned.contains("at /local/domain/0/data/grantscope/0: removed"), "clean said: {cleaned}");
    tell!("references were found in xenstore without a map, and by the directory with {} more", with_directory - least);
    Ok(())
}
