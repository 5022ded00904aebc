//! Every order of release: the table that the workload prints, against what was recorded and against docs/release-orders.md.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use grantscope_analysis::model::Environment;
use grantscope_wire::Op;

use super::{
    hooks_document::UPDATE,
    recorded::{self, Recorded},
};
use crate::place;

/// Orders of four things, and what is left of them where twelve cannot have their unmap and six of those are alike.
const ROWS: [(&str, usize); 4] = [("mapped", 18), ("pages", 24), ("wc", 24), ("coherent", 24)];
/// Pages of each map and buffer; see workload/conformance/src/release_orders/mod.rs. What else is mapped has one.
const PAGES: u32 = 2;

const DOCUMENT: &str = "docs/release-orders.md";
const INTRODUCTION: &str = "\
# Every order of release, and what the kernel does

The table that `--scenario release-orders` printed in the lab. It is the same whether dom0 maps its own pages (`--self`) or those of dom1 (`--peer 1`); [truth.md](truth.md#release-orders) describes the method.
`cargo xtask test \"true end\"` writes it if `GRANTSCOPE_UPDATE_DOCS=1` is set; without that variable the same check compares the table
with the output of the run.

* *released, and the answers*: the calls in order, each with the kernel's answer. `close` closes gntdev's descriptor, `unmap` removes
  the map (`UNMAP_GRANT_REF`), `munmap` the mapping; `close-buffer` closes the dma-buf's descriptor, `detach` ends vgem's attachment;
  `ungrant` ends the owner's grant (gntalloc's `DEALLOC_GREF`).
  In 12 of the 24 orders of a map, `unmap` would follow `close`, when no descriptor is left for the call. These orders omit `unmap`,
  which leaves 6 different ones.
* *wait_released*: the answer to `DMABUF_EXP_WAIT_RELEASED` with a limit of 0 ms after each step; – if no descriptor is left for the call.
* *grants went with*: the step within which the kernel unmapped the grants.
* *ungrant met*: whether the page still had a user at the ungrant, so that its reference could still be mapped afterwards. The ungrant
  returned 0 in either case.
* *grants ended*: when the references could no longer be mapped: at once, that is at the ungrant; or within the given time after the
  last step. No other times were checked.

";

/// A line of the table.
struct Row {
    what: String,
    steps: Vec<String>,
    went_with: String,
    met: String,
    /// All of it but its first column.
    rest: String,
}

/// The run in `out` whose files have this name.
pub fn are_as_documented(out: &Path, name: &str) -> Result<()> {
    let file = out.join(name);
    let truth = recorded::truth(&file.with_extension("json"))?;
    ensure!(truth.skipped.is_empty(), "left out what the lab's kernel should be able to do: {:?}", truth.skipped);
    let recorded = Recorded::read(&file.with_extension("gsr"))?;
    recorded.agrees_with(&truth)?;
    let printed = fs::read_to_string(file.with_extension("table"))?;
    let rows: Vec<Row> = printed.lines().filter(|line| line.starts_with("| ")).skip(2).map(row).collect::<Result<_>>()?;
    let of = |what: &'static str| rows.iter().filter(move |row| row.what == what);
    for (what, count) in ROWS {
        ensure!(of(what).count() == count, "the table has {} orders of {what}, and not {count}", of(what).count());
    }
    let alike = |kind| of("pages").map(|row| &row.rest).eq(of(kind).map(|row| &row.rest));
    ensure!(alike("wc") && alike("coherent"), "buffers of another kind are released otherwise:\n{printed}");
    teardowns_match(&rows, &recorded)?;
    let deferred = rows.iter().filter(|row| row.met == "a user").count();
    note!("{} release orders; in {deferred} the owner's ungrant met a user of its pages", rows.len());
    compare_document(&printed, recorded.aggregate.environment().context("the recording has no environment")?)
}

fn row(line: &str) -> Result<Row> {
    let columns: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [what, steps, _, went_with, met, _] = columns[..] else { bail!("not a line of the table: {line}") };
    let steps = steps.split(", ").map(|step| step.strip_suffix(" ok").map(str::to_owned).context("a step failed"));
    Ok(Row {
        what: what.to_owned(),
        steps: steps.collect::<Result<_>>()?,
        went_with: went_with.to_owned(),
        met: met.to_owned(),
        rest: columns[1..].join(" | "),
    })
}

/// The workload looked for the moment in its own page; the profiler saw it in the kernel. They mean the same.
fn teardowns_match(rows: &[Row], recorded: &Recorded) -> Result<()> {
    let mut teardowns: Vec<_> =
        recorded.operations.iter().filter(|operation| operation.op == Op::Teardown && operation.pages == Some(PAGES)).collect();
    teardowns.sort_by_key(|teardown| teardown.start_ns);
    ensure!(teardowns.len() == rows.len(), "{} teardowns in {} orders", teardowns.len(), rows.len());
    for (row, teardown) in rows.iter().zip(teardowns) {
        let expected = Some(started_by(row)?);
        ensure!(
            teardown.started_by() == expected,
            "{} by {:?}: the table says that the grants went with {} ({expected:?}), and recorded was {teardown:?}",
            row.what,
            row.steps,
            row.went_with
        );
    }
    Ok(())
}

/// The operation that a profiler has to see behind the step.
fn started_by(row: &Row) -> Result<Op> {
    Ok(match row.went_with.as_str() {
        "unmap" => Op::Unmap,
        "close" => Op::Close,
        // What is still in the device's list does not go with the mapping, but with the last close that follows from it.
        "munmap" if row.steps.iter().any(|step| step == "unmap") => Op::Munmap,
        "munmap" => Op::Close,
        // vgem's hold was the last: the release comes within the call that detaches.
        "close-buffer" | "detach" => Op::Release,
        other => bail!("the grants went with {other}"),
    })
}

/// Compares the document's table with what was printed.
fn compare_document(printed: &str, environment: &Environment) -> Result<()> {
    let path = place::work_tree().join(DOCUMENT);
    let table = folded(printed);
    if fs::read_to_string(&path).unwrap_or_default().contains(&table) {
        return Ok(());
    }
    ensure!(
        std::env::var_os(UPDATE).is_some(),
        "{DOCUMENT} differs from what was seen: set {UPDATE}=1 and run the check again to have it written"
    );
    let Environment { kernel, xen, arch, .. } = environment;
    let xen = xen.as_deref().context("the recording does not say which Xen it was made on")?;
    fs::write(&path, format!("{INTRODUCTION}Linux {kernel} on Xen {xen}, {arch}:\n\n{table}"))
        .with_context(|| format!("cannot write {path:?}"))
}

/// The table without the kinds of buffers that do as the first one does.
fn folded(printed: &str) -> String {
    let once =
        printed.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| wc ") && !line.starts_with("| coherent "));
    once.fold(String::new(), |mut table, line| {
        let _ = writeln!(table, "{line}");
        table
    })
}
