//! How two domains exchange references where there is xenstore: a backend finds the guest's by either channel, and what a frontend
//! published is gone when it ends.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::verify::Truth;

use super::recorded::Recorded;
use crate::boot::run::Outcome;

/// The guest's pages by each channel and by whichever there is; then dom0's own, of a frontend that comes later than who looks for
/// it, and ends.
pub const JOB: &str = r#"
cat >/tmp/find-pages <<'END'
find_by() { grantscope-workload run --peer $1 --channel $2 --scenario latency-1 --iterations 3 --truth /out/$3.json 2>/out/$3-said; }
find_by 1 xenstore in-xenstore || exit
find_by 1 directory by-directory || exit
find_by 1 any any || exit
published=/local/domain/0/data/grantscope/0
find_by 0 xenstore later &
looks=$!
sleep 1
grantscope-workload frontend --to 0 --pages 20 --channel xenstore --truth /out/frontend.json >/out/frontend-said &
wait $looks || exit
xenstore-read $published/pages $published/references/0 >/out/published || exit
kill $!
wait $!
! xenstore-read $published/version 2>/out/no-longer-published || exit
END
grantscope record -o /out/channels.gsr --clock "$clock" -- sh /tmp/find-pages >/out/channels-recorder 2>&1
echo $? >/out/channels-recorder-status
# A frontend in dom0, once it has said to NAME that it is there: granting NAME ARGUMENTS.
granting() {
    name=$1 tries=100
    shift
    grantscope-workload frontend --to 0 --pages 20 "$@" >/out/$name &
    frontend=$!
    until grep -q frontend: /out/$name; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "the frontend of $name does not come" >&2; exit 1; }
        sleep 0.1
    done
}
granting killed
kill -9 $frontend
wait $frontend
xenstore-read /local/domain/0/data/grantscope/0/pages >/out/published-by-the-killed
grantscope-workload clean >/out/cleaned 2>&1
! xenstore-read /local/domain/0/data/grantscope/0/pages >/out/published-after-clean 2>&1 || exit
cat >/tmp/asks.toml <<'END'
version = 1
name = "asks"
summary = "asks its peer for pages, and has them for a while"
imitates = "nobody"
iterations = 3
[[workers]]
name = "asking"
each = [
  { peer_grant = "asked", pages = 5 }, { map = "window", of = "asked" }, { mmap = "window" }, { touch = "window" }, { sleep_ms = 200 },
  { munmap = "window" }, { unmap = "window" }, { peer_ungrant = "asked" },
]
END
granting asked-said --truth /out/asked.json
ask="grantscope-workload run --peer 0 --scenario /tmp/asks.toml"
$ask --iterations 1000 --truth - >/dev/null 2>&1 &
asks=$!
sleep 1
$ask --truth - >/dev/null 2>/out/asks-refused && exit 1
kill -9 $asks
wait $asks
$ask --truth /out/asks.json 2>/out/asks-said || exit
kill $frontend
wait $frontend
"#;

/// Every truth agrees with the recording, and who found the references in xenstore mapped no page to look for them.
pub fn are_exact(outcome: &Outcome, out: &Path) -> Result<()> {
    let (status, said) = (outcome.required("channels-recorder-status")?, outcome.required("channels-recorder")?);
    ensure!(status == "0", "the recorder ended with status {status}:\n{said}");
    let found = |name: &str, place: &str| -> Result<Truth> {
        let said = outcome.required(&format!("{name}-said"))?;
        ensure!(said.contains(&format!("found {place}")), "{name}: the references should be found {place}:\n{said}");
        Truth::parse(&outcome.required(&format!("{name}.json"))?).with_context(|| format!("the truth of {name}"))
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
    let (said, published) = (outcome.required("frontend-said")?, outcome.required("published")?);
    ensure!(said.contains("20 pages granted to domain 0, in xenstore at /local/domain/0/data/grantscope/0"), "it said: {said}");
    ensure!(published.starts_with("20\n"), "the frontend published: {published}");
    truths.extend([by_directory, Truth::parse(&outcome.required("frontend.json")?)?]);
    let together = Truth::of_all(truths).context("no process wrote a truth")?;
    Recorded::read(&out.join("channels.gsr"))?.agrees_with(&together)?;
    let (left, cleaned) = (outcome.required("published-by-the-killed")?, outcome.required("cleaned")?);
    ensure!(left == "20", "a frontend that was killed left {left:?} in xenstore");
    ensure!(cleaned.contains("at /local/domain/0/data/grantscope/0: removed"), "clean said: {cleaned}");
    asked_again(outcome)?;
    note!("references were found in xenstore without a map, and by the directory with {} more", with_directory - least);
    Ok(())
}

/// Two backends cannot ask at the same time; and the grants of one that was killed are released for the next.
fn asked_again(outcome: &Outcome) -> Result<()> {
    let refused = outcome.required("asks-refused")?;
    ensure!(refused.contains("another backend is connected to it"), "the second backend was refused otherwise: {refused}");
    let frontend = Truth::parse(&outcome.required("asked.json")?)?;
    let asked = |truth: &Truth, op: &str| truth.calls.iter().filter(|call| call.op == op && call.pages == Some(5)).count();
    let (granted, ungranted) = (asked(&frontend, "grant"), asked(&frontend, "ungrant"));
    let by_the_last = asked(&Truth::parse(&outcome.required("asks.json")?)?, "map");
    ensure!(
        granted == ungranted && granted > by_the_last,
        "{granted} grants were asked for, {by_the_last} by the last; {ungranted} ended"
    );
    note!("a frontend was asked for {granted} grants, {by_the_last} of them by the last backend, and released all");
    Ok(())
}
