//! A translated domain on x86-64, with a kernel that exports there, and one that does not.

use std::path::Path;

use anyhow::{Result, ensure};
use grantscope_wire::{Cause, Op};

use super::recorded::{Recorded, truth};
use crate::boot::run::Outcome;

/// What a domain runs that cannot map what it grants itself: a part of the sweep, of another domain's pages.
pub const SWEEP: &str = include_str!("translated.toml");

/// Exports as a kernel refuses them that was not changed (lab/kernel/gntdev-translated.patch), and what a run says that did not expect it.
pub const AS_UNCHANGED: &str = r#"
echo 1 >/sys/module/xen_gntdev/parameters/device_map || exit
cat >/tmp/refused.toml <<'END'
version = 1
name = "refused"
summary = "exports where gntdev asks for mappings for devices"
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
grantscope record -o /out/refused.gsr --clock "$clock" -- \
    grantscope-workload run $source --scenario /tmp/refused.toml --truth /out/refused.json >/out/refused.said 2>&1 || exit
! grantscope-workload run $source --scenario /job/translated.toml --truth /tmp/unexpected.json >/out/unexpected.said 2>&1 || exit
echo 0 >/sys/module/xen_gntdev/parameters/device_map || exit
"#;

/// What such a domain cannot do is left out of the sweep, and refused to whoever asks for nothing else; either would crash its kernel.
pub const WITHOUT_OWN_GRANTS: &str = r#"
grantscope-workload run $source --pages 1 --loopback 4 --iterations 1 --warmup 0 --truth /out/without-loopback.json \
    >/out/without-loopback.said 2>&1 || exit
! grantscope-workload run --self --pages 1 --iterations 1 --truth /tmp/of-itself.json >/out/of-itself.said 2>&1 || exit
! grantscope-workload run --self --scenario latency-1 --iterations 1 --truth /tmp/of-itself.json >>/out/of-itself.said 2>&1 || exit
"#;

/// The sweep ran without its loopback, and says why; what maps own pages alone was refused.
pub fn own_grants_are_left_out(outcome: &Outcome) -> Result<()> {
    const WHY: &str = "cannot map what it grants itself";
    let header: serde_json::Value = serde_json::from_str(&outcome.required("without-loopback.json")?)?;
    let skipped: Vec<&str> = header["skipped"].as_array().into_iter().flatten().filter_map(|text| text.as_str()).collect();
    let is_loopback = matches!(skipped[..], [only] if only.starts_with("loopback=4: ") && only.contains(WHY));
    ensure!(is_loopback, "left out of the sweep: {skipped:?}");
    let said = outcome.required("of-itself.said")?;
    ensure!(said.matches("error: ").count() == 2 && said.contains(WHY), "mapping own pages was refused otherwise: {said}");
    Ok(())
}

/// Every export failed, and its cause is that it asked for a mapping for devices.
pub fn exports_are_explained(outcome: &Outcome, out: &Path) -> Result<()> {
    let recorded = Recorded::read(&out.join("refused.gsr"))?;
    recorded.agrees_with(&truth(&out.join("refused.json"))?)?;
    let exports: Vec<_> = recorded.operations.iter().filter(|operation| operation.op == Op::Export).collect();
    ensure!(!exports.is_empty(), "no export was recorded");
    let other = exports.iter().find(|export| export.cause() != Some(Cause::DeviceMapRefused));
    ensure!(other.is_none(), "an export failed for another reason: {other:?}");
    let said = outcome.required("unexpected.said")?;
    note!("{} exports of an unchanged kernel: {}; the workload says: {said}", exports.len(), Cause::DeviceMapRefused.name());
    ensure!(said.contains("PVH") && said.contains("grantscope doctor"), "the workload does not say why: {said}");
    Ok(())
}
