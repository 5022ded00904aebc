//! The ledger of live mappings: what is held now, by whom, for how long, and what looks like a leak.
//!
//! The capture tells what changed (`MapsReport`); `Ledger` puts that together. Whether something is a leak suspect is for the
//! reader to say, from facts that are recorded: `--leak-after` is asked when a recording is read, not when it is made.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use grantscope_wire::{Buffer, Op};
use serde::{Deserialize, Serialize};

use crate::model::ids;
use crate::report::units;

/// Bytes that one grant reference grants, whatever the kernel's page size.
pub const GRANT_BYTES: u64 = 4096;
/// How long a map may outlive its release, unless told otherwise.
pub const LEAK_AFTER: Duration = Duration::from_secs(2);

/// A mapping that is alive: from its allocation until the kernel frees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveMap {
    /// Its number in this recording. Never used again, also where the kernel uses its address again.
    pub id: u64,
    /// Monotonic time of its allocation; `None`: before the tool.
    pub allocated_ns: Option<u64>,
    /// The process that allocated it; of a map from before the tool, the first that was found to hold it. `None`: not known.
    pub owner: Option<u32>,
    /// That process's name.
    pub comm: String,
    /// The domain that granted its first reference; `None`: not known.
    pub domid: Option<u16>,
    /// What backs it; `None`: not known.
    #[serde(with = "ids::buffer")]
    pub buffer: Option<Buffer>,
    /// Grant references.
    pub pages: u32,
    /// How far it has come.
    pub state: MapState,
    /// When its owner was found to be gone; `None`: it was there when last looked for, or is not known.
    pub owner_gone_ns: Option<u64>,
    /// Who holds it, as far as the census saw; empty where none was taken.
    pub holders: Vec<Holder>,
}

/// How far a mapping has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapState {
    /// Pages stand ready; no grant is mapped.
    Allocated,
    /// A process has it in its memory.
    Mapped,
    /// It is a dma-buf.
    Exported,
    /// No process has it in its memory any more, and nobody has released it.
    Unmapped,
    /// Its release was asked for, and a page of it is still in use.
    TearingDown {
        /// When it was asked for.
        since_ns: u64,
        /// By which operation: the id of an `Op`; 0: none that is known.
        by: u8,
    },
}

impl MapState {
    /// The name in files and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Mapped => "mapped",
            Self::Exported => "exported",
            Self::Unmapped => "unmapped",
            Self::TearingDown { .. } => "tearing_down",
        }
    }
}

/// A process that holds a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process.
    pub tgid: u32,
    /// Its name.
    pub comm: String,
    /// By what.
    pub by: HeldBy,
}

/// By what a process holds a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeldBy {
    /// It has the gntdev file open that the map belongs to.
    Descriptor,
    /// It has it in its memory.
    Memory,
    /// It has the dma-buf open.
    DmaBuf,
}

impl HeldBy {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Memory => "memory",
            Self::DmaBuf => "dma_buf",
        }
    }
}

/// What changed since the report before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapsReport {
    /// Monotonic time of the look.
    pub at_ns: u64,
    /// Mappings that are new, or of which something else is known now.
    pub changed: Vec<LiveMap>,
    /// Numbers of those that are gone.
    pub gone: Vec<u64>,
    /// Why maps from before the tool could not be listed; `None`: they were.
    pub no_census: Option<String>,
}

/// Why a mapping is a leak suspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion(String);

impl std::fmt::Display for Suspicion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl LiveMap {
    /// Bytes that the other domain granted.
    pub fn granted_bytes(&self) -> u64 {
        u64::from(self.pages) * GRANT_BYTES
    }

    /// Bytes of this kernel's address space that it takes: a page for each reference.
    pub fn spanned_bytes(&self, page_size: u32) -> u64 {
        u64::from(self.pages) * u64::from(page_size)
    }

    /// How long it has been alive; `None`: it is older than the tool.
    pub fn age_ns(&self, now_ns: u64) -> Option<u64> {
        self.allocated_ns.map(|allocated| now_ns.saturating_sub(allocated))
    }

    /// Whether somebody was found to have its gntdev file open; `None`: nobody looked.
    pub fn descriptor_is_open(&self) -> Option<bool> {
        (!self.holders.is_empty()).then(|| self.holders.iter().any(|holder| holder.by == HeldBy::Descriptor))
    }

    /// Why it is a leak suspect; `None`: it is none.
    pub fn suspicion(&self, now_ns: u64, leak_after: Duration) -> Option<Suspicion> {
        let too_long = |since_ns: u64| {
            let ns = now_ns.saturating_sub(since_ns);
            (u128::from(ns) > leak_after.as_nanos()).then(|| units::duration(ns as f64))
        };
        if let MapState::TearingDown { since_ns, by } = self.state
            && let Some(ago) = too_long(since_ns)
        {
            let by = Op::from_id(by).map_or_else(String::new, |op| format!(" by {}", op.name()));
            return Some(Suspicion(format!(
                "its release was asked for {ago} ago{by}, and somebody still uses a page of it: its grants stay mapped"
            )));
        }
        let gone = self.owner_gone_ns.and_then(too_long)?;
        let (comm, owner) = (&self.comm, self.owner.unwrap_or_default());
        Some(Suspicion(format!("its owner {comm} [{owner}] has been gone for {gone}, and {}", self.still_held())))
    }

    fn still_held(&self) -> String {
        let mut told = std::collections::BTreeSet::new();
        // A process that holds it in several ways is told once, by the way that stands first.
        let others = self.holders.iter().filter(|holder| Some(holder.tgid) != self.owner && told.insert(holder.tgid));
        let named: Vec<_> =
            others.map(|holder| format!("{} [{}] by its {}", holder.comm, holder.tgid, holder.by.name())).collect();
        if named.is_empty() { "something else still holds it".to_owned() } else { format!("{} still holds it", named.join(", ")) }
    }

    /// The owner, for people.
    pub fn owner_text(&self) -> String {
        match self.owner {
            Some(owner) => format!("{} [{owner}]", self.comm),
            None => "–".to_owned(),
        }
    }

    /// The age, for people.
    pub fn age_text(&self, now_ns: u64) -> String {
        self.age_ns(now_ns).map_or_else(|| "before the tool".to_owned(), |ns| units::duration(ns as f64))
    }
}

/// How much is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Mappings.
    pub mappings: u64,
    /// Grant references in them.
    pub pages: u64,
}

/// All that is alive.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    maps: BTreeMap<u64, LiveMap>,
    at_ns: Option<u64>,
    no_census: Option<String>,
}

impl Ledger {
    /// Of these mappings, at this time.
    pub fn of(maps: impl IntoIterator<Item = LiveMap>, at_ns: u64) -> Self {
        Self { maps: maps.into_iter().map(|map| (map.id, map)).collect(), at_ns: Some(at_ns), no_census: None }
    }

    /// Takes in what changed.
    pub fn add(&mut self, report: &MapsReport) {
        self.at_ns = Some(report.at_ns);
        for id in &report.gone {
            self.maps.remove(id);
        }
        self.maps.extend(report.changed.iter().map(|map| (map.id, map.clone())));
        if report.no_census.is_some() {
            self.no_census.clone_from(&report.no_census);
        }
    }

    /// When this was so; `None`: no report has come, so nothing is known.
    pub fn at_ns(&self) -> Option<u64> {
        self.at_ns
    }

    /// How much is held; `None`: not known.
    pub fn held(&self) -> Option<Held> {
        self.at_ns?;
        let pages = self.maps.values().map(|map| u64::from(map.pages)).sum();
        Some(Held { mappings: self.maps.len() as u64, pages })
    }

    /// The mappings: those from before the tool, then by age, the oldest first.
    pub fn maps(&self) -> Vec<&LiveMap> {
        let mut maps: Vec<_> = self.maps.values().collect();
        maps.sort_by_key(|map| (map.allocated_ns, map.id));
        maps
    }

    /// Those that look like a leak at this time, and why.
    pub fn suspects(&self, now_ns: u64, leak_after: Duration) -> Vec<(&LiveMap, Suspicion)> {
        self.maps().into_iter().filter_map(|map| Some((map, map.suspicion(now_ns, leak_after)?))).collect()
    }

    /// Why maps from before the tool are not in it; `None`: they are.
    pub fn no_census(&self) -> Option<&str> {
        self.no_census.as_deref()
    }
}

/// The widths of the table's columns: owner, domid, buffer, pages, granted, spanned, age, state, descriptor.
fn row(text: &mut String, cells: [&str; 9]) {
    let [owner, domid, buffer, pages, granted, spanned, age, state, descriptor] = cells;
    let _ = writeln!(
        text,
        "{owner:<24} {domid:>5} {buffer:<8} {pages:>6} {granted:>9} {spanned:>9} {age:>15} {state:<12} {descriptor}"
    );
}

/// The mappings as a table, what is suspect below each, and the sum.
pub fn table(ledger: &Ledger, now_ns: u64, page_size: u32, leak_after: Duration) -> String {
    let mut text = String::new();
    row(&mut text, ["owner", "domid", "buffer", "pages", "granted", "spanned", "age", "state", "descriptor"]);
    let maps = ledger.maps();
    for map in &maps {
        let descriptor = map.descriptor_is_open().map_or("–", |open| if open { "open" } else { "closed" });
        let domid = map.domid.map_or_else(|| "–".to_owned(), |domid| domid.to_string());
        row(
            &mut text,
            [
                &map.owner_text(),
                &domid,
                map.buffer.map_or("–", Buffer::name),
                &map.pages.to_string(),
                &kib(map.granted_bytes()),
                &kib(map.spanned_bytes(page_size)),
                &map.age_text(now_ns),
                map.state.name(),
                descriptor,
            ],
        );
        if let Some(suspicion) = map.suspicion(now_ns, leak_after) {
            let _ = writeln!(text, "  LEAK SUSPECT: {suspicion}");
        }
    }
    text.push_str(&sum(ledger, page_size));
    text
}

fn sum(ledger: &Ledger, page_size: u32) -> String {
    let mut text = match ledger.held() {
        None => "the recording has no ledger: it was made by a grantscope that did not keep one\n".to_owned(),
        Some(held) => format!(
            "{} mappings hold {} pages: {} granted, {} spanned\n",
            held.mappings,
            held.pages,
            kib(held.pages * GRANT_BYTES),
            kib(held.pages * u64::from(page_size))
        ),
    };
    if let Some(why) = ledger.no_census() {
        let _ = writeln!(text, "maps from before the tool are not in it: {why}");
    }
    text
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes / 1024)
}

/// Below the summary of a recording: what was still held at its end, and what of it looks like a leak. Empty without a ledger.
pub fn notes(ledger: &Ledger, now_ns: u64, leak_after: Duration) -> String {
    let (Some(held), mut text) = (ledger.held(), String::new()) else { return String::new() };
    if held.mappings > 0 {
        let _ = writeln!(text, "held at the end: {} mappings of {} pages", held.mappings, held.pages);
    }
    for (map, suspicion) in ledger.suspects(now_ns, leak_after) {
        let buffer = map.buffer.map_or("–", Buffer::name);
        let _ = writeln!(text, "LEAK SUSPECT: {} pages ({buffer}) of {}: {suspicion}", map.pages, map.owner_text());
    }
    text
}

/// The same for a program.
pub fn json(ledger: &Ledger, now_ns: u64, page_size: u32, leak_after: Duration) -> serde_json::Value {
    let held = ledger.held();
    let maps: Vec<_> = ledger.maps().into_iter().map(|map| map_json(map, now_ns, page_size, leak_after)).collect();
    serde_json::json!({
        "at_ns": ledger.at_ns(),
        "page_size": page_size,
        "mappings": held.map(|held| held.mappings),
        "pages": held.map(|held| held.pages),
        "granted_bytes": held.map(|held| held.pages * GRANT_BYTES),
        "spanned_bytes": held.map(|held| held.pages * u64::from(page_size)),
        "no_census": ledger.no_census(),
        "maps": maps,
    })
}

fn map_json(map: &LiveMap, now_ns: u64, page_size: u32, leak_after: Duration) -> serde_json::Value {
    let holders: Vec<_> = map
        .holders
        .iter()
        .map(|holder| serde_json::json!({ "pid": holder.tgid, "comm": holder.comm, "by": holder.by.name() }))
        .collect();
    serde_json::json!({
        "owner": map.owner.map(|owner| serde_json::json!({ "pid": owner, "comm": map.comm })),
        "domid": map.domid,
        "buffer": map.buffer.map(Buffer::name),
        "pages": map.pages,
        "granted_bytes": map.granted_bytes(),
        "spanned_bytes": map.spanned_bytes(page_size),
        "age_ns": map.age_ns(now_ns),
        "before_the_tool": map.allocated_ns.is_none(),
        "state": map.state.name(),
        "descriptor_open": map.descriptor_is_open(),
        "holders": holders,
        "leak_suspect": map.suspicion(now_ns, leak_after).map(|suspicion| suspicion.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn map(id: u64, state: MapState) -> LiveMap {
        LiveMap {
            id,
            allocated_ns: Some(S),
            owner: Some(7),
            comm: "backend".to_owned(),
            domid: Some(1),
            buffer: Some(Buffer::Wc),
            pages: 16,
            state,
            owner_gone_ns: None,
            holders: Vec::new(),
        }
    }

    fn report(at_ns: u64, changed: Vec<LiveMap>, gone: &[u64]) -> MapsReport {
        MapsReport { at_ns, changed, gone: gone.to_vec(), no_census: None }
    }

    #[test]
    fn without_a_report_nothing_is_known_and_that_is_not_zero() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.held(), None);
        ledger.add(&report(S, Vec::new(), &[]));
        assert_eq!(ledger.held(), Some(Held::default()));
    }

    #[test]
    fn reports_of_what_changed_add_up_to_what_is_held() {
        let mut ledger = Ledger::default();
        ledger.add(&report(S, vec![map(1, MapState::Allocated), map(2, MapState::Mapped)], &[]));
        ledger.add(&report(2 * S, vec![map(3, MapState::Exported)], &[1]));
        assert_eq!(ledger.held(), Some(Held { mappings: 2, pages: 32 }));
        assert_eq!(ledger.maps().iter().map(|map| map.id).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn a_release_that_does_not_end_is_a_suspect_and_a_short_one_is_not() {
        let map = map(1, MapState::TearingDown { since_ns: S, by: Op::Close.id() });
        assert_eq!(map.suspicion(3 * S, LEAK_AFTER), None);
        let why = map.suspicion(4 * S, LEAK_AFTER).expect("it is 3 s old").to_string();
        assert_eq!(
            why,
            "its release was asked for 3.00 s ago by close, and somebody still uses a page of it: its grants stay mapped"
        );
    }

    #[test]
    fn a_map_that_outlives_its_owner_is_a_suspect_and_who_holds_it_is_named() {
        let holder = Holder { tgid: 9, comm: "gpu".to_owned(), by: HeldBy::DmaBuf };
        let map = LiveMap { owner_gone_ns: Some(S), holders: vec![holder], ..map(1, MapState::Exported) };
        assert_eq!(map.suspicion(2 * S, LEAK_AFTER), None);
        let why = map.suspicion(6 * S, LEAK_AFTER).expect("5 s are long").to_string();
        assert_eq!(why, "its owner backend [7] has been gone for 5.00 s, and gpu [9] by its dma_buf still holds it");
    }

    #[test]
    fn a_map_that_its_owner_uses_is_no_suspect_however_old() {
        for state in [MapState::Allocated, MapState::Mapped, MapState::Exported, MapState::Unmapped] {
            assert_eq!(map(1, state).suspicion(u64::MAX, LEAK_AFTER), None);
        }
    }

    #[test]
    fn a_grant_is_4_kib_and_spans_a_page_whatever_its_size() {
        let old = LiveMap { allocated_ns: None, domid: None, ..map(2, MapState::Unmapped) };
        let ledger = Ledger::of([map(1, MapState::Mapped), old], 3 * S);
        insta::assert_snapshot!(table(&ledger, 3 * S, 16_384, LEAK_AFTER), @r"
        owner                    domid buffer    pages   granted   spanned             age state        descriptor
        backend [7]                  – wc           16    64 KiB   256 KiB before the tool unmapped     –
        backend [7]                  1 wc           16    64 KiB   256 KiB          2.00 s mapped       –
        2 mappings hold 32 pages: 128 KiB granted, 512 KiB spanned
        ");
    }
}
