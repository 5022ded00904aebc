//! The probes' ledger, read on the collector's clock: from what is in it now and what was in it before to what changed.

use std::collections::{HashMap, HashSet};
use std::fs;

use aya::Ebpf;
use aya::maps::{HashMap as BpfMap, MapData};
use grantscope_wire::live::{LIVE_EXPORTED, LIVE_FOUND, LIVE_GRANTS_MAPPED};
use grantscope_wire::{Allocator, Buffer, FoundMap, MapInfo, PendingTeardown, TableId};

use crate::decode::comm;
use crate::frames::Asking;
use crate::object::{plain_bytes, take};
use crate::table::Table;
use crate::turns::Turns;
use crate::{CaptureError, census, host, pids};
use grantscope_analysis::model::{Frames, Holder, LiveMap, MapState, MapsReport};

/// A map as the probes keep it.
type Kept = grantscope_wire::LiveMap;

/// Keys that one pass reads at most. The kernel starts over where a key goes away during the pass, so that it may see more keys than
/// there are; it must end all the same.
const MAX_KEYS: usize = 1 << 17;

/// Reads the probes' maps, and knows what it read before.
pub struct LiveMaps {
    maps: Table<Kept, { size_of::<Kept>() }>,
    pending: BpfMap<MapData, u64, [u8; size_of::<PendingTeardown>()]>,
    dmabufs: Table<MapInfo, { size_of::<MapInfo>() }>,
    turns: Turns,
    /// By address and generation: what was reported last.
    reported: HashMap<(u64, u64), LiveMap>,
    /// Start times of processes that own maps, as `/proc` has them: another process with the number is not the owner.
    owners: HashMap<u32, Option<u64>>,
    /// Whether those are of another PID namespace than this process's `/proc`: then it says nothing of them.
    are_foreign: bool,
    /// By address and generation: who was found to hold it.
    holders: HashMap<(u64, u64), Vec<Holder>>,
    /// Who knows how the pages of a map lie in memory.
    asking: Option<Asking>,
    /// By address and generation: what they said.
    frames: HashMap<(u64, u64), Frames>,
    /// Whether it is seen which maps the contiguous memory allocator serves.
    sees_cma: bool,
    direct_mapped: Option<bool>,
    last_id: u64,
    has_reported: bool,
    no_census: Option<String>,
}

impl LiveMaps {
    /// Takes the maps of a loaded object. `asking`: who knows how the pages of a map lie in memory.
    ///
    /// # Errors
    /// The object lacks one of the maps.
    pub fn new(ebpf: &mut Ebpf, asking: Option<Asking>) -> Result<Self, CaptureError> {
        Ok(Self {
            asking,
            frames: HashMap::new(),
            sees_cma: false,
            direct_mapped: host::is_direct_mapped(),
            maps: Table::open(ebpf, "MAPS", "MAPS_DISPLACED", TableId::Maps)?,
            pending: take(ebpf, "PENDING")?,
            turns: Turns::of(ebpf)?,
            dmabufs: Table::open(ebpf, "DMABUFS", "DMABUFS_DISPLACED", TableId::Dmabufs)?,
            reported: HashMap::new(),
            owners: HashMap::new(),
            are_foreign: pids::are_namespaced(),
            holders: HashMap::new(),
            last_id: 0,
            has_reported: false,
            no_census: None,
        })
    }

    /// From now on, it is seen which maps the contiguous memory allocator serves.
    pub fn see_cma(&mut self) {
        self.sees_cma = true;
    }

    /// Maps from before the tool cannot be listed; why.
    pub fn cannot_find(&mut self, why: String) {
        self.no_census = Some(why);
    }

    /// Puts what a census found into the probes' ledger, unless they know it already: they saw it begin.
    pub fn put_in(&mut self, found: &[(u64, FoundMap)]) {
        for (map, found) in found {
            let kept = census::as_kept(found);
            if self.maps.insert(&mut self.turns, *map, kept) && found.dmabuf != 0 {
                self.dmabufs.insert(&mut self.turns, found.dmabuf, kept.info);
            }
        }
    }

    /// Takes out again what a second census does not find: it was freed between its being found and its being put in, where no
    /// hook could see that.
    pub fn confirm(&mut self, found: &[(u64, FoundMap)]) {
        let there: HashSet<u64> = found.iter().map(|(map, _)| *map).collect();
        let under_way: HashSet<u64> = self.teardowns().into_keys().map(|(map, _)| map).collect();
        for (map, kept) in self.read() {
            if kept.flags & LIVE_FOUND != 0 && !there.contains(&map) && !under_way.contains(&map) {
                self.maps.remove(&mut self.turns, map);
            }
        }
        self.see_holders(found);
    }

    /// The holders and their maps, as a census found them.
    pub fn see_holders(&mut self, found: &[(u64, FoundMap)]) {
        let read = self.read();
        let key = |map: &u64| Some((*map, read.get(map)?.info.generation_ns));
        self.holders = found.iter().filter_map(|(map, found)| Some((key(map)?, census::holders(found)))).collect();
    }

    /// What changed since the last report; `None`: nothing, and there was one.
    pub fn report(&mut self) -> Option<MapsReport> {
        let at_ns = host::now_ns();
        let (read, teardowns) = (self.read(), self.teardowns());
        let alive: HashSet<_> = read.iter().map(|(map, kept)| (*map, kept.info.generation_ns)).collect();
        let mut gone: Vec<u64> = self.reported.iter().filter(|(key, _)| !alive.contains(*key)).map(|(_, map)| map.id).collect();
        gone.sort_unstable();
        self.reported.retain(|key, _| alive.contains(key));
        self.frames.retain(|key, _| alive.contains(key));
        self.ask(&read);
        let mut changed: Vec<_> = read.iter().filter_map(|(map, kept)| self.changed(*map, kept, &teardowns, at_ns)).collect();
        changed.sort_by_key(|map| map.id);
        let nothing = changed.is_empty() && gone.is_empty() && self.has_reported;
        self.has_reported = true;
        let (no_census, direct_mapped) = (self.no_census.clone(), self.direct_mapped);
        (!nothing).then_some(MapsReport { at_ns, changed, gone, no_census, direct_mapped })
    }

    /// How the pages of each lie in memory that was mapped since this was asked last.
    fn ask(&mut self, read: &HashMap<u64, Kept>) {
        let Some(asking) = &self.asking else { return };
        let is_new = |map: u64, kept: &Kept| {
            kept.flags & (LIVE_GRANTS_MAPPED | LIVE_EXPORTED) != 0 && !self.frames.contains_key(&(map, kept.info.generation_ns))
        };
        let new = read.iter().filter(|(map, kept)| is_new(**map, kept));
        let said = new.filter_map(|(map, kept)| Some(((*map, kept.info.generation_ns), asking.of(*map, kept.info.pages)?)));
        // One that went meanwhile may have left its place to another.
        let is_still =
            |(map, generation_ns): (u64, u64)| self.maps.get(map).is_some_and(|kept| kept.info.generation_ns == generation_ns);
        let said: Vec<_> = said.filter(|(key, _)| is_still(*key)).collect();
        self.frames.extend(said);
    }

    fn changed(
        &mut self,
        address: u64,
        kept: &Kept,
        teardowns: &HashMap<(u64, u64), PendingTeardown>,
        at_ns: u64,
    ) -> Option<LiveMap> {
        let key = (address, kept.info.generation_ns);
        let before = self.reported.get(&key);
        let id = before.map_or(self.last_id + 1, |before| before.id);
        let gone_before = before.and_then(|before| before.owner_gone_ns);
        let state = state(kept, teardowns.get(&key));
        let are_gone = state == MapState::Unmapped && self.asking.as_ref().is_some_and(Asking::are_gone_with_memory);
        let map = LiveMap {
            id,
            allocated_ns: (kept.info.generation_ns != 0).then_some(kept.info.generation_ns),
            owner: (kept.tgid != 0).then_some(kept.tgid),
            comm: comm(&kept.comm),
            domid: kept.info.domid(),
            buffer: Buffer::from_id(kept.info.buffer),
            pages: kept.info.pages,
            state,
            owner_gone_ns: gone_before.or_else(|| self.is_gone(kept.tgid).then_some(at_ns)),
            holders: self.holders.get(&key).cloned().unwrap_or_default(),
            frames: self.frames.get(&key).copied().filter(|_| !are_gone),
            allocator: Allocator::from_id(kept.allocator).filter(|_| self.sees_cma),
        };
        if self.reported.get(&key) == Some(&map) {
            return None;
        }
        self.last_id = self.last_id.max(id);
        self.reported.insert(key, map.clone());
        Some(map)
    }

    /// Whether a process is known to have ended. Its number may belong to another one meanwhile.
    fn is_gone(&mut self, tgid: u32) -> bool {
        if tgid == 0 || self.are_foreign {
            return false;
        }
        let now = started(tgid);
        now.is_none() || *self.owners.entry(tgid).or_insert(now) != now
    }

    fn read(&self) -> HashMap<u64, Kept> {
        self.maps.read().into_iter().collect()
    }

    /// Teardowns that are under way, by address and generation of the map.
    fn teardowns(&self) -> HashMap<(u64, u64), PendingTeardown> {
        let read = self.pending.iter().take(MAX_KEYS).filter_map(Result::ok);
        // SAFETY: PendingTeardown is plain old data: any bytes of its size are one.
        let teardowns = read.map(|(_, bytes)| unsafe { plain_bytes::<PendingTeardown, _>(bytes) });
        teardowns.map(|teardown| ((teardown.map, teardown.info.generation_ns), teardown)).collect()
    }
}

fn state(kept: &Kept, teardown: Option<&PendingTeardown>) -> MapState {
    match (teardown, kept.flags) {
        (Some(teardown), _) => MapState::TearingDown { since_ns: teardown.start_ns, by: teardown.started_by },
        (None, flags) if flags & LIVE_EXPORTED != 0 => MapState::Exported,
        (None, _) if kept.vmas != 0 => MapState::Mapped,
        (None, flags) if flags & LIVE_GRANTS_MAPPED != 0 => MapState::Unmapped,
        (None, _) => MapState::Allocated,
    }
}

/// When a process began, in the kernel's ticks since boot; `None`: there is none of this number, or it is a zombie.
fn started(tgid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{tgid}/stat")).ok()?;
    // Behind the name, which may contain anything, also brackets: state is field 3, starttime field 22 (proc_pid_stat(5)).
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
