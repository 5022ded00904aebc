//! A PV domain whose kernel has dma-bufs: maps are profiled as everywhere, and every export is refused, with its cause.

use anyhow::{Context, Result, ensure};
use grantscope_analysis::verify::Truth;
use grantscope_wire::{Cause, Op};

use super::{doctor, harness::Harness, hooks_document, platforms_document, recorded::Recorded};
use crate::{
    guest::job::{Command, Job},
    platform,
};

const JOB: &str = r#"
cat >/tmp/refused.toml <<'END'
version = 1
name = "refused"
summary = "exports where gntdev makes none"
imitates = "Nobody."
iterations = 3
warmup = 0
[parameters]
buffer = "pages"
[arms]
buffer = ["pages", "wc", "coherent"]
[[workers]]
name = "refused"
each = [{ export = "never", pages = 4, buffer = "$buffer", expect = "EINVAL" }]
END
cat >/tmp/both <<'END'
grantscope-workload run --self --scenario sweep --without-dmabuf --buffers pages --pages 1,16 --iterations 10 --warmup 2 \
    --truth /out/maps.json || exit
grantscope-workload run --self --scenario /tmp/refused.toml --truth /out/refused.json
END
grantscope record -o /out/profiled.gsr --clock "$clock" -- sh /tmp/both >/out/recorder 2>&1 || exit
examine whole
"#;

/// What those wrote down, each of itself.
const TRUTHS: [&str; 2] = ["maps.json", "refused.json"];

/// Our own kernel, paravirtualised.
pub fn are_refused(harness: &Harness) -> Result<()> {
    let platform = platform::named("x86-pv-ours")?;
    platforms_document::begins(platform.name);
    let clock = platform.clock(None)?;
    let script = format!("clock={}\n{}{JOB}", clock.name(), doctor::EXAMINE);
    let job = Job::Bare(Command::inside("/bin/sh", &["-c", &script]));
    let outcome = harness.passes_in_peace(&harness.lab(platform)?, platform.name, &job, clock)?;
    let recorded = Recorded::read(&harness.out(platform.name).join("profiled.gsr"))?;
    hooks_document::has_column(platform.name, &recorded.environment()?.hooks)?;
    let truths = TRUTHS.iter().map(|name| Ok(Truth::parse(&outcome.required(name)?)?));
    let truth = Truth::of_all(truths.collect::<Result<Vec<_>>>()?).context("no process wrote a truth")?;
    recorded.agrees_with(&truth)?;
    platforms_document::is_exact(platform.name, &recorded)?;
    let exports: Vec<_> = recorded.operations.iter().filter(|operation| operation.op == Op::Export).collect();
    ensure!(!exports.is_empty(), "no export was recorded");
    let other = exports.iter().find(|export| export.cause() != Some(Cause::PvRefusesDmabuf));
    ensure!(other.is_none(), "an export failed for another reason: {other:?}");
    note!("{} exports refused: {}", exports.len(), Cause::PvRefusesDmabuf.name());
    doctor::says_that_pv_exports_nothing(&outcome)
}
