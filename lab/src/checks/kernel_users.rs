//! In-kernel users of the grant table, compared with the kernel's own counters: a guest has a disk and a network card, whose back ends
//! in dom0 map, unmap and copy its pages.
//!
//! The kernel's function profiler counts the calls; its own probes at the same functions record pages and callers. Neither
//! knows of us.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail, ensure};
use grantscope_analysis::model::{LossReport, Operation, Outcome as Ended, status_name};
use grantscope_wire::{Cause, LossKind, Op, Stage};

use super::{harness::Harness, recorded::Recorded};
use crate::{
    boot::run::Outcome,
    guest::job::Job,
    platform::{self, Clock},
};

/// The guest reads and writes its disk, sends and receives frames, is destroyed and created anew, all in one recording. First the
/// disk's back end keeps what it maps; then it may keep nothing, and unmaps at the end of each transfer. A sweep of gntdev runs beside
/// some of it. Of a frame the network's back end copies the beginning, and maps the rest if there is one. Then front ends come that ask
/// for what was not granted.
pub const JOB: &str = r#"
cat >/tmp/use-guest <<'END'
trace=/sys/kernel/tracing
backend=/local/domain/0/backend
await() {
    tries=600
    until eval "$1"; do tries=$((tries - 1)); [ "$tries" -gt 0 ] || exit 1; sleep 0.1; done
}
probe() { echo "p:lab/$1 gnttab_$1 $2 caller=%lr:symbol" >>$trace/kprobe_events || exit; }
probe map_refs 'pages=%x3:u32'
probe batch_map 'pages=%x1:u32'
probe batch_copy 'pages=%x1:u32'
probe unmap_refs 'pages=%x3:u32'
probe unmap_refs_async ''
probe unmap_refs_sync ''
for function in gnttab_map_refs gnttab_unmap_refs gnttab_batch_map gnttab_batch_copy; do
    echo $function >>$trace/set_ftrace_filter || exit
done
echo 1 >$trace/events/lab/enable || exit
echo 1 >$trace/function_profile_enabled || exit
guest-disk read 4 >/out/disk-read || exit
echo 0 >/sys/module/xen_blkback/parameters/max_persistent_grants || exit
guest-disk read 4 >/out/disk-read-again || exit
echo "read $(dd if=/run/disk bs=1M count=4 2>/dev/null | md5sum)" >/out/disk-holds
$sweep --truth /out/beside.truth.json &
guest-disk write 2 >/out/disk-write || exit
wait $! || exit
send() {
    echo "$*" >>/out/frames-sent
    guest-net "$@" >>/out/frames-received || exit
}
send to-dom0 50 60
send to-dom0 200 1400
send to-guest 150 1400
for what in ring block net; do rogue $what >>/out/asked-for-too-much || exit; done
xl destroy 1 || exit
await '[ ! -e /sys/bus/xen-backend/devices/vbd-1-51712 ] && [ ! -e /sys/bus/xen-backend/devices/vif-1-0 ]'
xl create /guest/config || exit
xl network-attach 2 script=vif || exit
await '[ "$(xenstore-read $backend/vbd/2/51712/state 2>/dev/null)$(xenstore-read $backend/vif/2/0/state 2>/dev/null)" = 44 ]'
xl destroy 2 || exit
await '[ ! -e /sys/bus/xen-backend/devices/vbd-2-51712 ] && [ ! -e /sys/bus/xen-backend/devices/vif-2-0 ]'
# The toolstack's own mappings of the guest go last: what comes after the kernel has stopped to count would be recorded, but not counted.
await '! grep -qs gntdev /proc/[0-9]*/maps'
sleep 1
echo 0 >$trace/function_profile_enabled
echo 0 >$trace/events/lab/enable
cat $trace/trace >/out/kernel-saw
awk '$1 ~ /^gnttab_/ { hits[$1] += $2 } END { for (name in hits) print name, hits[name] }' $trace/trace_stat/function* >/out/kernel-counted
END
sweep="grantscope-workload run --self --scenario sweep --pages 1,16 --iterations 4 --warmup 1"
export sweep
grantscope record -o /out/users.gsr --clock "$clock" ${attach:+--attach "$attach"} -- sh /tmp/use-guest >/out/users-recorder 2>&1
echo $? >/out/users-recorder-status
grantscope summary /out/users.gsr >/out/users-summary
"#;

/// The same on two processors, where one signals the other by an interrupt that a transfer has ended.
pub fn on_two_processors(harness: &Harness) -> Result<()> {
    interrupts_were_seen(&exact(harness, "toolstack-two-processors", Clock::Wall, "")?)
}

/// The same by kprobes alone: the caller of a function that was only just entered is found in another way there.
pub fn by_kprobes(harness: &Harness) -> Result<()> {
    exact(harness, "toolstack-kprobes", Clock::Counted, "attach=kprobe").map(drop)
}

fn exact(harness: &Harness, name: &str, clock: Clock, how: &str) -> Result<Vec<Operation>> {
    let script = format!("clock={}\n{how}\n{JOB}", clock.name());
    let lab = harness.lab(platform::named("toolstack")?)?;
    let outcome = harness.passes_in_peace(&lab, name, &Job::Script(script), clock)?;
    are_exact(&outcome, &harness.out(name))
}

/// Compares the recording with what the kernel said, and gives its operations.
pub fn are_exact(outcome: &Outcome, out: &Path) -> Result<Vec<Operation>> {
    let (status, said) = (outcome.required("users-recorder-status")?, outcome.required("users-recorder")?);
    ensure!(status == "0", "the recorder ended with status {status}:\n{said}");
    let (read, again, holds) =
        (outcome.required("disk-read")?, outcome.required("disk-read-again")?, outcome.required("disk-holds")?);
    ensure!(read == holds && again == holds, "the guest read something else than its disk holds: {read}, {again}; {holds}");
    let recorded = Recorded::read(&out.join("users.gsr"))?;
    let missed = missed(recorded.aggregate.loss())?;
    let incomplete = |operation: &Operation| operation.stages_incomplete && missed == 0;
    let uneven = recorded.operations.iter().find(|operation| !operation.adds_up() || incomplete(operation));
    ensure!(uneven.is_none(), "the stages do not add up: {uneven:?}");
    counts_are_exact(&recorded.operations, &outcome.required("kernel-counted")?, missed)?;
    if missed > 0 {
        return Ok(recorded.operations);
    }
    let seen = Seen::parse(&outcome.required("kernel-saw")?)?;
    seen.is_recorded(&recorded.operations)?;
    let lots: Vec<_> = outcome.required("frames-sent")?.lines().map(Lot::parse).collect::<Result<_>>()?;
    frames_are_recorded(&lots, &outcome.required("frames-received")?, &recorded.operations)?;
    refusals_are_recorded(&outcome.required("asked-for-too-much")?, &recorded.operations)?;
    Ok(recorded.operations)
}

/// How many runs of a program the kernel skipped, because an interrupt hit the same program (kernel/bpf/trampoline.c, Linux
/// v6.12): back ends unmap in interrupts. It is rare, it cannot be prevented, and the recording says where. Nothing else
/// may be lost.
fn missed(loss: &LossReport) -> Result<u64> {
    let (missed, otherwise): (Vec<_>, Vec<_>) = loss.counters.iter().partition(|counter| counter.kind == LossKind::Missed);
    ensure!(otherwise.is_empty(), "something was lost: {otherwise:?}");
    for counter in &missed {
        note!("the kernel skipped {} runs at {}, and the recording says so", counter.count, counter.hook.name());
    }
    Ok(missed.iter().map(|counter| counter.count).sum())
}

/// An operation of an in-kernel user, of which Xen refused a part.
#[derive(Debug)]
struct Refusal<'a> {
    op: &'a str,
    /// A part of the caller's name.
    caller: &'a str,
    references: u32,
    /// How many of them were never granted.
    bad: u32,
}

impl<'a> Refusal<'a> {
    /// From what lab/guest/rogue.c says.
    fn parse(line: &'a str) -> Result<Self> {
        let [op, caller, references, bad] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("what was refused? {line}") };
        Ok(Self { op, caller, references: references.parse()?, bad: bad.parse()? })
    }

    fn is(&self, operation: &Operation) -> bool {
        let statuses = operation.statuses().map(|(status, count)| (status_name(status), count));
        self.op == operation.op.name()
            && caller(operation).contains(self.caller)
            && operation.pages == Some(self.references)
            && statuses.eq([("bad_gntref".into(), self.bad)])
            && operation.cause() == Some(Cause::GrantsRefused)
    }
}

/// What was asked for without having been granted is what operations of in-kernel users say that Xen refused, and no others do. The
/// kernel calls all of them a success.
fn refusals_are_recorded(said: &str, operations: &[Operation]) -> Result<()> {
    let mut expected: Vec<_> = said.lines().map(Refusal::parse).collect::<Result<_>>()?;
    ensure!(!expected.is_empty(), "nothing was refused, so nothing was shown of that");
    note!("refused: {expected:?}");
    let is_refused = |operation: &&Operation| operation.cause().is_some() || operation.statuses().next().is_some();
    for operation in operations.iter().filter(|operation| operation.op.is_of_kernel_users()).filter(is_refused) {
        let which = expected.iter().position(|refusal| refusal.is(operation));
        expected.remove(which.with_context(|| format!("this is none of {expected:?}: {operation:?}"))?);
    }
    ensure!(expected.is_empty(), "refused, but not recorded: {expected:?}");
    Ok(())
}

/// Frames that were sent one after the other.
struct Lot {
    to_dom0: bool,
    count: u64,
    size: u64,
}

impl Lot {
    /// From the arguments of guest-net.
    fn parse(line: &str) -> Result<Self> {
        let [to, count, size] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("cannot read what was sent: {line}") };
        Ok(Self { to_dom0: to == "to-dom0", count: count.parse()?, size: size.parse()? })
    }

    /// As lab/guest/frames.c says that it arrived.
    fn arrived(&self) -> String {
        format!("{0} frames of {1} bytes, {0} whole", self.count, self.size)
    }
}

/// All frames arrived, and what the network's back end did is what they need. It copies the beginning of each one to dom0, and maps
/// the rest, where there is one, for as long as it takes; it copies each one to the guest. All of them are smaller than a page, and the
/// kernel's allocator lays no such frame across the end of one.
fn frames_are_recorded(lots: &[Lot], received: &str, operations: &[Operation]) -> Result<()> {
    /// `XEN_NETBACK_TX_COPY_LEN` in drivers/net/xen-netback/netback.c, v6.12.
    const BEGINNING: u64 = 128;
    let arrived: Vec<_> = lots.iter().map(Lot::arrived).collect();
    ensure!(received.lines().eq(&arrived), "of {arrived:?} arrived:\n{received}");
    let frames = |of: &dyn Fn(&Lot) -> bool| -> u64 { lots.iter().filter(|lot| of(lot)).map(|lot| lot.count).sum() };
    let large = frames(&|lot| lot.to_dom0 && lot.size > BEGINNING);
    for (op, expected) in [(Op::BatchCopy, frames(&|_| true)), (Op::MapRefs, large), (Op::UnmapRefs, large)] {
        let is_theirs = |operation: &&Operation| caller(operation).starts_with("xenvif_") && operation.cause().is_none();
        let theirs = operations.iter().filter(|operation| operation.op == op).filter(is_theirs);
        let references: u64 = theirs.map(|operation| operation.pages.map_or(0, u64::from)).sum();
        note!("{} of the network's back end: {references} references, for {expected} frames", op.name());
        ensure!(references == expected && expected > 0, "{} of {references} references, for {expected} frames", op.name());
    }
    Ok(())
}

/// Every call of the grant table's functions is an operation of an in-kernel user, or inside an operation of gntdev; but for those at
/// which the kernel is known to have skipped a program.
fn counts_are_exact(operations: &[Operation], counted: &str, missed: u64) -> Result<()> {
    let counted: BTreeMap<&str, u64> = counted
        .lines()
        .map(|line| {
            line.split_once(' ').and_then(|(name, hits)| Some((name, hits.parse().ok()?))).context("no count of a function")
        })
        .collect::<Result<_>>()?;
    let counted = |name: &str| counted.get(name).copied().unwrap_or(0);
    let calls = |of: &dyn Fn(&Operation) -> bool, stage| -> u64 {
        let stages = operations.iter().filter(|operation| of(operation)).flat_map(|operation| &operation.stages);
        stages.filter(|span| span.stage == stage).map(|span| u64::from(span.calls)).sum()
    };
    let users = |op: Op| operations.iter().filter(|operation| operation.op == op).count() as u64;
    let gntdev = |operation: &Operation| !operation.op.is_of_kernel_users();
    for (name, op, stage) in [
        ("gnttab_map_refs", Op::MapRefs, Stage::MapHypercall),
        ("gnttab_unmap_refs", Op::UnmapRefs, Stage::UnmapHypercall),
        ("gnttab_batch_copy", Op::BatchCopy, Stage::GrantCopy),
    ] {
        let (theirs, ours, all) = (users(op), calls(&gntdev, stage), counted(name));
        note!("{name}: {theirs} by in-kernel users and {ours} by gntdev; the kernel counted {all}");
        let apart = all.abs_diff(theirs + ours);
        ensure!(
            apart <= missed,
            "{name}: {theirs} operations and {ours} calls inside gntdev's are not {all}; {missed} were missed"
        );
    }
    let maps = users(Op::BatchMap);
    ensure!(
        maps.abs_diff(counted("gnttab_batch_map")) <= missed,
        "{maps} batch_map, and the kernel counted {}",
        counted("gnttab_batch_map")
    );
    ensure!(
        users(Op::MapRefs) > 0 && users(Op::UnmapRefs) > 0 && maps > 0,
        "the guest's back ends did too little to show anything"
    );
    ensure!(calls(&gntdev, Stage::MapHypercall) > 0, "the sweep beside it did not run");
    Ok(())
}

/// How often something was, by what it was.
type Counts<T> = BTreeMap<T, u64>;

/// What the kernel's own probes saw of in-kernel users.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// By caller and pages.
    maps: Counts<(String, u32)>,
    /// By caller and pages.
    batch_maps: Counts<(String, u32)>,
    /// By caller and segments.
    copies: Counts<(String, u32)>,
    /// By pages: what asks and what unmaps may be far apart.
    unmaps: Counts<u32>,
    /// By caller.
    unmap_callers: Counts<String>,
}

impl Seen {
    fn parse(trace: &str) -> Result<Self> {
        let written = trace.lines().find_map(|line| line.strip_prefix("# entries-in-buffer/entries-written: "));
        let (kept, written) = written.and_then(|rest| rest.split_whitespace().next()?.split_once('/')).context("no trace")?;
        ensure!(kept == written, "the kernel's trace kept only {kept} of {written} entries: use fewer megabytes");
        let mut seen = Self::default();
        for line in trace.lines().filter(|line| !line.starts_with('#')) {
            seen.add(line).with_context(|| format!("cannot read the kernel's trace: {line}"))?;
        }
        Ok(seen)
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let caller = line.split_once(" caller=")?.1.split('+').next()?.to_owned();
        let pages = || line.split_once(" pages=")?.1.split(' ').next()?.parse().ok();
        let is = |event: &str| line.contains(&format!(": {event}: ("));
        let is_gntdev = caller.starts_with("gntdev_") || caller.starts_with("unmap_grant_pages");
        if is("map_refs") && !is_gntdev {
            *self.maps.entry((caller, pages()?)).or_default() += 1;
        } else if is("batch_map") {
            *self.batch_maps.entry((caller, pages()?)).or_default() += 1;
        } else if is("batch_copy") && !is_gntdev {
            *self.copies.entry((caller, pages()?)).or_default() += 1;
        } else if is("unmap_refs") {
            *self.unmaps.entry(pages()?).or_default() += 1;
            if !caller.contains("gnttab_") {
                *self.unmap_callers.entry(caller).or_default() += 1;
            }
        } else if (is("unmap_refs_async") || is("unmap_refs_sync")) && !is_gntdev && !caller.contains("gnttab_") {
            *self.unmap_callers.entry(caller).or_default() += 1;
        }
        Some(())
    }

    fn is_recorded(&self, operations: &[Operation]) -> Result<()> {
        let of = |op| operations.iter().filter(move |operation: &&Operation| operation.op == op);
        let failed = operations.iter().find(|operation| operation.op.is_of_kernel_users() && operation.outcome != Ended::Ok);
        ensure!(failed.is_none(), "an in-kernel user's operation failed: {failed:?}");
        let whole = |op| counts(of(op).map(|operation| (caller(operation), operation.pages.unwrap_or(u32::MAX))));
        same("map_refs by caller and pages", &whole(Op::MapRefs), &self.maps)?;
        same("batch_map by caller and pages", &whole(Op::BatchMap), &self.batch_maps)?;
        same("batch_copy by caller and segments", &whole(Op::BatchCopy), &self.copies)?;
        same("unmap_refs by caller", &counts(of(Op::UnmapRefs).map(caller)), &self.unmap_callers)?;
        // Of gntdev's: each teardown unmaps once.
        let unmaps = of(Op::UnmapRefs).chain(of(Op::Teardown)).map(|operation| operation.pages.unwrap_or(u32::MAX));
        same("unmap_refs and teardown by pages", &counts(unmaps), &self.unmaps)?;
        let domids = counts(of(Op::MapRefs).map(|operation| operation.domid));
        note!("domains: {domids:?}");
        ensure!(domids.keys().all(Option::is_some), "the domain of a map is not known: {domids:?}");
        Ok(())
    }
}

fn caller(operation: &Operation) -> String {
    operation.caller().unwrap_or("unknown").to_owned()
}

fn counts<T: Ord>(of: impl Iterator<Item = T>) -> Counts<T> {
    let mut counts = Counts::new();
    of.for_each(|it| *counts.entry(it).or_default() += 1);
    counts
}

fn same<T: Ord + std::fmt::Debug>(what: &str, recorded: &Counts<T>, seen: &Counts<T>) -> Result<()> {
    note!("{what}: {recorded:?}");
    ensure!(recorded == seen, "{what}: recorded {recorded:?}, and the kernel saw {seen:?}");
    Ok(())
}

/// What the back end unmaps in an interrupt belongs to no process, whichever thread was interrupted.
fn interrupts_were_seen(operations: &[Operation]) -> Result<()> {
    let in_interrupt = |operation: &&Operation| operation.comm.starts_with('(');
    let by_name = counts(operations.iter().filter(in_interrupt).map(|operation| (operation.comm.clone(), operation.op)));
    note!("in interrupts: {by_name:?}");
    let wrong = operations.iter().filter(in_interrupt).find(|operation| operation.tid != 0 || !operation.op.is_of_kernel_users());
    ensure!(wrong.is_none(), "an operation of a process is said to have run in an interrupt: {wrong:?}");
    ensure!(!by_name.is_empty(), "nothing was unmapped in an interrupt, so nothing was shown of that");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 7/7   #P:1\n#\n\
        1.xvda-0-120 [000] d.... 9.1: map_refs: (gnttab_map_refs+0x0/0x1c8) pages=8 caller=xen_blkbk_map+0x1f8/0x6c8\n\
        workload-140 [000] d.... 9.2: map_refs: (gnttab_map_refs+0x0/0x1c8) pages=1 caller=gntdev_map_grant_pages+0x1/0x2\n\
        swapper-0 [000] d.s.. 9.3: unmap_refs_async: (gnttab_unmap_refs_async+0x0/0x50) caller=end_block_io_op+0x1/0x2\n\
        swapper-0 [000] d.s.. 9.4: unmap_refs: (gnttab_unmap_refs+0x0/0x50) pages=8 caller=__gnttab_unmap_refs_async+0x1/0x2\n\
        1.xvda-0-120 [000] d.... 9.5: unmap_refs: (gnttab_unmap_refs+0x0/0x50) pages=3 caller=xen_blkbk_unmap+0x1/0x2\n\
        xenwatch-20 [000] d.... 9.6: batch_map: (gnttab_batch_map+0x0/0x50) pages=1 caller=__xenbus_map_ring+0x1/0x2\n\
        swapper-0 [000] ..s.. 9.7: batch_copy: (gnttab_batch_copy+0x0/0x50) pages=29 caller=xenvif_tx_action+0x1/0x2\n";

    #[test]
    fn the_kernels_trace_shows_pages_and_callers_of_other_grants() {
        let seen = Seen::parse(TRACE).unwrap();
        assert_eq!(seen.maps, Counts::from([(("xen_blkbk_map".to_owned(), 8), 1)]));
        assert_eq!(seen.batch_maps, Counts::from([(("__xenbus_map_ring".to_owned(), 1), 1)]));
        assert_eq!(seen.copies, Counts::from([(("xenvif_tx_action".to_owned(), 29), 1)]));
        assert_eq!(seen.unmaps, Counts::from([(8, 1), (3, 1)]));
        assert_eq!(seen.unmap_callers, Counts::from([("end_block_io_op".to_owned(), 1), ("xen_blkbk_unmap".to_owned(), 1)]));
    }

    #[test]
    fn a_trace_that_overflowed_is_no_truth() {
        assert!(Seen::parse(&TRACE.replace("7/7", "6/7")).is_err());
    }
}
