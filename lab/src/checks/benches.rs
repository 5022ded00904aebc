//! Every bench boots to its verdict, and what the workload does there is what its truth says, or the recorder says why not.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grantscope_collector::judge::Truth;

use super::{Bench, profile::Recorded};
use crate::{
    bench::{BenchSpec, KernelSource},
    boot::{
        console_watch::{End, PATIENCE},
        run::Outcome,
    },
    guest::job::Job,
};

/// One boot: what the kernel is, the workload alone, then the workload under the recorder. A recorder that refuses is no failure
/// of the job; what it said is judged afterwards.
const JOB: &str = r#"
uname -r >/out/kernel
gntdev=no
! grep -q '^xen_gntdev ' /proc/modules || gntdev=yes
echo "$gntdev" >/out/gntdev-is-a-module
btf=no
[ ! -e /sys/kernel/btf/xen_gntdev ] || btf=yes
echo "$btf" >/out/gntdev-has-btf
sweep="grantscope-workload run --self --scenario sweep --pages 1,16 --iterations 10 --warmup 2"
$sweep --truth /out/truth.json || exit
grantscope record -o /out/profiled.gsr --clock "$clock" -- $sweep --truth /out/profiled.truth.json >/out/recorder 2>&1
echo $? >/out/recorder-status
"#;

/// Counted iterations and warm-up of that.
const ITERATIONS: usize = 12;

/// What a bench is expected to be: its checks compare the running kernel with this.
struct Expected {
    bench: &'static str,
    page_size: u64,
    /// Whether the kernel has dma-bufs.
    dmabuf: bool,
}

/// The paravirtualised x86-64 dom0.
pub fn x86_pv(bench: &Bench) -> Result<()> {
    works(bench, &Expected { bench: "x86-pv", page_size: 4096, dmabuf: false })
}

/// Debian's 6.1 on arm64.
pub fn arm64_stock(bench: &Bench) -> Result<()> {
    works(bench, &Expected { bench: "arm64-stock-6.1", page_size: 4096, dmabuf: false })
}

/// Debian's kernel with pages of 16 KiB.
pub fn arm64_16k(bench: &Bench) -> Result<()> {
    works(bench, &Expected { bench: "arm64-16k", page_size: 16_384, dmabuf: false })
}

fn works(bench: &Bench, expected: &Expected) -> Result<()> {
    let spec = BenchSpec::named(expected.bench).with_context(|| format!("there is no bench {}", expected.bench))?;
    let out = bench.out(spec.name);
    let clock = spec.clock(None)?;
    let job = Job::Script(format!("clock={}\n{JOB}", clock.name()));
    let outcome = bench.lab(spec)?.run(&job, clock, PATIENCE, &out, &mut ())?;
    ensure!(outcome.end == End::Pass, bench.unexpected(spec.name, &outcome));
    ensure!(outcome.warnings.is_empty(), "the kernel complained: {:?}", outcome.warnings);
    kernel_is_as_expected(spec, &outcome)?;
    truth_is_as_expected(expected, &text(&outcome, "truth.json")?)?;
    profiled_exactly_or_refused(&outcome, &out)
}

fn text(outcome: &Outcome, name: &str) -> Result<String> {
    Ok(outcome.text(name).with_context(|| format!("{name} did not come back"))?.trim().to_owned())
}

fn kernel_is_as_expected(spec: &BenchSpec, outcome: &Outcome) -> Result<()> {
    let [kernel, module, btf] = ["kernel", "gntdev-is-a-module", "gntdev-has-btf"].map(|name| text(outcome, name));
    let (kernel, module, btf) = (kernel?, module?, btf?);
    println!("     Linux {kernel}; gntdev is a module: {module}; /sys/kernel/btf/xen_gntdev exists: {btf}");
    let (wanted, is_module) = match spec.kernel {
        KernelSource::Ours { .. } => ("-grantscope", false),
        KernelSource::Debian { .. } => (spec.architecture.debian(), true),
    };
    ensure!(kernel.contains(wanted), "the kernel that runs should have {wanted:?} in its version");
    ensure!((module == "yes") == is_module, "Debian's kernels have gntdev as a module, and ours have it built in");
    Ok(())
}

/// The truth tells of the right page size, of every call that was asked for, and of what this kernel cannot do.
fn truth_is_as_expected(expected: &Expected, text: &str) -> Result<()> {
    let header: serde_json::Value = serde_json::from_str(text).context("the truth is no JSON")?;
    let page_size = header["page_size"].as_u64().context("the truth has no page size")?;
    let skipped = header["skipped"].as_array().context("the truth does not say what was left out")?;
    println!("     pages of {page_size} bytes; left out by the workload: {}", skipped.len());
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
    // It asks by a call that fails whether there are dma-bufs, and again whether a buffer is gone that was released.
    let failed = truth.calls.iter().find(|call| call.outcome != "ok" && call.op != "wait_released");
    ensure!(failed.is_none(), "a call failed that should not: {failed:?}");
    Ok(())
}

/// A recording agrees with the truth in every count, duration and stage, or the recorder has said in one line why there is none.
fn profiled_exactly_or_refused(outcome: &Outcome, out: &Path) -> Result<()> {
    let said = text(outcome, "recorder")?;
    if text(outcome, "recorder-status")? == "0" {
        let truth = Truth::parse(&text(outcome, "profiled.truth.json")?)?;
        return Recorded::read(&out.join("profiled.gsr"))?.agrees_with(&truth);
    }
    let reason = said.lines().rfind(|line| line.starts_with("grantscope: "));
    let reason = reason.with_context(|| format!("the recorder failed without saying why:\n{said}"))?;
    println!("     not profiled yet: {reason}");
    Ok(())
}
