//! The doctor's verdict on kernels with known capabilities.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::harness::Harness;
use crate::{boot::run::Outcome, guest::job::Job, platform::Clock};

/// What a job defines to ask the doctor: the argument names the examination. It takes a while on an emulated processor.
pub const EXAMINE: &str = r#"
examine() {
    grantscope doctor --format json >/out/$1.json 2>/out/$1.errors
    echo $? >/out/$1.status
}
"#;

const WITH_AND_WITHOUT_GNTDEV: &str = r#"
grantscope doctor >/out/whole.txt
examine whole
mv /dev/xen/gntdev /dev/xen/away
examine without
mv /dev/xen/away /dev/xen/gntdev
echo 2 >/proc/sys/kernel/kptr_restrict
examine hidden
grantscope maps 2>/out/hidden.maps && exit 1
grantscope record -o /tmp/hidden.gsr -- true 2>/out/hidden.record || exit
echo 1 >/proc/sys/kernel/kptr_restrict
"#;

/// Our own kernel can do everything, nothing without gntdev, and less where it hides addresses.
pub fn our_kernel_is_ready(harness: &Harness) -> Result<()> {
    let job = Job::Script(format!("{EXAMINE}{WITH_AND_WITHOUT_GNTDEV}"));
    let outcome = harness.passes(harness.full()?, "doctor", &job, Clock::Counted)?;
    let report = report(&outcome, "whole", "0", "ready")?;
    let unwell: Vec<_> = findings(&report)?.iter().filter(|finding| !["ok", "unknown"].contains(&state(finding))).collect();
    ensure!(unwell.is_empty(), "not as it should be: {unwell:?}");
    // Both are so for every dom0 on Arm: include/xen/interface/features.h, Linux v6.12.
    for (topic, known) in [("domain", "this is dom0"), ("direct-mapped", "yes")] {
        let fact = finding(&report, topic)?["fact"].as_str().unwrap_or_default();
        ensure!(fact.contains(known), "{topic}: {fact:?} should say {known:?}");
    }
    let without = self::report(&outcome, "without", "1", "impossible")?;
    let gntdev = finding(&without, "gntdev")?;
    ensure!(state(gntdev) == "blocks" && gntdev["remedy"].is_string(), "the missing gntdev is not named: {gntdev}");
    hidden_addresses_are_a_gap(&outcome)?;
    outcome.text("whole.txt").unwrap_or_default().lines().for_each(|line| note!("{line}"));
    Ok(())
}

/// Where kptr_restrict hides addresses, whoever needs them says so.
fn hidden_addresses_are_a_gap(outcome: &Outcome) -> Result<()> {
    let report = report(outcome, "hidden", "4", "partial")?;
    let addresses = finding(&report, "addresses")?;
    ensure!(state(addresses) == "gap", "hidden addresses should be a gap: {addresses}");
    ensure!(addresses["remedy"] == "sysctl kernel.kptr_restrict=1", "the remedy is another: {addresses}");
    for name in ["hidden.maps", "hidden.record"] {
        let said = outcome.text(name).unwrap_or_default();
        ensure!(said.contains("to do: sysctl kernel.kptr_restrict=1"), "{name} does not say what to do:\n{said}");
    }
    Ok(())
}

/// In an examination called `whole` of a stock kernel, without dma-bufs: a gap, with a remedy, and no reason to refuse the rest.
pub fn stock_kernel_is_partial(outcome: &Outcome) -> Result<()> {
    let report = report(outcome, "whole", "4", "partial")?;
    for topic in ["dma-buf", "DMA buffers"] {
        let finding = finding(&report, topic)?;
        ensure!(state(finding) == "gap", "{topic} should be a gap: {finding}");
        ensure!(
            finding["remedy"].as_str().is_some_and(|remedy| remedy.contains("CONFIG_XEN_")),
            "{topic} has no remedy: {finding}"
        );
    }
    let hooks = report["hooks"].as_array().context("no hooks")?;
    let by = |mode: &str| hooks.iter().filter(|hook| hook["attached_by"] == mode).count();
    let (by_fentry, by_kprobe) = (by("fentry"), by("kprobe"));
    ensure!(
        (by_fentry == 0) != (by_kprobe == 0),
        "functions of modules should be hooked as the kernel's own: {by_fentry} by fentry, {by_kprobe} by a kprobe"
    );
    let gntdev = finding(&report, "gntdev")?["fact"].as_str().unwrap_or_default();
    ensure!(gntdev.starts_with("a module"), "gntdev is a module there: {gntdev}");
    Ok(())
}

/// In an examination of a kernel whose modules have no BTF: what their functions are hooked by, and why.
pub fn says_that_modules_are_not_described(outcome: &Outcome, name: &str) -> Result<()> {
    let report = parsed(outcome, name)?;
    let gntdev = finding(&report, "gntdev")?;
    let (fact, remedy) = (gntdev["fact"].as_str().unwrap_or_default(), gntdev["remedy"].as_str().unwrap_or_default());
    ensure!(fact.contains("does not describe") && remedy.contains("CONFIG_DEBUG_INFO_BTF_MODULES"), "it is not said: {gntdev}");
    let hooks = report["hooks"].as_array().context("no hooks")?;
    let ioctl = hooks.iter().find(|hook| hook["hook"] == "gntdev_ioctl").context("no hook gntdev_ioctl")?;
    let problem = ioctl["problem"].as_str().unwrap_or_default();
    ensure!(ioctl["attached_by"] == "kprobe" && problem.contains("does not describe the module"), "it is not said: {ioctl}");
    note!("gntdev: {fact}; {problem}");
    Ok(())
}

/// In an examination called `whole` of a kernel that is preempted at any time: that, and what the hooks are for it.
pub fn names_preemption(outcome: &Outcome, model: &str) -> Result<()> {
    let report = parsed(outcome, "whole")?;
    let preemption = finding(&report, "preemption")?;
    let fact = preemption["fact"].as_str().unwrap_or_default();
    note!("preemption: {fact}");
    ensure!(state(preemption) == "ok" && fact.starts_with(model) && fact.contains("kprobes"), "it is not named: {preemption}");
    Ok(())
}

/// In an examination called `whole` of a PV domain whose kernel has dma-bufs: that it exports none.
pub fn says_that_pv_exports_nothing(outcome: &Outcome) -> Result<()> {
    let report = report(outcome, "whole", "4", "partial")?;
    let exports = finding(&report, "dma-buf")?;
    let fact = exports["fact"].as_str().unwrap_or_default();
    ensure!(state(exports) == "gap" && fact.contains("every export in a PV domain"), "it is not said: {exports}");
    Ok(())
}

/// In an examination called `whole`: which kind of domain this is.
pub fn names_the_domain(outcome: &Outcome, kind: &str) -> Result<()> {
    let report = parsed(outcome, "whole")?;
    let domain = finding(&report, "domain")?;
    ensure!(domain["fact"] == kind, "the domain should be {kind:?}: {domain}");
    Ok(())
}

/// The report of an examination that has to end with this exit status and verdict.
fn report(outcome: &Outcome, name: &str, status: &str, verdict: &str) -> Result<Value> {
    let text = |end: &str| outcome.text(&format!("{name}.{end}")).unwrap_or_default();
    ensure!(text("status").trim() == status, "the doctor's exit status should be {status}:\n{}{}", text("json"), text("errors"));
    let report = parsed(outcome, name)?;
    ensure!(report["verdict"] == verdict, "the verdict should be {verdict}: {}", report["verdict"]);
    Ok(report)
}

/// The report of an examination, whatever it says.
fn parsed(outcome: &Outcome, name: &str) -> Result<Value> {
    serde_json::from_str(&outcome.text(&format!("{name}.json")).unwrap_or_default()).context("the doctor's output is not JSON")
}

fn findings(report: &Value) -> Result<&Vec<Value>> {
    report["findings"].as_array().context("the report has no findings")
}

fn finding<'a>(report: &'a Value, topic: &str) -> Result<&'a Value> {
    let found = findings(report)?.iter().find(|finding| finding["topic"] == topic);
    found.with_context(|| format!("the report says nothing of {topic}"))
}

fn state(finding: &Value) -> &str {
    finding["state"].as_str().unwrap_or_default()
}
