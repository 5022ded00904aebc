//! An obstacle to a recording is reported in one line with the remedy, and what was recorded is kept.

use std::fs::File;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::recording::{Frame, ReadError, Reader};

use super::harness::Harness;
use crate::{guest::job::Job, platform::Clock};

/// Each case prints its name, the exit status, and one line of standard error: grantscope's
/// own, else the generator's `error:`. Everything is restored after it.
const CASES: &str = r#"
try() {
    name=$1
    shift
    "$@" >/dev/null 2>/tmp/errors
    status=$?
    message=$(grep '^grantscope:' /tmp/errors | tail -n 1)
    [ -n "$message" ] || message=$(grep -m 1 '^error:' /tmp/errors)
    echo "$name: $status: $message"
}
record() { grantscope record -o /tmp/recording "$@"; }

chmod 1777 /tmp
mkdir -p /etc
echo nobody:x:65534:65534::/:/bin/sh >/etc/passwd
try no-root start-stop-daemon -S -c nobody -x /bin/grantscope -- record -o /tmp/elsewhere

echo kvm >/tmp/type
mount -o bind /tmp/type /sys/hypervisor/type
try no-xen record -- true
umount /sys/hypervisor/type

mv /dev/xen/gntdev /dev/xen/away
try no-gntdev record -- true
mv /dev/xen/away /dev/xen/gntdev

mount -t tmpfs none /sys/kernel/btf
try no-btf record -- true
umount /sys/kernel/btf

try no-process record --pid 999999 -- true
try no-command record -- /no/such/program
try no-folder grantscope record -o /no/such/folder/recording -- true
try status record -- sh -c 'exit 42'
try no-scenario grantscope-workload run --scenario no-such --truth /tmp/truth
try no-pages grantscope-workload run --self --pages 0 --truth /tmp/truth

mkdir /tmp/small
mount -t tmpfs -o size=32k none /tmp/small
try full-disk grantscope record -o /tmp/small/recording -- grantscope-workload run --self --pages 1,16 --iterations 50 --truth /tmp/truth
cp /tmp/small/recording /out/full-disk.gsr
"#;

/// Case, exit status, and what that line says.
const EXPECTED: &[(&str, i32, &str)] = &[
    ("no-root", 1, "loading probes needs root: run this with sudo"),
    ("no-xen", 1, "does not run under Xen (/sys/hypervisor/type says `kvm`): run this in dom0"),
    ("no-gntdev", 1, "/dev/xen/gntdev is missing: load the module"),
    ("no-btf", 1, "the kernel needs CONFIG_DEBUG_INFO_BTF=y"),
    ("no-process", 1, "there is no process 999999: give --pid the id of one that runs"),
    ("no-command", 1, "cannot start `/no/such/program`: check its name and that it can be executed: No such file or directory"),
    ("no-folder", 1, "/no/such/folder/recording: cannot be written; check the path"),
    ("status", 42, "nobody mapped or granted anything meanwhile"),
    ("no-scenario", 2, "no-such"),
    ("no-pages", 2, "0"),
    (
        "full-disk",
        1,
        "all frames before are complete. Free some space, or give -o a file on another disk: No space left on device",
    ),
];

/// Runs all cases in one boot.
pub fn obstacles_are_named(harness: &Harness) -> Result<()> {
    let out = harness.out("obstacles");
    let outcome = harness.passes(harness.full()?, "obstacles", &Job::Script(CASES.into()), Clock::Counted)?;
    let said = outcome.text("stdout").context("the cases printed nothing")?;
    for &(case, status, words) in EXPECTED {
        let line = said.lines().find(|line| line.starts_with(&format!("{case}: ")));
        let line = line.with_context(|| format!("the case {case} did not run:\n{said}"))?;
        ensure!(line.starts_with(&format!("{case}: {status}: ")), "the exit status should be {status}: {line}");
        ensure!(line.contains(words), "the words {words:?} are missing: {line}");
    }
    ensure!(said.lines().count() == EXPECTED.len(), "cases without expectation:\n{said}");
    whole_frames_are_kept(&out.join("full-disk.gsr"))
}

/// Of a recording that filled its disk, everything before the last frame can be read.
fn whole_frames_are_kept(path: &std::path::Path) -> Result<()> {
    let mut reader = Reader::open(File::open(path)?)?;
    let mut operations = 0;
    loop {
        match reader.next_frame() {
            Ok(Some(Frame::Operations(more))) => operations += more.len(),
            Ok(Some(_)) => {}
            Err(ReadError::CutShort { .. }) => break,
            other => anyhow::bail!("a recording that filled its disk ends with {other:?}"),
        }
    }
    ensure!(operations > 0, "nothing was kept of a recording that filled its disk");
    Ok(())
}
