//! Files of the user's outlive what goes wrong, and what runs as root does nothing that others have prepared.

use anyhow::{Context, Result, ensure};

use super::harness::Harness;
use crate::{guest::job::Job, platform::Clock};

/// Each case prints its name, the exit status, and one line of standard error; or its name and what was found.
const CASES: &str = r#"
try() {
    name=$1
    shift
    "$@" >/dev/null 2>/tmp/errors
    status=$?
    message=$(grep -m 1 -E '^(grantscope: (/|cannot|link)|error:)' /tmp/errors)
    echo "$name: $status: $message"
}
same() { if cmp -s $2 $3; then echo "$1: same"; else echo "$1: changed"; fi; }
umask 0
mkdir -p /out/files /etc
cd /out/files
echo nobody:x:65534:65534::/:/bin/sh >/etc/passwd

try first grantscope record -o keep.gsr --clock counted -- true
chmod 600 keep.gsr
chown nobody keep.gsr
cp keep.gsr copy.gsr
ln -s keep.gsr link.gsr
try no-command grantscope record -o link.gsr -- /nonexistent
same no-command-keeps keep.gsr copy.gsr
mv /dev/xen/gntdev /dev/xen/away
try no-gntdev grantscope record -o keep.gsr -- true
mv /dev/xen/away /dev/xen/gntdev
same no-gntdev-keeps keep.gsr copy.gsr
try own-table grantscope export keep.gsr -o link.gsr
same own-table-keeps keep.gsr copy.gsr
try again grantscope record -o link.gsr --clock counted -- true
same again-writes keep.gsr copy.gsr
echo "link: $(readlink link.gsr) $(stat -c '%a %u' keep.gsr)"

RUN=/run/grantscope
rm -rf $RUN
try run grantscope-workload run --scenario latency-1 --self --iterations 1 --warmup 0 --truth truth.json
echo "folder: $(stat -c '%a %u' $RUN)"

echo 1 >victim
cp victim victim-before
# PATH BEFORE SET: the journal of a run that is dead.
forge() {
    echo '{"format":"grantscope-journal","version":2,"pid":999999,"started_ticks":1,"boot_id":"'$(cat /proc/sys/kernel/random/boot_id)'",
"arguments":[],"changed":[{"kind":"value","path":"'$1'","before":"'$2'","set":"'$3'"}]}' >$RUN/workload-999999.json
    chmod 600 $RUN/workload-999999.json
}
forge /out/files/victim 2 1
chmod 777 $RUN
try open-folder grantscope-workload clean
chmod 700 $RUN
try forged-path grantscope-workload clean
same victim-stays victim victim-before
level=$(cut -f 1 /proc/sys/kernel/printk)
forge /proc/sys/kernel/printk "1 x" $level
try forged-value grantscope-workload clean
forge /proc/sys/kernel/printk 1 $level
chown nobody $RUN/workload-999999.json
try of-another grantscope-workload clean
rm $RUN/workload-999999.json
[ $level = "$(cut -f 1 /proc/sys/kernel/printk)" ] && echo "level: same"
mkfifo -m 600 $RUN/workload-5.json
try pipe grantscope-workload clean
rm $RUN/workload-5.json
try clean grantscope-workload clean

mkdir -m 777 /tmp/open
cp /bin/grantscope /bin/grantscope-workload /tmp/open
bench="/tmp/open/grantscope bench --clock counted --scenario latency-1 --out results"
arguments="-- --iterations 1 --warmup 0"
try open-program $bench $arguments
[ -e results ] || echo "results: none"
try named-program $bench --workload /tmp/open/grantscope-workload $arguments
echo "results: $(ls results | tr '\n' ' ')"
"#;

/// How the line of each case begins, one after the other.
const EXPECTED: &[&str] = &[
    "first: 0: ",
    "no-command: 1: grantscope: cannot start `/nonexistent`",
    "no-command-keeps: same",
    "no-gntdev: 1: grantscope: /dev/xen/gntdev is missing",
    "no-gntdev-keeps: same",
    "own-table: 1: grantscope: link.gsr: is the recording that is read",
    "own-table-keeps: same",
    "again: 0: ",
    "again-writes: changed",
    "link: keep.gsr 600 65534",
    "run: 0: ",
    "folder: 700 0",
    "open-folder: 1: error: cannot follow what is recorded in /run/grantscope: others can write it (mode 777)",
    "forged-path: 1: error: the journal /run/grantscope/workload-999999.json cannot be read (it records a change of /out/files/victim",
    "victim-stays: same",
    "forged-value: 1: error: the journal /run/grantscope/workload-999999.json cannot be read (it records a change of /proc/sys/kernel/printk",
    "of-another: 1: error: the journal /run/grantscope/workload-999999.json cannot be read (it belongs to the user 65534",
    "level: same",
    "pipe: 1: error: the journal /run/grantscope/workload-5.json cannot be read (it is no regular file)",
    "clean: 0: ",
    "open-program: 1: grantscope: /tmp/open/grantscope-workload: is not run as root: others can write /tmp/open (mode 777)",
    "results: none",
    "named-program: 0: ",
    "results: recording.gsr results.csv truth.json workload.log",
];

/// Runs all cases in one boot.
pub fn are_safe(harness: &Harness) -> Result<()> {
    let outcome = harness.passes(harness.full()?, "files", &Job::Script(CASES.into()), Clock::Counted)?;
    let said = outcome.text("stdout").context("the cases printed nothing")?;
    let lines: Vec<&str> = said.lines().collect();
    for (line, expected) in lines.iter().zip(EXPECTED) {
        ensure!(line.starts_with(expected), "expected {expected:?}, and it said {line:?}; all of it:\n{said}");
    }
    ensure!(lines.len() == EXPECTED.len(), "{} cases, and {} are expected:\n{said}", lines.len(), EXPECTED.len());
    Ok(())
}
