//! Filters record exactly what passes, and count the rest.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{
    model::{Operation, Outcome},
    verify::{Call, Truth},
};
use grantscope_wire::Buffer;

use super::{
    harness::Harness,
    recorded::{self, Recorded},
};
use crate::{guest::job::Job, platform::Clock};

/// The same small sweep under one filter after the other; what fails, under one; then two sweeps at once, of which one is recorded.
const JOB: &str = r#"
load="grantscope-workload run --peer 1 --pages 1,16 --iterations 10 --warmup 0"
only() {
    name=$1; shift
    grantscope record -o "/out/$name.gsr" --clock counted "$@" -- $load --truth "/out/$name.truth.json" || exit
}
only buffer --buffer wc,coherent
only errors --errors-only
only duration --min-duration 100us
only domid --domid 1
only other-comm --comm somebody
only together --buffer wc --min-duration 100us --comm grantscope-work
load="grantscope-workload run --self --scenario faults --pages 32 --iterations 1"
only refused --errors-only

alone="grantscope-workload run --self --pages 1 --iterations 50"
sh -c "while [ ! -e /out/begin ]; do sleep 0.1; done; exec $alone --truth /out/pid.truth.json" &
pid=$!
grantscope record -o /out/pid.gsr --clock counted --pid $pid -- \
    sh -c "touch /out/begin; $alone --truth /out/other.truth.json; while kill -0 $pid 2>/dev/null; do sleep 0.1; done" || exit
"#;

/// A duration that lies in the midst of those of the sweep.
const AT_LEAST_NS: u64 = 100_000;

/// Every filter, and some of them together.
pub fn filters_are_exact(harness: &Harness) -> Result<()> {
    let out = harness.out("filter");
    harness.passes(harness.full()?, "filter", &Job::Script(JOB.into()), Clock::Counted)?;
    let dma = |buffer: &str| buffer == Buffer::Wc.name() || buffer == Buffer::Coherent.name();
    let buffer = Filtered::read(&out, "buffer")?;
    buffer.are_all(|operation| operation.buffer.is_some_and(|buffer| dma(buffer.name())))?;
    buffer.count_is(|buffer, _| buffer.is_some_and(dma))?;
    let errors = Filtered::read(&out, "errors")?;
    errors.are_all(|operation| operation.outcome != Outcome::Ok)?;
    errors.count_is(|_, outcome| outcome != Outcome::Ok.name())?;
    parts_are_errors(&Filtered::read(&out, "refused")?)?;
    let duration = Filtered::read(&out, "duration")?;
    duration.are_all(|operation| operation.duration_ns >= AT_LEAST_NS)?;
    duration.leaves_some_of_both()?;
    let domid = Filtered::read(&out, "domid")?;
    domid.are_all(|operation| operation.domid == Some(1))?;
    domid.leaves_some_of_both()?;
    Filtered::read(&out, "other-comm")?.count_is(|_, _| false)?;
    let together = Filtered::read(&out, "together")?;
    together.are_all(|operation| operation.buffer == Some(Buffer::Wc) && operation.duration_ns >= AT_LEAST_NS)?;
    together.leaves_some_of_both()?;
    one_process_of_two(&out)
}

/// What Xen refused in part is recorded too, although the kernel calls it a success: a copy is.
fn parts_are_errors(refused: &Filtered) -> Result<()> {
    refused.are_all(|operation| operation.outcome != Outcome::Ok || operation.cause().is_some())?;
    let has_cause = |call: &Call| call.why.as_ref().is_some_and(|(cause, _)| !cause.is_empty());
    let expected = refused.truth.operations().filter(|call| call.outcome != Outcome::Ok.name() || has_cause(call)).count();
    let in_part = refused.operations.iter().filter(|operation| operation.outcome == Outcome::Ok).count();
    let recorded = refused.operations.len();
    ensure!(recorded == expected && in_part > 0, "{recorded} of {expected} recorded, {in_part} of them refused in part");
    Ok(())
}

/// The recorded process's operations are all there, and the other's were all left out.
fn one_process_of_two(out: &Path) -> Result<()> {
    let recorded = Filtered::read(out, "pid")?;
    let other = truth(out, "other")?;
    let (kept, left_out) = (recorded.operations.len() as u64, recorded.left_out);
    note!("of one process {kept} operations, and {left_out} of another left out");
    ensure!(kept == recorded.truth.operation_count(), "the process made {} operations", recorded.truth.operation_count());
    ensure!(left_out == other.operation_count(), "the other process made {} operations", other.operation_count());
    Ok(())
}

/// A filtered recording, and what was done meanwhile.
struct Filtered {
    name: &'static str,
    operations: Vec<Operation>,
    left_out: u64,
    truth: Truth,
}

impl Filtered {
    fn read(out: &Path, name: &'static str) -> Result<Self> {
        let recorded = Recorded::read(&out.join(name).with_extension("gsr"))?;
        let report = recorded.aggregate.filtered().with_context(|| format!("the recording {name} reports no filter"))?;
        let lost = recorded.aggregate.loss().total();
        note!("{name}: {report}, {} recorded", recorded.operations.len());
        ensure!(lost == 0, "{lost} lost");
        Ok(Self { name, left_out: report.left_out, operations: recorded.operations, truth: truth(out, name)? })
    }

    /// Nothing else was recorded.
    fn are_all(&self, wanted: impl Fn(&Operation) -> bool) -> Result<()> {
        let unwanted = self.operations.iter().find(|operation| !wanted(operation));
        ensure!(unwanted.is_none(), "{}: recorded although the filter does not ask for it: {unwanted:?}", self.name);
        self.is_whole()
    }

    /// Exactly as many as the truth has of this buffer and outcome.
    fn count_is(&self, wanted: impl Fn(Option<&str>, &str) -> bool) -> Result<()> {
        let calls = self.truth.operations().filter(|call| wanted(call.buffer.as_deref(), &call.outcome)).count() as u64;
        let teardowns = self.truth.teardowns.iter().flatten();
        let wanted_teardowns = teardowns.filter(|teardowns| wanted(Some(&teardowns.buffer), "ok"));
        let expected = calls + wanted_teardowns.map(|teardowns| teardowns.count).sum::<u64>();
        let recorded = self.operations.len() as u64;
        ensure!(recorded == expected, "{}: {recorded} operations recorded, and {expected} made", self.name);
        self.is_whole()
    }

    /// What was recorded and what was left out are together all that was done.
    fn is_whole(&self) -> Result<()> {
        let (recorded, made) = (self.operations.len() as u64, self.truth.operation_count());
        let together = recorded + self.left_out;
        ensure!(together == made, "{}: {recorded} recorded and {} left out, of {made}", self.name, self.left_out);
        Ok(())
    }

    /// The filter was of use: it let something pass, and not everything.
    fn leaves_some_of_both(&self) -> Result<()> {
        let some = !self.operations.is_empty() && self.left_out > 0;
        ensure!(some, "{}: {} recorded, {} left out: choose another limit", self.name, self.operations.len(), self.left_out);
        Ok(())
    }
}

fn truth(out: &Path, name: &str) -> Result<Truth> {
    recorded::truth(&out.join(format!("{name}.truth.json")))
}
