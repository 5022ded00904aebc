//! The attached probes, and what can be read from them. Dropping it detaches everything.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use aya::maps::{Array, MapData, RingBuf};
use aya::programs::Program;
use aya::{Btf, Ebpf};
use grantscope_wire::loss::{LOSS_COUNTERS, LossKind, loss_index};
use grantscope_wire::{Detail, FoundMap, HOOKS, Hook, HookId, Op};

use crate::attach::{Apart, Ways};
use crate::btf::KernelTypes;
use crate::callers::{Callers, GRANT_TABLE};
use crate::census::Census;
use crate::cost::{self, Baseline, Costs, Means};
use crate::decode::{DecodeError, Decoder};
use crate::frames::Asking;
use crate::handover::HandOver;
use crate::host::give_back;
use crate::kernel::KernelFacts;
use crate::live_maps::LiveMaps;
use crate::mapped::Mapped;
use crate::object::{Made, take};
use crate::symbols::{Symbols, Wanted};
use crate::tracing::Tracing;
use crate::{CaptureError, attach, bpf, census, decode, host, kernel, object, pids, preflight};
use grantscope_analysis::error_chain;
use grantscope_analysis::model::{AttachMode, Calibration, Filter, MapsReport};
use grantscope_analysis::model::{HookStatus, LossCounter, LossReport, Operation};

/// The probes, attached.
pub struct Probes {
    // Holds programs and links: they live as long as this does.
    ebpf: Ebpf,
    handover: HandOver,
    records: RingBuf<MapData>,
    loss: Mapped<u64>,
    left_out: Mapped<u64>,
    live: LiveMaps,
    census: Option<Census>,
    status: Vec<HookStatus>,
    filter: Filter,
    callers: Callers,
    decoder: Decoder,
    costs: Costs,
    uncalibrated: Option<String>,
    /// Programs at the returns of functions that operations end in, by kretprobes: by their ids.
    returns: Vec<(u32, HookId)>,
    /// What is attached otherwise than by the object's own links.
    apart: Apart,
    /// Counted while only some hooks were attached.
    before: Vec<LossCounter>,
    left_out_before: u64,
    /// When all hooks were attached: what ended before does not count.
    since_ns: u64,
    over: Option<Over>,
}

/// The moment before the first hook was detached: what ended later does not count.
struct Over {
    at_ns: u64,
    counted: Vec<LossCounter>,
    left_out: u64,
}

impl Probes {
    /// Checks the machine, loads the probes and attaches them.
    ///
    /// # Errors
    /// The machine does not pass the preflight, no operation can pass the filter, the kernel lacks a member or a hook that is required, or
    /// it refuses the probes.
    pub fn attach(mode: AttachMode, detail: Detail, filter: &Filter) -> Result<Self, CaptureError> {
        preflight::check()?;
        pids::check(filter)?;
        let types = KernelTypes::read()?;
        let symbols = Symbols::read(wanted(&types))?;
        let callers = Callers::find(&symbols);
        let facts = KernelFacts::find(&types, &symbols, callers.grant_table());
        facts.suffice_for_hooks()?;
        let filter = pids::translated(filter, &types, &facts.kernel)?;
        let made = Made::for_this_kernel();
        let mut ebpf = object::load(made, &facts.kernel, &filter.to_wire()?)?;
        let tracing = Tracing::new(&ebpf, made, attach::in_modules(&types, &symbols)).map_err(CaptureError::NoDescriptor)?;
        give_back();
        let mut records = take(&mut ebpf, "RECORDS")?;
        let loss = Mapped::open(&mut ebpf, "LOSS", LOSS_COUNTERS as usize)?;
        let left_out = Mapped::open(&mut ebpf, "LEFT_OUT", 1)?;
        let btf = types.functions_alone(&functions())?;
        let asking = Asking::load(&mut ebpf, &types, &facts.kernel.members)?;
        let mut live = LiveMaps::new(&mut ebpf, asking)?;
        let handover = HandOver::load(&mut ebpf, made)?;
        let attached = attach::all(&mut ebpf, tracing, &btf, &types, &symbols, &Ways { made, mode, detail })?;
        let status = attached.status;
        set_attached(&mut ebpf, &status)?;
        let (baselines, uncalibrated) = baselines(&mut ebpf, handover, &btf, &mut records, &status);
        // Only now: what begins after a census is seen by the hooks.
        let census = facts.suffice_for_census().and_then(|()| Census::load(&mut ebpf, &btf));
        if let Err(error) = &census {
            live.cannot_find(error_chain(error));
        }
        let census = census.ok();
        let mut decoder = Decoder::new(detail);
        if is_attached(&status, HookId::SwiotlbBounced) {
            decoder.see_bounces();
        }
        if is_attached(&status, HookId::CmaAlloc) {
            decoder.see_cma();
            live.see_cma();
        }
        let mut probes = Self {
            returns: returns(&ebpf, &status),
            apart: attached.apart,
            ebpf,
            handover,
            records,
            loss,
            left_out,
            live,
            census,
            costs: Costs::new(&status, detail, baselines),
            uncalibrated,
            status,
            filter,
            callers,
            decoder,
            before: Vec::new(),
            left_out_before: 0,
            since_ns: 0,
            over: None,
        };
        probes.find_older_maps();
        // What ended while some hooks were still missing is not whole, and not lost either: the recording begins now.
        probes.discard();
        probes.before = probes.counters();
        probes.left_out_before = probes.left_out();
        drop((types, symbols, btf));
        give_back();
        Ok(probes)
    }

    /// Puts maps that are older than the probes into their ledger.
    fn find_older_maps(&mut self) {
        if let Some(found) = self.take_census() {
            self.live.put_in(&found);
        }
        if let Some(found) = self.take_census() {
            self.live.confirm(&found);
        }
    }

    /// The holders of each map; `None`: this kernel does not show them.
    fn take_census(&mut self) -> Option<Vec<(u64, FoundMap)>> {
        let taken = self.census.as_mut()?.take(&mut self.ebpf);
        taken.inspect_err(|error| self.live.cannot_find(error_chain(error))).ok()
    }

    /// What is alive: what changed since the last report; `None`: nothing did.
    pub fn live_maps(&mut self) -> Option<MapsReport> {
        self.live.report()
    }

    /// The same, and who holds it.
    pub fn live_maps_and_holders(&mut self) -> Option<MapsReport> {
        if let Some(found) = self.take_census() {
            self.live.see_holders(&found);
        }
        self.live.report()
    }

    /// How each hook is attached.
    pub fn status(&self) -> &[HookStatus] {
        &self.status
    }

    /// What is recorded, with the initial PID namespace's process ids.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// From now on operations come without their stages: whoever takes them has no use for these.
    pub fn leave_out_stages(&mut self) {
        self.decoder.leave_out_stages();
    }

    /// Takes all finished operations, but for those of contexts that are in another one now.
    ///
    /// # Errors
    /// A record is none of ours: nothing but a defect makes one.
    pub fn drain(&mut self) -> Result<Vec<Operation>, DecodeError> {
        self.handover.of_idle(&self.ebpf);
        self.take()
    }

    fn take(&mut self) -> Result<Vec<Operation>, DecodeError> {
        let Self { records, callers, decoder, since_ns, over, .. } = self;
        let seen_ns = *since_ns..=over.as_ref().map_or(u64::MAX, |over| over.at_ns);
        let mut operations = Vec::new();
        while let Some(entry) = records.next() {
            for record in decode::records(&entry) {
                let ended = |operation: Operation| {
                    if seen_ns.contains(&(operation.start_ns + operation.duration_ns)) {
                        operations.push(operation);
                    }
                };
                decoder.operations(record, |offset| callers.name(offset), ended)?;
            }
        }
        Ok(operations)
    }

    /// Ends it: detaches all hooks, and takes what is left of operations that ended before.
    ///
    /// # Errors
    /// As [`Probes::drain`].
    pub fn finish(&mut self) -> Result<Vec<Operation>, DecodeError> {
        // What is seen while some hooks are missing is neither whole nor lost; and what the kernel has counted goes with the programs.
        self.over = Some(Over { at_ns: host::now_ns(), counted: self.counted(), left_out: self.left_out.count(0) });
        attach::detach(&mut self.ebpf, std::mem::take(&mut self.apart));
        self.handover.of_all(&self.ebpf);
        self.take()
    }

    /// What is known anew of what the programs cost; `None`: nothing is.
    pub fn calibration(&mut self, at_ns: u64) -> Option<Calibration> {
        self.decoder.take_sounded().iter().for_each(|sounded| self.costs.add(sounded));
        self.costs.news(at_ns)
    }

    /// Why it cannot be known what all programs cost; `None`: it can.
    pub fn uncalibrated(&self) -> Option<&str> {
        self.uncalibrated.as_deref()
    }

    fn discard(&mut self) {
        self.handover.of_idle(&self.ebpf);
        while self.records.next().is_some() {}
        self.since_ns = host::now_ns();
    }

    /// The losses since the probes were attached.
    pub fn loss(&self, at_ns: u64) -> LossReport {
        let counters = self.counters().into_iter().filter_map(|counter| self.since_attached(counter)).collect();
        LossReport { at_ns, counters }
    }

    /// Operations that the filter left out since the probes were attached.
    pub fn left_out(&self) -> u64 {
        self.over.as_ref().map_or_else(|| self.left_out.count(0), |over| over.left_out) - self.left_out_before
    }

    fn since_attached(&self, mut counter: LossCounter) -> Option<LossCounter> {
        let before = self.before.iter().find(|before| (before.hook, before.kind) == (counter.hook, counter.kind));
        counter.count -= before.map_or(0, |before| before.count);
        (counter.count > 0).then_some(counter)
    }

    /// All counters that are not zero.
    fn counters(&self) -> Vec<LossCounter> {
        let unmatched = self.decoder.unmatched().iter();
        let unmatched = unmatched.map(|&(hook, count)| LossCounter { hook, kind: LossKind::Unmatched, count });
        let unmatched = unmatched.chain(self.decoder.swallowed().counters());
        let Some(over) = &self.over else { return self.counted().into_iter().chain(unmatched).collect() };
        // The last records may have met a full ring.
        let refused = self.counted().into_iter().filter(|counter| counter.kind == LossKind::RingFull);
        let counted = over.counted.iter().filter(|counter| counter.kind != LossKind::RingFull).cloned();
        counted.chain(refused).chain(unmatched).collect()
    }

    /// Those that the programs and the kernel count.
    fn counted(&self) -> Vec<LossCounter> {
        let kinds = |hook: HookId| {
            LossKind::ALL.iter().filter(|kind| kind.is_counted_by_probes()).filter_map(move |&kind| self.counter(hook, kind))
        };
        // What a hook that is not attached would have reported is missing, and named as that: it is not lost.
        let attached = self.status.iter().filter(|status| status.attached_by.is_some());
        let counted = attached.flat_map(|status| kinds(status.hook));
        let counted = counted.chain(HOOKS.iter().filter_map(|hook| self.missed(hook)));
        with_missed_returns(counted.collect(), &self.missed_returns())
    }

    /// Returns that kretprobes have missed, by the hook that reports the operation.
    fn missed_returns(&self) -> Vec<(HookId, u64)> {
        if self.returns.is_empty() {
            return Vec::new();
        }
        let missed = bpf::missed_returns();
        self.returns.iter().filter_map(|(program, hook)| Some((*hook, *missed.get(program)?))).collect()
    }

    fn counter(&self, hook: HookId, kind: LossKind) -> Option<LossCounter> {
        let count = self.loss.count(loss_index(hook.id(), kind) as usize);
        (count > 0).then_some(LossCounter { hook, kind, count })
    }

    /// Runs that the kernel skipped because the program was busy on that processor.
    fn missed(&self, hook: &Hook) -> Option<LossCounter> {
        let names = hook.ends.programs().iter().map(|end| attach::name(hook, end));
        let by_aya = names.filter_map(|name| self.ebpf.program(&name).and_then(recursion_misses));
        let apart = self.apart.programs(hook.id).filter_map(|program| bpf::misses(program).ok());
        let count = by_aya.chain(apart).sum();
        (count > 0).then_some(LossCounter { hook: hook.id, kind: LossKind::Missed, count })
    }
}

/// The same, where the kernel has counted more returns as missed than the programs have: these notice only when the task comes again.
fn with_missed_returns(mut counters: Vec<LossCounter>, missed: &[(HookId, u64)]) -> Vec<LossCounter> {
    for &(hook, count) in missed.iter().filter(|(_, count)| *count > 0) {
        let of_programs = |counter: &&mut LossCounter| (counter.hook, counter.kind) == (hook, LossKind::ReturnMissed);
        match counters.iter_mut().find(of_programs) {
            Some(counter) => counter.count = counter.count.max(count),
            None => counters.push(LossCounter { hook, kind: LossKind::ReturnMissed, count }),
        }
    }
    counters
}

/// Whether this hook sees anything.
fn is_attached(status: &[HookStatus], hook: HookId) -> bool {
    status.iter().any(|status| status.hook == hook && status.attached_by.is_some())
}

/// The programs whose kretprobes end operations.
fn returns(ebpf: &Ebpf, status: &[HookStatus]) -> Vec<(u32, HookId)> {
    let reports = |hook: &HookId| Op::ALL.iter().any(|op| op.reported_by() == *hook);
    let by_kprobe = status.iter().filter(|status| status.attached_by.as_deref().and_then(attach::means) == Some(Means::Kprobe));
    let id = |hook: HookId| {
        let name = format!("{}_kretprobe", HOOKS.iter().find(|row| row.id == hook)?.stem());
        let Some(Program::KProbe(program)) = ebpf.program(&name) else { return None };
        Some((program.info().ok()?.id(), hook))
    };
    by_kprobe.map(|status| status.hook).filter(reports).filter_map(id).collect()
}

/// The symbols that all of it needs.
fn wanted(types: &KernelTypes) -> Wanted {
    let (hooks, facts) = (attach::wanted(), kernel::wanted(types));
    Wanted { functions: [hooks.functions, facts.functions].concat(), data: facts.data, together: &GRANT_TABLE }
}

/// The functions that programs may be loaded for.
fn functions() -> Vec<String> {
    let hooks = HOOKS.iter().flat_map(|hook| hook.symbols).map(|symbol| (*symbol).to_owned());
    hooks.chain(census::functions()).chain(cost::functions()).collect()
}

/// What the simplest crossings cost by each means that is used; and why that is not known of all.
fn baselines(
    ebpf: &mut Ebpf,
    handover: HandOver,
    btf: &Btf,
    records: &mut RingBuf<MapData>,
    status: &[HookStatus],
) -> (BTreeMap<Means, Baseline>, Option<String>) {
    let (mut baselines, mut problem) = (BTreeMap::new(), None);
    for means in Costs::means(status) {
        match cost::measure(ebpf, handover, btf, records, means) {
            Ok(baseline) => drop(baselines.insert(means, baseline)),
            Err(error) => problem = Some(error),
        }
    }
    (baselines, problem)
}

/// A failed operation's cause may follow from what was not seen, but only where a hook was attached.
fn set_attached(ebpf: &mut Ebpf, status: &[HookStatus]) -> Result<(), CaptureError> {
    let attached = status.iter().filter(|status| status.attached_by.is_some());
    let bits = attached.fold(0_u64, |bits, status| bits | 1 << status.hook.id());
    let map = ebpf.map_mut("ATTACHED").and_then(|map| Array::<_, u64>::try_from(map).ok());
    let set = map.map(|mut map| map.set(0, bits, 0));
    set.and_then(Result::ok).ok_or(CaptureError::NoMap("ATTACHED"))
}

impl AsFd for Probes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the ring's descriptor is open as long as `self` lives.
        unsafe { BorrowedFd::borrow_raw(self.records.as_raw_fd()) }
    }
}

impl AsRawFd for Probes {
    fn as_raw_fd(&self) -> RawFd {
        self.records.as_raw_fd()
    }
}

fn recursion_misses(program: &Program) -> Option<u64> {
    let program = match program {
        Program::FEntry(program) => program.fd(),
        Program::FExit(program) => program.fd(),
        Program::KProbe(program) => program.fd(),
        Program::RawTracePoint(program) => program.fd(),
        _ => return None,
    };
    bpf::misses(program.ok()?.as_fd()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_return_is_counted_once_whoever_noticed() {
        let counter = |hook, count| LossCounter { hook, kind: LossKind::ReturnMissed, count };
        let [ioctl, release, mmap] = [HookId::GntdevIoctl, HookId::GntdevRelease, HookId::GntdevMmap];
        let counted = with_missed_returns(vec![counter(ioctl, 3), counter(mmap, 5)], &[(ioctl, 30), (release, 2), (mmap, 4)]);
        assert_eq!(counted, [counter(ioctl, 30), counter(mmap, 5), counter(release, 2)]);
        assert_eq!(with_missed_returns(Vec::new(), &[(ioctl, 0)]), []);
    }
}
