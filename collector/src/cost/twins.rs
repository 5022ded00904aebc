//! What the simplest crossings cost, measured with twins of hooks at functions that do nothing: `probes/src/hooks/twins.rs`.
//!
//! The kernel calls `bpf_fentry_test1` to `…8` one after the other when a tracing program is to be run for a test (net/bpf/test_run.c,
//! Linux v6.12). Between two twins next to each other passes what the first costs behind its reading of the clock, what the second costs
//! before its own, and a call of an empty function.

use std::io;
use std::os::fd::AsFd;
use std::thread;

use aya::maps::{MapData, RingBuf};
use aya::programs::{FEntry, FExit, KProbe, Program, ProgramError};
use aya::{Btf, Ebpf};
use grantscope_wire::record::{CALIBRATION, EVENT_BYTES, HEADER_BYTES, SOUNDED, Sounding};
use grantscope_wire::{Edge, Event, OpHeader};

use super::means::Means;
use super::samples::{Estimate, Samples};
use crate::handover::HandOver;
use crate::{attach, bpf, decode, pids};

/// How often the twins are run, with and without the one that marks. Half of the runs are sounded.
const RUNS: usize = 200;

/// Which ends of a function have a program, and which of these is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its entry alone.
    Entry,
    /// The entry, where the return has one too.
    PairEntry,
    /// The return, where the entry has one too.
    PairReturn,
    /// The return alone.
    Return,
    /// An entry alone that reads no clock.
    Mark,
}

/// Before the reading of the clock, and behind it. Of a mark all is `before`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Split {
    pub before: Estimate,
    pub after: Estimate,
}

/// What the simplest crossings cost, by one means.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// In an ordinary operation.
    ordinary: [Split; KINDS],
    /// In one that is sounded.
    sounded: [Split; KINDS],
    /// What the programs' own work took in one that is sounded.
    work: [Split; KINDS],
}

const KINDS: usize = 5;

impl Baseline {
    pub fn ordinary(&self, kind: Kind) -> Split {
        self.ordinary[kind as usize]
    }

    pub fn sounded(&self, kind: Kind) -> Split {
        self.sounded[kind as usize]
    }

    pub fn work(&self, kind: Kind) -> Split {
        self.work[kind as usize]
    }
}

/// The twins in the order in which they are passed: the events of one run.
const PASSED: [Kind; 8] =
    [Kind::Entry, Kind::Entry, Kind::PairEntry, Kind::PairReturn, Kind::Entry, Kind::Return, Kind::Entry, Kind::Entry];
/// Behind which of these events the mark is.
const MARK_BEHIND: usize = 6;

/// Attaches the twins by these means, has them run, and takes them away again.
///
/// # Errors
/// The kernel refuses them, or what came back is not what they write.
pub fn measure(
    ebpf: &mut Ebpf,
    handover: HandOver,
    btf: &Btf,
    records: &mut RingBuf<MapData>,
    means: Means,
) -> Result<Baseline, String> {
    let mut links = Links::default();
    let measured = attach(ebpf, btf, means, false, &mut links).and_then(|()| {
        let plain = run(ebpf, handover, btf, records)?;
        attach(ebpf, btf, means, true, &mut links)?;
        Ok((plain, run(ebpf, handover, btf, records)?))
    });
    let unloaded = unload(ebpf);
    links.detach();
    let (plain, marked) = measured.map_err(|error| error.to_string())?;
    unloaded.map_err(|error| error.to_string())?;
    derive(&plain, &marked).ok_or_else(|| "the twins' records are incomplete".to_owned())
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{}", crate::attach::chain(.0))]
    Program(#[from] ProgramError),
    #[error("the kernel cannot run tracing programs for a test: {0}")]
    Run(#[from] io::Error),
}

/// The twins' functions that have a program at their entry, and at their return. The mark is the seventh.
const ENTRIES: [u8; 6] = [1, 2, 3, 4, 6, 8];
const RETURNS: [u8; 2] = [3, 5];
const MARK: [u8; 1] = [7];

/// What holds the twins where they are.
#[derive(Default)]
struct Links(Vec<Box<dyn Send>>);

impl Links {
    /// Lets go of them elsewhere: for each function the kernel waits until no processor can be in its trampoline any more
    /// (`synchronize_rcu_tasks_rude` in `ftrace_shutdown`, kernel/trace/ftrace.c, Linux v6.12), and nobody needs to wait for that here.
    fn detach(self) {
        // Where there is no thread to be had, they are let go of at once.
        drop(thread::Builder::new().spawn(move || drop(self)));
    }
}

fn attach(ebpf: &mut Ebpf, btf: &Btf, means: Means, mark: bool, links: &mut Links) -> Result<(), Problem> {
    let (entries, returns): (&[u8], &[u8]) = if mark { (&MARK, &[]) } else { (&ENTRIES, &RETURNS) };
    for function in returns {
        let symbol = symbol(*function);
        match means {
            Means::Fentry => {
                let program: &mut FExit = program(ebpf, *function, "exit").try_into()?;
                program.load(&symbol, btf)?;
                let link = program.attach()?;
                links.0.push(Box::new(program.take_link(link)?));
            }
            Means::Kprobe => attach_kprobe(ebpf, *function, "kretprobe", links)?,
        }
    }
    for function in entries {
        match means {
            Means::Fentry => {
                load_entry(ebpf, btf, *function)?;
                let program: &mut FEntry = program(ebpf, *function, "entry").try_into()?;
                let link = program.attach()?;
                links.0.push(Box::new(program.take_link(link)?));
            }
            Means::Kprobe => attach_kprobe(ebpf, *function, "kprobe", links)?,
        }
    }
    Ok(())
}

fn load_entry(ebpf: &mut Ebpf, btf: &Btf, function: u8) -> Result<(), ProgramError> {
    let program: &mut FEntry = program(ebpf, function, "entry").try_into()?;
    program.load(&symbol(function), btf)
}

fn attach_kprobe(ebpf: &mut Ebpf, function: u8, end: &str, links: &mut Links) -> Result<(), Problem> {
    let program: &mut KProbe = program(ebpf, function, end).try_into()?;
    program.load()?;
    let link = program.attach(symbol(function), 0)?;
    links.0.push(Box::new(program.take_link(link)?));
    Ok(())
}

fn unload(ebpf: &mut Ebpf) -> Result<(), Problem> {
    for (_, program) in ebpf.programs_mut().filter(|(name, _)| name.starts_with("twin_")) {
        attach::unload(program)?;
    }
    Ok(())
}

/// The kernel's functions that twins are attached to.
pub fn functions() -> Vec<String> {
    (1..=8).map(symbol).collect()
}

fn symbol(function: u8) -> String {
    format!("bpf_fentry_test{function}")
}

fn program<'a>(ebpf: &'a mut Ebpf, function: u8, end: &str) -> &'a mut Program {
    let name = format!("twin_{function}_{end}");
    ebpf.program_mut(&name).unwrap_or_else(|| panic!("the probes have no program {name}"))
}

/// What one run wrote.
struct Run {
    is_sounded: bool,
    /// The events with a time, in their order.
    events: Vec<Event>,
    /// What was found behind each of them, in the same order.
    soundings: Vec<Sounding>,
    /// What was found behind the mark.
    mark: Option<Sounding>,
}

/// Has the functions called, and reads what the twins wrote.
fn run(ebpf: &mut Ebpf, handover: HandOver, btf: &Btf, records: &mut RingBuf<MapData>) -> Result<Vec<Run>, Problem> {
    // Any program of this kind will do: it is the functions that are run.
    if let Err(error) = load_entry(ebpf, btf, 1)
        && !matches!(error, ProgramError::AlreadyLoaded)
    {
        return Err(error.into());
    }
    let program: &mut FEntry = program(ebpf, 1, "entry").try_into()?;
    let program = program.fd()?.as_fd();
    while records.next().is_some() {}
    for _ in 0..RUNS {
        bpf::run_for_a_test(program)?;
    }
    // In another PID namespace its own number is not known: then what a second recorder calls at the same time counts too.
    let own_tid = (!pids::are_namespaced()).then(|| nix::unistd::gettid().as_raw() as u32);
    let is_own = |head: &OpHeader| head.op == CALIBRATION && own_tid.is_none_or(|own| own == head.tid);
    let mut runs = Vec::with_capacity(RUNS);
    handover.of_idle(ebpf);
    while let Some(entry) = records.next() {
        runs.extend(decode::records(&entry).filter_map(|record| read(record, is_own)));
    }
    Ok(runs)
}

/// `None`: it is not of our twins, or not whole.
fn read(record: &[u8], is_own: impl Fn(&OpHeader) -> bool) -> Option<Run> {
    let head = decode::header(record).ok()?;
    if !is_own(&head) {
        return None;
    }
    let words = record[HEADER_BYTES..][..head.event_count as usize * EVENT_BYTES].chunks_exact(EVENT_BYTES).map(decode::event);
    let mut run = Run { is_sounded: head.flags & SOUNDED != 0, events: Vec::new(), soundings: Vec::new(), mark: None };
    let mut after_mark = false;
    for word in words {
        match Sounding::read(word) {
            Some(sounding) if after_mark => run.mark = Some(sounding),
            Some(sounding) => run.soundings.push(sounding),
            None if word.edge() == Edge::Mark => after_mark = true,
            None => {
                after_mark = false;
                run.events.push(word);
            }
        }
    }
    // The last program sends the record: it is not there to time itself.
    let soundings = if run.is_sounded { PASSED.len() - 1 } else { 0 };
    (run.events.len() == PASSED.len() && run.soundings.len() == soundings).then_some(run)
}

/// What passed between the events, each a mean over all runs.
struct Gaps([Estimate; PASSED.len() - 1]);

impl Gaps {
    fn of(runs: &[Run], sounded: bool) -> Option<Self> {
        let mut samples = [(); PASSED.len() - 1].map(|()| Samples::default());
        for run in runs.iter().filter(|run| run.is_sounded == sounded) {
            for (samples, pair) in samples.iter_mut().zip(run.events.windows(2)) {
                samples.add(pair[1].offset_ns() as i64 - pair[0].offset_ns() as i64);
            }
        }
        let mut gaps = [Estimate::default(); PASSED.len() - 1];
        for (gap, samples) in gaps.iter_mut().zip(&samples) {
            *gap = samples.estimate()?;
        }
        Some(Self(gaps))
    }
}

fn derive(plain: &[Run], marked: &[Run]) -> Option<Baseline> {
    // What it takes to call an empty function does not depend on who is sounded.
    let call = call(&Gaps::of(plain, false)?);
    let splits = |sounded| Some(splits(&Gaps::of(plain, sounded)?, &Gaps::of(marked, sounded)?, call));
    Some(Baseline { ordinary: splits(false)?, sounded: splits(true)?, work: work(plain, marked)? })
}

/// Between the last two events there is one function more than between the first two.
fn call(gaps: &Gaps) -> Estimate {
    gaps.0[MARK_BEHIND] - gaps.0[0]
}

/// One end's cost out of the costs of two: known are the sums of what comes behind one event and before the next. How an entry's is
/// divided does not matter, as long as it is the same everywhere.
fn splits(plain: &Gaps, marked: &Gaps, call: Estimate) -> [Split; KINDS] {
    let gap = |n: usize| plain.0[n] - call;
    let half = gap(0) * 0.5;
    // Behind its reading of the clock, an entry does the same with and without a return.
    let pair_entry = Split { before: gap(1) - half, after: half };
    // Inside the function there is no call, but the function itself.
    let pair_return = Split { before: plain.0[2] - call * 0.5 - half, after: gap(3) - half };
    let lone_return = Split { before: gap(4) - half, after: gap(5) - half };
    let mark = Split { before: marked.0[MARK_BEHIND] - plain.0[MARK_BEHIND], after: Estimate::default() };
    [Split { before: half, after: half }, pair_entry, pair_return, lone_return, mark]
}

/// What the programs' own work took.
fn work(plain: &[Run], marked: &[Run]) -> Option<[Split; KINDS]> {
    let mut samples = [(); KINDS].map(|()| (Samples::default(), Samples::default()));
    // Not of the first: it has begun the operation as well.
    for run in plain.iter().filter(|run| run.is_sounded) {
        for ((kind, event), sounding) in PASSED.iter().zip(&run.events).zip(&run.soundings).skip(1) {
            let (before, after) = sounding.around(*event);
            let (befores, afters) = &mut samples[*kind as usize];
            befores.add(before);
            afters.add(after);
        }
    }
    for sounding in marked.iter().filter_map(|run| run.mark) {
        let (befores, afters) = &mut samples[Kind::Mark as usize];
        befores.add(sounding.duration_ns as i64);
        afters.add(0);
    }
    let mut work = [Split::default(); KINDS];
    for (work, (before, after)) in work.iter_mut().zip(&samples) {
        *work = Split { before: before.estimate()?, after: after.estimate()? };
    }
    Some(work)
}
