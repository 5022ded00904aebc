//! A PID namespace: `--pid` means the process that has the number there, and what cannot be known there is said.

use anyhow::{Context, Result, ensure};
use grantscope_analysis::live::Ledger;

use super::{
    harness::Harness,
    recorded::{Recorded, truth},
};
use crate::{
    guest::job::{Command, Job},
    platform::{Clock, MAIN},
};

/// Two runs at once in a namespace of their own, of which one is recorded, by its number there; then a process that holds maps. `maps`
/// lists nothing there, and the doctor says so.
const JOB: &str = r#"
cat >/tmp/inside <<'END'
load="grantscope-workload run --self --pages 1 --iterations 20 --warmup 2"
sh -c "while [ ! -e /out/begin ]; do sleep 0.1; done; exec $load --truth /out/one.json" &
pid=$!
echo $pid >/out/pid
grantscope record -o /out/one.gsr --clock counted --pid $pid -- \
    sh -c "touch /out/begin; $load --truth /out/other.json; while kill -0 $pid 2>/dev/null; do sleep 0.1; done" 2>/out/said || exit
grantscope record -o /out/held.gsr --clock counted -- sh -c '/job/holder kinds >/out/kinds & sleep 3' || exit
grantscope maps 2>/out/maps && exit 1
grantscope doctor >/out/doctor
[ $? -eq 4 ]
END
unshare --pid --fork --mount-proc sh /tmp/inside
"#;

/// The process's operations are all there, and the other's were all left out.
pub fn are_translated(harness: &Harness) -> Result<()> {
    let out = harness.out("pids");
    let files = vec![("holder".into(), harness.program_in_c("holder", MAIN.architecture)?)];
    let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["-c", JOB]) });
    let outcome = harness.passes(harness.full()?, "pids", &job, Clock::Counted)?;
    let recorded = Recorded::read(&out.join("one.gsr"))?;
    let report = recorded.aggregate.filtered().context("the recording reports no filter")?;
    let inside: u32 = outcome.text("pid").unwrap_or_default().trim().parse().context("no process id")?;
    let (kept, left_out) = (recorded.operations.len() as u64, report.left_out);
    let [one, other] = ["one", "other"].map(|name| truth(&out.join(name).with_extension("json")));
    let [one, other] = [one?.operation_count(), other?.operation_count()];
    note!("process {inside} is recorded as {:?}: {kept} operations, {left_out} left out", report.filter.pid);
    ensure!((kept, left_out) == (one, other), "the process made {one} operations, and the other {other}");
    let pid = report.filter.pid.context("the recording's filter has no process")?;
    ensure!(pid != inside, "the process has the same number {pid} in both namespaces: start others before it");
    ensure!(recorded.operations.iter().all(|operation| operation.tgid == pid), "recorded are other processes than {pid}");
    for (name, words) in [
        ("said", format!("(--pid is {pid} there)")),
        ("maps", "this PID namespace hides the processes outside of it".to_owned()),
        ("doctor", "not the initial one".to_owned()),
    ] {
        let said = outcome.text(name).unwrap_or_default();
        ensure!(said.contains(&words), "{name} does not say {words:?}:\n{said}");
    }
    ensure!(!outcome.text("said").unwrap_or_default().contains("times stay raw"), "what the probes cost there is not known");
    no_owner_is_said_to_have_ended(Recorded::read(&out.join("held.gsr"))?.aggregate.ledger())
}

/// Their numbers mean nothing there.
fn no_owner_is_said_to_have_ended(ledger: &Ledger) -> Result<()> {
    let maps = ledger.maps();
    ensure!(!maps.is_empty(), "nothing was held at the end");
    ensure!(maps.iter().all(|map| map.owner_gone_ns.is_none()), "an owner is said to have ended: {maps:?}");
    ensure!(ledger.no_census().is_some(), "it is not said that older maps were not looked for");
    Ok(())
}
