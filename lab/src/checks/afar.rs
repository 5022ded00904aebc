//! Viewers of a recording that is made: they see what the file has, and one that stands still holds nobody.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::{
    harness::Harness,
    recorded::{Recorded, truth},
};
use crate::{guest::job::Job, platform::Clock};

/// Two viewers from the beginning, of which one is stopped, and one that comes when half is done; all in one boot. Each fact is a line.
const JOB: &str = r#"
at=/run/grantscope/sock
rm -rf /run/grantscope
until_there() { until grep -q 'hooks attached' "$1"; do kill -0 "$2" || { cat "$1" >&2; exit 1; }; sleep 0.1; done; }

# A recorder that is killed leaves its socket.
grantscope record --listen $at --clock counted 2>/tmp/killed &
killed=$!
until_there /tmp/killed $killed
kill -KILL $killed
wait $killed
[ -S $at ] && echo 'stale: there'

grantscope record -o /out/afar.gsr --listen $at --clock counted -- sh -c '
    until [ -e /tmp/begin ]; do sleep 0.1; done
    grantscope-workload run --peer 1 --pages 1,16 --iterations 20 --truth /out/afar.json >/dev/null
    touch /tmp/done
    until [ -e /tmp/end ]; do sleep 0.1; done' 2>/tmp/recorder &
recorder=$!
until_there /tmp/recorder $recorder
echo "socket: $(stat -c '%a %u' $at) $(stat -c '%a' /run/grantscope)"
grantscope record --listen $at -- true 2>/tmp/second
echo "second: $? $(grep -c "process $recorder (grantscope) listens there already" /tmp/second)"
grantscope export unix:$at -o /out/early.csv &
early=$!
grantscope top unix:$at >/out/stopped.txt 2>&1 &
stopped=$!
sleep 1
kill -STOP $stopped
touch /tmp/begin
until [ -e /tmp/done ]; do sleep 0.1; done
grantscope export unix:$at -o /out/late.csv &
late=$!
grantscope top unix:$at >/out/gone.txt 2>&1 &
gone=$!
sleep 1
kill -KILL $gone
touch /tmp/end
wait $recorder
echo "recorder: $?"
[ -e $at ] || echo 'socket-at-the-end: gone'
kill -CONT $stopped
wait $stopped
echo "stopped: $? $(grep -c ' operations, 0 lost' /out/stopped.txt)"
wait $early
echo "early: $?"
wait $late
echo "late: $?"
grantscope export /out/afar.gsr -o /out/afar.csv
"#;

/// What has to be said.
const EXPECTED: &[&str] = &[
    "stale: there",
    "socket: 600 0 700",
    "second: 1 1",
    "recorder: 0",
    "socket-at-the-end: gone",
    "stopped: 0 1",
    "early: 0",
    "late: 0",
];

/// The file is exact, and what viewers made of the stream is what is made of the file.
pub fn viewers_see_what_is_recorded(harness: &Harness) -> Result<()> {
    let out = harness.out("afar");
    let outcome = harness.passes(harness.full()?, "afar", &Job::Script(JOB.into()), Clock::Counted)?;
    let said = outcome.text("stdout").context("nothing was said")?;
    for expected in EXPECTED {
        ensure!(said.lines().any(|line| line == *expected), "`{expected}` was expected:\n{said}");
    }
    Recorded::read(&out.join("afar.gsr"))?.agrees_with(&truth(&out.join("afar.json"))?)?;
    let table = |name: &str| fs::read_to_string(out.join(name)).with_context(|| format!("{name} did not come back"));
    let file = table("afar.csv")?;
    for viewer in ["early.csv", "late.csv"] {
        ensure!(table(viewer)? == file, "{viewer} is not what the file says: see {}", out.display());
    }
    note!("{} rows in the file, and with a viewer from the beginning and a late one", file.lines().count() - 1);
    Ok(())
}
