//! The ledger of live mappings as a table, and below a summary.

use std::fmt::{self, Write};
use std::time::Duration;

use grantscope_wire::Buffer;

use crate::live::{Ledger, Suspicion};
use crate::model::{Holder, LiveMap};
use crate::shown::{Shown, counted};
use crate::units;

/// Names of processes get as many columns at most: the kernel gives 15 bytes (`TASK_COMM_LEN` in include/linux/sched.h, Linux v6.12).
const NAME_COLUMNS: usize = 64;

/// The columns' headings.
const HEADINGS: [&str; 10] =
    ["owner", "domid", "buffer", "pages", "pfn/bfn runs", "granted", "spanned", "age", "state", "descriptor"];

/// A row of the table. The buffer's cell gets as many columns as the longest of them has.
fn row(text: &mut String, buffers: usize, cells: [&str; 10]) {
    let [owner, domid, buffer, pages, runs, granted, spanned, age, state, descriptor] = cells;
    let owner = Shown(owner);
    let _ = writeln!(
        text,
        "{owner:<24} {domid:>5} {buffer:<buffers$} {pages:>6} {runs:>12} {granted:>9} {spanned:>9} {age:>15} {state:<12} {descriptor}"
    );
}

/// The mappings as a table, what is suspect below each, and the sum.
pub fn table(ledger: &Ledger, now_ns: u64, page_size: u32, leak_after: Duration) -> String {
    let (mut text, maps) = (String::new(), ledger.maps());
    let buffers = maps.iter().map(|map| buffer(map).chars().count()).max().unwrap_or_default().max("coherent".len());
    row(&mut text, buffers, HEADINGS);
    for map in &maps {
        let descriptor = map.descriptor_is_open().map_or(units::UNKNOWN, |open| if open { "open" } else { "closed" });
        row(
            &mut text,
            buffers,
            [
                &owner(map),
                &known(map.domid),
                &buffer(map),
                &map.pages.to_string(),
                &known(map.frames.map(|frames| format!("{}/{}", frames.pfn_runs, frames.bfn_runs))),
                &units::size(map.granted_bytes()),
                &units::size(map.spanned_bytes(page_size)),
                &age(map, now_ns),
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

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| units::UNKNOWN.to_owned(), |value| value.to_string())
}

/// What backs it, and where the memory of a DMA buffer is from, if that is known.
pub fn buffer(map: &LiveMap) -> String {
    let kind = map.buffer.map_or(units::UNKNOWN, Buffer::name);
    map.allocator.map_or_else(|| kind.to_owned(), |allocator| format!("{kind} ({})", allocator.name()))
}

fn sum(ledger: &Ledger, page_size: u32) -> String {
    let mut text = match ledger.held() {
        None => "the recording has no ledger: it was made by a grantscope that did not keep one\n".to_owned(),
        Some(held) => format!(
            "{} {} {}: {} granted, {} spanned\n",
            counted(held.mappings, "mapping"),
            if held.mappings == 1 { "holds" } else { "hold" },
            counted(held.pages, "page"),
            units::size(held.granted_bytes()),
            units::size(held.spanned_bytes(page_size))
        ),
    };
    text.push_str(&without_room(ledger));
    text.push_str(&runs(ledger));
    if let Some(why) = ledger.no_census() {
        let _ = writeln!(text, "maps from before the tool are not in it: {}", Shown(why));
    }
    text
}

/// What the runs mean for devices; empty where no mapping has any.
fn runs(ledger: &Ledger) -> String {
    if ledger.maps().iter().all(|map| map.frames.is_none()) {
        return String::new();
    }
    let domain = match ledger.is_direct_mapped() {
        Some(true) => "direct-mapped: the guest frames (gfn) of its own memory are machine frames; grants lie elsewhere",
        Some(false) => "not direct-mapped",
        None => "direct-mapped or not: that is not known",
    };
    format!(
        "runs: of contiguous pages, in Linux (pfn: an entry of a scatter list each) and in the machine (bfn)\nthis domain: {domain}\n"
    )
}

/// That this is not all; empty: it is.
fn without_room(ledger: &Ledger) -> String {
    match ledger.unkept() {
        0 => String::new(),
        reports => format!("THERE IS MORE: {} of mappings found no room\n", counted(reports, "report")),
    }
}

/// Below the summary of a recording: what was still held at its end, and what of it looks like a leak. Empty without a ledger.
pub fn notes(ledger: &Ledger, now_ns: u64, leak_after: Duration) -> String {
    let (Some(held), mut text) = (ledger.held(), String::new()) else { return String::new() };
    if held.mappings > 0 {
        let _ = writeln!(text, "held at the end: {} of {}", counted(held.mappings, "mapping"), counted(held.pages, "page"));
    }
    text.push_str(&without_room(ledger));
    for (map, suspicion) in ledger.suspects(now_ns, leak_after) {
        let buffer = map.buffer.map_or("–", Buffer::name);
        let _ = writeln!(text, "LEAK SUSPECT: {} ({buffer}) of {}: {suspicion}", counted(map.pages.into(), "page"), owner(map));
    }
    text
}

/// The owner; a dash where it is not known.
pub fn owner(map: &LiveMap) -> String {
    map.owner.map_or_else(|| units::UNKNOWN.to_owned(), |owner| format!("{:.NAME_COLUMNS$} [{owner}]", Shown(&map.comm)))
}

/// The age.
pub fn age(map: &LiveMap, now_ns: u64) -> String {
    map.age_ns(now_ns).map_or_else(|| "before the tool".to_owned(), |ns| units::duration(ns as f64))
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillInUse { for_ns, requested_by } => {
                let ago = units::duration(*for_ns as f64);
                let by = requested_by.map_or_else(String::new, |op| format!(" by {}", op.name()));
                write!(f, "its release was requested {ago} ago{by}, and a page of it is still in use: its grants stay mapped")
            }
            Self::OwnerGone { for_ns, owner, comm, holders } => {
                let gone = units::duration(*for_ns as f64);
                write!(
                    f,
                    "its owner {:.NAME_COLUMNS$} [{owner}] has been gone for {gone}, and {}",
                    Shown(comm),
                    still_held(holders)
                )
            }
        }
    }
}

fn still_held(holders: &[Holder]) -> String {
    let named = holders
        .iter()
        .map(|holder| format!("{:.NAME_COLUMNS$} [{}] by its {}", Shown(&holder.comm), holder.tgid, holder.by.name()));
    let named: Vec<_> = named.collect();
    if named.is_empty() { "something else still holds it".to_owned() } else { format!("{} still holds it", named.join(", ")) }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Allocator;

    use super::*;
    use crate::fixtures::{S, live_map as map};
    use crate::live::LEAK_AFTER;
    use crate::model::{Frames, MapState};

    #[test]
    fn a_grant_is_4_kib_and_spans_a_page_whatever_its_size() {
        let old = LiveMap { allocated_ns: None, domid: None, ..map(2, MapState::Unmapped) };
        let frames = Some(Frames { pfn_runs: 1, bfn_runs: 12, same_pages: None });
        let exported = LiveMap { frames, allocator: Some(Allocator::Cma), ..map(1, MapState::Exported) };
        let ledger = Ledger::of([exported, old], 3 * S).direct_mapped(Some(true));
        insta::assert_snapshot!(table(&ledger, 3 * S, 16_384, LEAK_AFTER), @r"
        owner                    domid buffer    pages pfn/bfn runs   granted   spanned             age state        descriptor
        backend [7]                  – wc           16            –    64 KiB   256 KiB before the tool unmapped     –
        backend [7]                  1 wc (cma)     16         1/12    64 KiB   256 KiB          2.00 s exported     –
        2 mappings hold 32 pages: 128 KiB granted, 512 KiB spanned
        runs: of contiguous pages, in Linux (pfn: an entry of a scatter list each) and in the machine (bfn)
        this domain: direct-mapped: the guest frames (gfn) of its own memory are machine frames; grants lie elsewhere
        ");
    }
}
