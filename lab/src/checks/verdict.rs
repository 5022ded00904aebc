//! A run ends in exactly one verdict, and everything else is a failure.

use anyhow::{Context, Result, ensure};

use super::harness::Harness;
use crate::{boot::console_watch::End, guest::job::Job, platform::Clock};

/// A job that does nothing passes, with either clock, and dom1 is up too.
pub fn both_domains_boot(harness: &Harness) -> Result<()> {
    for clock in [Clock::Counted, Clock::Wall] {
        let name = format!("boot-{}", clock.name());
        harness.passes(harness.bare(), &name, &Job::Script("exit 0".into()), clock)?;
        let out = harness.out(&name);
        let console = std::fs::read_to_string(out.join("console.log"))?;
        ensure!(
            console.contains("DOM1: ") && console.contains("grantscope-lab: frontend up"),
            "dom1 said nothing in {}",
            out.join("console.log").display()
        );
    }
    Ok(())
}

/// Every interface that a profiler of grants uses is in dom0, and nothing was switched on there that a profiler would switch.
pub fn instruments_are_there(harness: &Harness) -> Result<()> {
    let outcome = harness.script(
        "instruments",
        r#"
failed=0
for path in /dev/xen/gntdev /dev/xen/gntalloc /dev/udmabuf /dev/dma_heap/system /dev/dri/renderD128 /sys/kernel/btf/vmlinux \
    /sys/kernel/tracing/trace /sys/kernel/debug/fail_page_alloc /proc/kallsyms /proc/xen/capabilities \
    /sys/fs/bpf /sys/fs/cgroup/cgroup.procs /dev/gs.stream /dev/gs.files; do
    [ -e "$path" ] || { echo "missing: $path" >&2; failed=1; }
done
for name in gnttab_map_refs gntdev_alloc_map dmabuf_exp_ops; do
    grep -q " $name\$" /proc/kallsyms || { echo "not in kallsyms: $name" >&2; failed=1; }
done
[ "$(cat /proc/sys/kernel/bpf_stats_enabled)" = 0 ] || { echo "BPF statistics are on" >&2; failed=1; }
zcat /proc/config.gz | grep -q '^CONFIG_XEN_GRANT_DMA_ALLOC=y' || { echo "no DMA grants" >&2; failed=1; }
exit $failed
"#,
    )?;
    ensure!(outcome.end == End::Pass, harness.unexpected("instruments", &outcome));
    ensure!(outcome.warnings.is_empty(), "the kernel complained: {:?}", outcome.warnings);
    Ok(())
}

/// A status that is not zero makes the verdict a failure that names it.
pub fn failing_job(harness: &Harness) -> Result<()> {
    let outcome = harness.script("failing", "exit 7")?;
    let expected = End::Fail("the job exited with status 7".into());
    ensure!(outcome.end == expected, "a job with status 7 ended so: {}", outcome.end.sentence());
    ensure!(outcome.status() == Some(7), "the status that came back is {:?}", outcome.status());
    Ok(())
}

/// A verdict that the job writes is one too many.
pub fn two_verdicts(harness: &Harness) -> Result<()> {
    let outcome = harness.script("two-verdicts", "echo '<1>grantscope-lab verdict: pass' >/dev/kmsg; exit 0")?;
    ensure!(matches!(outcome.end, End::TwoVerdicts(..)), "two verdicts ended so: {}", outcome.end.sentence());
    Ok(())
}

/// A power-off by someone else than init.
pub fn no_verdict(harness: &Harness) -> Result<()> {
    let outcome = harness.script("no-verdict", "poweroff -f; sleep 100")?;
    let End::NoVerdict { stage } = &outcome.end else {
        return Err(harness.unexpected("no-verdict", &outcome));
    };
    ensure!(stage.contains("job starts"), "the last stage is {stage:?}");
    outcome.tail.last().context("the report shows no console")?;
    Ok(())
}
