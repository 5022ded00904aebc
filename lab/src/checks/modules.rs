//! Functions of modules, as stock kernels have gntdev and gntalloc: hooked as the kernel's own where the kernel describes the modules, by
//! kprobes where it does not, and as exactly either way. What watches a function holds its module as long as it does.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{
    model::{Environment, HookStatus, Outcome},
    verify::Truth,
};
use grantscope_wire::{HookId, Op};
use nix::errno::Errno;

use super::{
    doctor,
    harness::Harness,
    recorded::{Recorded, truth},
};
use crate::{boot::run, guest::job::Job, platform, platform::Clock};

/// Each way records scenarios, and its name is that of what it leaves. A kernel that does not describe its modules has no such files; here
/// they are empty.
const JOB: &str = r#"
say() { echo "<1>grantscope-lab: $*" >/dev/kmsg; }
recorded() {
    way=$1-$2
    say "$way"
    run="grantscope-workload run --scenario $2 --self $sizes --truth /out/$way.json"
    grantscope record -o /out/$way.gsr --clock counted $3 -- \
        sh -c "$run || exit; grep -E '^xen_gnt(dev|alloc) ' /proc/modules >/out/$way.used" || exit
    grep -E '^xen_gnt(dev|alloc) ' /proc/modules >/out/$way.unused
}
sweep() { sizes='--pages 1,16 --iterations 10 --warmup 2'; recorded $1 sweep "$2"; }
faults() { sizes='--pages 32'; recorded $1 faults "$2"; }
both() { sweep "$@"; faults "$@"; }
both best ''
both full '--detail full'
both kprobe '--attach kprobe'
for module in xen_gntdev xen_gntalloc; do mount -o bind /dev/null /sys/kernel/btf/$module || exit; done
sweep undescribed ''
examine undescribed
umount /sys/kernel/btf/xen_gntdev /sys/kernel/btf/xen_gntalloc || exit
# It cannot be unloaded while it is watched, and can be afterwards; then there is nothing to watch.
grantscope record -o /tmp/held.gsr --clock counted -- sh -c 'rmmod xen_gntalloc 2>/out/held; echo $? >/out/held.status' || exit
rmmod xen_gntalloc || exit
grantscope record -o /out/unloaded.gsr --clock counted -- true
"#;

/// A way: how it attaches the functions of modules, and those of the kernel; and what it records.
struct Way {
    name: &'static str,
    in_modules: &'static str,
    in_kernel: &'static str,
    scenarios: &'static [&'static str],
}

const WAYS: [Way; 4] = [
    Way { name: "best", in_modules: "fentry", in_kernel: "fentry", scenarios: &["sweep", "faults"] },
    Way { name: "full", in_modules: "fentry", in_kernel: "fentry", scenarios: &["sweep", "faults"] },
    Way { name: "kprobe", in_modules: "kprobe", in_kernel: "kprobe", scenarios: &["sweep", "faults"] },
    // Some failures have no cause there: docs/results.md.
    Way { name: "undescribed", in_modules: "kprobe", in_kernel: "fentry", scenarios: &["sweep"] },
];

/// Debian's 6.1 on x86-64.
pub fn on_x86(harness: &Harness) -> Result<()> {
    are_hooked(harness, "x86-pv")
}

/// Debian's 6.12 on arm64, with pages of 16 KiB.
pub fn on_arm64(harness: &Harness) -> Result<()> {
    are_hooked(harness, "arm64-16k")
}

fn are_hooked(harness: &Harness, platform: &str) -> Result<()> {
    let lab = harness.lab(platform::named(platform)?)?;
    let name = format!("modules-{platform}");
    let outcome = harness.passes_in_peace(&lab, &name, &Job::Script(format!("{}{JOB}", doctor::EXAMINE)), Clock::Counted)?;
    let out = harness.out(&name);
    for Way { name, in_modules, in_kernel, scenarios } in WAYS {
        for scenario in scenarios {
            let name = format!("{name}-{scenario}");
            let recorded = Recorded::read(&out.join(&name).with_extension("gsr"))?;
            let [of_modules, of_kernel] = attached_by(recorded.environment()?, in_modules, in_kernel).context(name.clone())?;
            note!("{of_modules} functions of modules by {in_modules}, {of_kernel} of the kernel by {in_kernel}");
            let mut truth = truth(&out.join(&name).with_extension("json"))?;
            if *scenario == "faults" && platform == "x86-pv" {
                teardowns_fail_in_part(&recorded, &mut truth).context(name.clone())?;
            }
            recorded.agrees_with(&truth).context(name.clone())?;
            modules_are_held(&outcome, &name, in_modules == "fentry")?;
        }
    }
    doctor::says_that_modules_are_not_described(&outcome, "undescribed")?;
    let (held, status) = (outcome.required("held")?, outcome.required("held.status")?);
    ensure!(status != "0", "a module was unloaded while programs of fentry were attached in it");
    note!("while it is watched: {held}");
    let unloaded = Recorded::read(&out.join("unloaded.gsr"))?;
    what_is_not_loaded_is_missing(unloaded.environment()?)
}

/// As the kernel lists it: the function, and behind it the module that it is in.
fn is_in_module(hook: &HookStatus) -> bool {
    hook.symbol.as_deref().is_some_and(|symbol| symbol.ends_with(']'))
}

/// How many functions of modules are hooked, all of them by this means, and how many of the kernel's own by that one.
///
/// # Errors
/// When one is attached otherwise, or a module or the kernel has none.
pub fn attached_by(environment: &Environment, in_modules: &str, in_kernel: &str) -> Result<[usize; 2]> {
    let functions = environment.hooks.iter().filter(|hook| ["fentry", "kprobe"].map(Some).contains(&hook.attached_by.as_deref()));
    let (of_modules, of_kernel): (Vec<_>, Vec<_>) = functions.partition(|hook| is_in_module(hook));
    ensure!(of_modules.len() >= 8, "gntdev has seven functions that are hooked, and gntalloc one: {of_modules:?}");
    for (hooks, wanted) in [(&of_modules, in_modules), (&of_kernel, in_kernel)] {
        let other = hooks.iter().find(|hook| hook.attached_by.as_deref() != Some(wanted));
        ensure!(!hooks.is_empty() && other.is_none(), "not attached by {wanted}: {other:?}");
    }
    Ok([of_modules.len(), of_kernel.len()])
}

/// In a PV domain the kernel finds that pages whose references Xen had refused to map are not mapped, and says EINVAL when it has unmapped
/// the rest of their map (`clear_foreign_p2m_mapping` in arch/x86/xen/p2m.c, Linux v6.1). Nobody reads that, and the truth, which counts
/// teardowns alone, takes it for success: so they are compared here, and no longer by their outcome in the truth.
fn teardowns_fail_in_part(recorded: &Recorded, truth: &mut Truth) -> Result<()> {
    let recorded: Vec<_> = recorded.operations.iter().filter(|operation| operation.op == Op::Teardown).collect();
    let mut counts = BTreeMap::<_, [u64; 2]>::new();
    for operation in &recorded {
        let buffer = operation.buffer.context("a teardown without a kind of buffer")?;
        let pages = operation.pages.context("a teardown without pages")?;
        counts.entry((buffer.name().to_owned(), pages)).or_default()[0] += 1;
    }
    for teardowns in truth.teardowns.take().into_iter().flatten() {
        counts.entry((teardowns.buffer, teardowns.pages)).or_default()[1] += teardowns.count;
    }
    let other = counts.iter().find(|(_, [recorded, counted])| recorded != counted);
    ensure!(other.is_none(), "teardowns of a kind, recorded and counted: {other:?}");
    let failed = recorded.iter().filter(|operation| operation.outcome == Outcome::Errno(Errno::EINVAL as i32)).count();
    ensure!(failed > 0, "no map had a reference that was refused");
    ensure!(
        recorded.iter().all(|operation| [Outcome::Ok, Outcome::Errno(Errno::EINVAL as i32)].contains(&operation.outcome)),
        "a teardown failed otherwise"
    );
    note!("{} teardowns, of which {failed} found pages that were not mapped", recorded.len());
    Ok(())
}

/// `/proc/modules`: name, size, how often it is in use.
fn modules_are_held(outcome: &run::Outcome, name: &str, are_held: bool) -> Result<()> {
    for (end, held) in [("used", are_held), ("unused", false)] {
        let text = outcome.required(&format!("{name}.{end}"))?;
        let uses: Vec<_> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        ensure!(uses.len() == 2, "two modules should be loaded: {text}");
        ensure!(
            uses.iter().all(|uses| (*uses != "0") == held),
            "{name}, {end}: whether modules are held should be {held}: {text}"
        );
    }
    Ok(())
}

fn what_is_not_loaded_is_missing(environment: &Environment) -> Result<()> {
    let status = |id: HookId| environment.hooks.iter().find(|hook| hook.hook == id).context("a hook without status");
    let gntalloc = status(HookId::GntallocIoctl)?;
    let problem = gntalloc.problem.as_deref().unwrap_or_default();
    ensure!(gntalloc.attached_by.is_none() && problem.contains("no loaded module has it"), "it is not loaded: {gntalloc:?}");
    let gntdev = status(HookId::GntdevIoctl)?;
    ensure!(gntdev.attached_by.as_deref() == Some("fentry"), "only gntalloc is not loaded: {gntdev:?}");
    Ok(())
}
