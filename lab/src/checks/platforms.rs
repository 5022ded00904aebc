//! Every platform boots to its verdict, the workload does there what it should, and the recording equals that.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{model::GRANT_BYTES, model::Operation, verify::Truth};
use grantscope_wire::{Cause, Op};

use super::{
    channels, doctor, harness::Harness, hooks_document, kernel_users, platforms_document, profiled_guest, recorded::Recorded,
    translated,
};
use crate::{
    boot::run::Outcome,
    guest::job::{Command, Job},
    platform::{self, Clock, KernelSource, Platform},
};

/// One boot: the kernel, then all mappers under one recorder, one after the other, and the report of doctor. Attaching
/// is what takes longest there.
const JOB: &str = r#"
uname -r >/out/kernel
gntdev=no
! grep -q '^xen_gntdev ' /proc/modules || gntdev=yes
echo "$gntdev" >/out/gntdev-is-a-module
btf=no
[ ! -e /sys/kernel/btf/xen_gntdev ] || btf=yes
echo "$btf" >/out/gntdev-has-btf
cat >/tmp/mappers <<'END'
if [ "$load" = translated ]; then
    exec grantscope-workload run $source --scenario /job/translated.toml --truth /out/sweep.truth.json
fi
grantscope-workload run $source --scenario sweep --pages 1,16 --iterations 10 --warmup 2 --truth /out/sweep.truth.json || exit
/job/foreign 10 16 >/out/foreign.truth.json || exit
/job/crowd 5 >/out/crowd.truth.json
END
export source load
grantscope record -o /out/profiled.gsr --clock "$clock" -- sh /tmp/mappers >/out/recorder 2>&1
echo $? >/out/recorder-status
examine whole
"#;

/// What those wrote down, each of itself.
const TRUTHS: [&str; 3] = ["sweep.truth.json", "foreign.truth.json", "crowd.truth.json"];

/// Counted iterations and warm-up of the sweep.
const ITERATIONS: usize = 12;

/// What a platform is expected to be: its checks compare the running kernel with this.
struct Expected {
    platform: &'static str,
    page_size: u64,
    /// The wall clock has two processors, so that the crowd is one.
    clock: Clock,
    /// Whether the kernel has dma-bufs.
    dmabuf: bool,
    /// How hooks can be attached, in alphabetical order.
    attach_modes: &'static [&'static str],
    /// Hooks that this kernel has nothing for, beside those of dma-bufs.
    lacks: &'static [&'static str],
    /// Whether the domain can map what it grants itself: Xen takes the frame away that a page of a translated domain on x86 had before, and
    /// there that is the granted one.
    maps_own_grants: bool,
    /// What else the job does, after everything else.
    further: &'static [&'static str],
}

impl Expected {
    /// A stock kernel of Debian's.
    const STOCK: Self = Self {
        platform: "",
        page_size: 4096,
        clock: Clock::Wall,
        dmabuf: false,
        attach_modes: &["fentry", "raw tracepoint"],
        lacks: &[],
        maps_own_grants: true,
        further: &[],
    };

    /// A kernel of our own configuration.
    const OURS: Self = Self { dmabuf: true, ..Self::STOCK };
}

/// Lock waits are told since 5.19; and the compiler has put `gnttab_expand` into its callers.
const NOT_ON_5_10: &[&str] = &["contention_begin", "contention_end", "gnttab_expand"];

/// The paravirtualised x86-64 dom0.
pub fn x86_pv(harness: &Harness) -> Result<()> {
    works(harness, &Expected { platform: "x86-pv", ..Expected::STOCK }).map(drop)
}

/// Debian's 5.10 on arm64: the oldest kernel that can be profiled.
pub fn arm64_oldest(harness: &Harness) -> Result<()> {
    works(
        harness,
        &Expected {
            platform: "arm64-stock-5.10",
            attach_modes: &["kprobe", "raw tracepoint"],
            lacks: NOT_ON_5_10,
            ..Expected::STOCK
        },
    )
    .map(drop)
}

/// Our own configuration on the same: gntdev is built in and described by BTF, and has dma-bufs.
pub fn arm64_ours_oldest(harness: &Harness) -> Result<()> {
    works(
        harness,
        &Expected {
            platform: "arm64-ours-5.10",
            attach_modes: &["kprobe", "raw tracepoint"],
            lacks: NOT_ON_5_10,
            ..Expected::OURS
        },
    )
    .map(drop)
}

/// Debian's 6.1 on arm64, which has no fentry there.
pub fn arm64_stock(harness: &Harness) -> Result<()> {
    works(harness, &Expected { platform: "arm64-stock-6.1", attach_modes: &["kprobe", "raw tracepoint"], ..Expected::STOCK })
        .map(drop)
}

/// Debian's kernel with pages of 16 KiB.
pub fn arm64_16k(harness: &Harness) -> Result<()> {
    works(harness, &Expected { platform: "arm64-16k", page_size: 16_384, ..Expected::STOCK }).map(drop)
}

/// A PVH domain on x86-64, whose kernel asks for no mappings for devices.
pub fn x86_pvh(harness: &Harness) -> Result<()> {
    let expected = Expected {
        platform: "x86-pvh",
        clock: Clock::Counted,
        maps_own_grants: false,
        further: &[translated::AS_UNCHANGED, translated::WITHOUT_OWN_GRANTS],
        ..Expected::OURS
    };
    let outcome = works(harness, &expected)?;
    translated::own_grants_are_left_out(&outcome)?;
    translated::exports_are_explained(&outcome, &harness.out(expected.platform))
}

/// A PVH guest with that kernel, to which a paravirtualised dom0 grants.
pub fn x86_pvh_guest(harness: &Harness) -> Result<()> {
    let expected = Expected {
        platform: "x86-pvh-guest",
        clock: Clock::Counted,
        maps_own_grants: false,
        further: &[translated::AS_UNCHANGED, translated::WITHOUT_OWN_GRANTS, profiled_guest::JOB],
        ..Expected::OURS
    };
    let outcome = works(harness, &expected)?;
    let out = harness.out(expected.platform);
    doctor::names_the_domain(&outcome, "PVH; this is not dom0")?;
    translated::own_grants_are_left_out(&outcome)?;
    translated::exports_are_explained(&outcome, &out)?;
    profiled_guest::left_is_whole(&outcome, &out)
}

/// Our own kernel with pages of 64 KiB.
pub fn arm64_64k(harness: &Harness) -> Result<()> {
    works(harness, &Expected { platform: "arm64-64k", page_size: 65_536, ..Expected::OURS }).map(drop)
}

/// Our own configuration on the newest Linux and Xen of Debian's.
pub fn arm64_newest(harness: &Harness) -> Result<()> {
    works(harness, &Expected { platform: "arm64-newest", attach_modes: &["kprobe", "raw tracepoint"], ..Expected::OURS })
        .map(drop)
}

/// The newest Linux and Xen of Debian's, as they are.
pub fn arm64_stock_newest(harness: &Harness) -> Result<()> {
    works(harness, &Expected { platform: "arm64-stock-newest", attach_modes: &["kprobe", "raw tracepoint"], ..Expected::STOCK })
        .map(drop)
}

/// The same, paravirtualised.
pub fn x86_pv_newest(harness: &Harness) -> Result<()> {
    works(harness, &Expected { platform: "x86-pv-newest", attach_modes: &["kprobe", "raw tracepoint"], ..Expected::STOCK })
        .map(drop)
}

/// A guest of the toolstack: its pages, how they are found, its disk and its network card.
pub fn toolstack(harness: &Harness) -> Result<()> {
    // The same on two processors is a check of its own.
    let expected =
        Expected { platform: "toolstack", clock: Clock::Counted, further: &[channels::JOB, kernel_users::JOB], ..Expected::OURS };
    let outcome = works(harness, &expected)?;
    channels::are_exact(&outcome, &harness.out(expected.platform))?;
    kernel_users::are_exact(&outcome, &harness.out(expected.platform)).map(drop)
}

fn works(harness: &Harness, expected: &Expected) -> Result<Outcome> {
    let platform = platform::named(expected.platform)?;
    platforms_document::begins(platform.name);
    let out = harness.out(platform.name);
    let clock = platform.clock(Some(expected.clock))?;
    let programs = ["foreign", "crowd"].map(|name| Ok((name.to_owned(), harness.program_in_c(name, platform.architecture)?)));
    let mut files = programs.into_iter().collect::<Result<Vec<_>>>()?;
    let scenario = out.with_extension("toml");
    fs::write(&scenario, translated::SWEEP).with_context(|| format!("cannot write {scenario:?}"))?;
    files.push(("translated.toml".to_owned(), scenario));
    let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["-c", &script(platform, expected, clock)]) });
    let outcome = harness.passes_in_peace(&harness.lab(platform)?, platform.name, &job, clock)?;
    kernel_is_as_expected(platform, &outcome)?;
    sweep_is_as_expected(expected, &outcome.required(TRUTHS[0])?)?;
    profiled_exactly(expected, &outcome, &out)?;
    if !expected.dmabuf {
        doctor::stock_kernel_is_partial(&outcome)?;
    }
    Ok(outcome)
}

fn script(platform: &Platform, expected: &Expected, clock: Clock) -> String {
    let clock = clock.name();
    let load = if expected.maps_own_grants { "whole" } else { "translated" };
    let source = platform.domains.source().join(" ");
    format!("clock={clock}\nsource='{source}'\nload={load}\n{}{JOB}{}", doctor::EXAMINE, expected.further.concat())
}

fn kernel_is_as_expected(platform: &Platform, outcome: &Outcome) -> Result<()> {
    let [kernel, module, btf] = ["kernel", "gntdev-is-a-module", "gntdev-has-btf"].map(|name| outcome.required(name));
    let (kernel, module, btf) = (kernel?, module?, btf?);
    note!("Linux {kernel}; gntdev is a module: {module}; /sys/kernel/btf/xen_gntdev exists: {btf}");
    let (wanted, is_module) = match platform.kernel {
        KernelSource::Ours(_) => ("-grantscope", false),
        KernelSource::Debian { .. } => (platform.architecture.debian(), true),
    };
    ensure!(kernel.contains(wanted), "the kernel that runs should have {wanted:?} in its version");
    ensure!((module == "yes") == is_module, "Debian's kernels have gntdev as a module, and ours have it built in");
    Ok(())
}

/// The truth has the right page size, every call that was asked for, and what this kernel cannot do.
fn sweep_is_as_expected(expected: &Expected, text: &str) -> Result<()> {
    let header: serde_json::Value = serde_json::from_str(text).context("the truth is not JSON")?;
    let page_size = header["page_size"].as_u64().context("the truth has no page size")?;
    let skipped = header["skipped"].as_array().context("the truth does not say what was left out")?;
    note!("pages of {page_size} bytes; left out by the workload: {}", skipped.len());
    ensure!(page_size == expected.page_size, "the page size should be {}", expected.page_size);
    ensure!(header["ending"]["how"] == "complete", "the workload ended so: {}", header["ending"]);
    ensure!(skipped.is_empty() == expected.dmabuf, "dma-bufs: {}; left out: {skipped:?}", expected.dmabuf);
    calls_are_as_expected(expected, &Truth::parse(text)?)
}

fn calls_are_as_expected(expected: &Expected, truth: &Truth) -> Result<()> {
    let mut wanted: Vec<&str> = vec!["map", "mmap", "munmap", "unmap", "ungrant"];
    if expected.dmabuf {
        wanted.extend(["export", "release", "import", "import_release"]);
    }
    for (op, pages) in wanted.iter().flat_map(|op| [1, 16].map(|pages| (op, pages))) {
        let calls = truth.calls.iter().filter(|call| call.op == *op && call.pages == Some(pages) && call.outcome == "ok");
        ensure!(calls.count() >= ITERATIONS, "fewer than {ITERATIONS} calls of {op} with {pages} pages went well");
    }
    // It asks by a call that fails whether there are dma-bufs, and whether a buffer is gone that was released; and it looks for
    // another domain's directory by mapping one reference after the other.
    let may_fail = |op: &str, pages| op == "wait_released" || op == "mmap" && pages == Some(1);
    let failed = truth.calls.iter().find(|call| call.outcome != "ok" && !may_fail(&call.op, call.pages));
    ensure!(failed.is_none(), "a call failed that should not: {failed:?}");
    Ok(())
}

/// The recording agrees with the truth in every count, duration and stage, attached as this kernel allows.
fn profiled_exactly(expected: &Expected, outcome: &Outcome, out: &Path) -> Result<()> {
    let (status, said) = (outcome.required("recorder-status")?, outcome.required("recorder")?);
    ensure!(status == "0", "the recorder ended with status {status}:\n{said}");
    let recorded = Recorded::read(&out.join("profiled.gsr"))?;
    let (environment, mut modes) = (recorded.environment()?, recorded.hooks_by_mode()?);
    let counts: Vec<_> = modes.iter().map(|(mode, hooks)| format!("{} by {mode}", hooks.len())).collect();
    note!("hooks attached: {}", counts.join(", "));
    let missing = modes.remove("nothing").unwrap_or_default();
    let excused = |hook: &str| !expected.dmabuf && hook.contains("dma") || expected.lacks.contains(&hook);
    ensure!(missing.iter().all(|hook| excused(hook)), "not attached: {missing:?}");
    hooks_document::has_column(expected.platform, &environment.hooks)?;
    ensure!(modes.keys().eq(expected.attach_modes), "hooks should be attached by {:?}: {modes:?}", expected.attach_modes);
    let truths = if expected.maps_own_grants { &TRUTHS[..] } else { &TRUTHS[..1] };
    let truths = truths.iter().map(|name| Ok(Truth::parse(&outcome.required(name)?)?));
    let truth = Truth::of_all(truths.collect::<Result<Vec<_>>>()?).context("no process wrote a truth")?;
    recorded.agrees_with(&truth)?;
    small_pages_are_refused(expected, &recorded.operations)?;
    platforms_document::is_exact(expected.platform, &recorded)
}

/// Where pages are larger than grants, one of the programs takes them for as small: its mmap is refused, with the cause.
fn small_pages_are_refused(expected: &Expected, operations: &[Operation]) -> Result<()> {
    let refused = operations.iter().filter(|operation| operation.op == Op::Mmap && operation.cause() == Some(Cause::WrongLength));
    let (refused, wanted) = (refused.count(), usize::from(expected.page_size > GRANT_BYTES));
    ensure!(refused == wanted, "{refused} instead of {wanted} mmaps were refused for a length of pages of 4 KiB");
    Ok(())
}
