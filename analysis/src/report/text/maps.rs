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
    ["owner", "domid", "buffer", "pages", "pfn/bfn/split", "granted", "spanned", "age", "state", "descriptor"];

/// A row of the table. The buffer's cell gets as many columns as the longest of them has.
fn row(text: &mut String, buffers: usize, cells: [&str; 10]) {
    let [owner, domid, buffer, pages, runs, granted, spanned, age, state, descriptor] = cells;
    let owner = Shown(owner);
    let _ = writeln!(
        text,
        "{owner:<24} {domid:>5} {buffer:<buffers$} {pages:>6} {runs:>13} {granted:>9} {spanned:>9} {age:>15} {state:<12} {descriptor}"
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
                &runs(map).unwrap_or_else(|| units::UNKNOWN.to_owned()),
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
        None => "no report of live mappings: a grantscope made it that kept no ledger, or it ends before the first\n".to_owned(),
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
    about_runs(ledger).into_iter().flatten().for_each(|line| text.extend([line, "\n"]));
    if let Some(why) = ledger.no_census() {
        let _ = writeln!(text, "maps from before the tool are not in it: {}", Shown(why));
    }
    text
}

/// Runs in Linux, in the machine, and those of Linux that are split there; `None`: not known.
pub fn runs(map: &LiveMap) -> Option<String> {
    map.frames.map(|frames| format!("{}/{}/{}", frames.pfn_runs, frames.bfn_runs, frames.split_runs))
}

/// What the runs are, and what they mean for devices; `None` where no mapping has any.
pub fn about_runs(ledger: &Ledger) -> Option<[&'static str; 2]> {
    ledger.maps().iter().find(|map| map.frames.is_some())?;
    let domain = match ledger.is_direct_mapped() {
        Some(true) => "this domain is direct-mapped: swiotlb-xen copies what is split for a device",
        Some(false) => "this domain is not direct-mapped: what its devices find behind an address is not told by bfns",
        None => "whether this domain is direct-mapped is not known: if it is, swiotlb-xen copies what is split for a device",
    };
    Some([
        "pfn/bfn/split: runs of contiguous pages in Linux, in the machine, and those of Linux that are in pieces there",
        domain,
    ])
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
        let frames = Some(Frames { pfn_runs: 1, bfn_runs: 12, split_runs: 1, longest_split_pages: 16, same_pages: None });
        let exported = LiveMap { frames, allocator: Some(Allocator::Cma), ..map(1, MapState::Exported) };
        let ledger = Ledger::of([exported, old], 3 * S).direct_mapped(Some(true));
        insta::assert_snapshot!(table(&ledger, 3 * S, 16_384, LEAK_AFTER), @r"
        owner                    domid buffer    pages pfn/bfn/split   granted   spanned             age state        descriptor
        backend [7]                  – wc           16             –    64 KiB   256 KiB before the tool unmapped     –
        backend [7]                  1 wc (cma)     16        1/12/1    64 KiB   256 KiB          2.00 s exported     –
        2 mappings hold 32 pages: 128 KiB granted, 512 KiB spanned
        pfn/bfn/split: runs of contiguous pages in Linux, in the machine, and those of Linux that are in pieces there
        this domain is direct-mapped: swiotlb-xen copies what is split for a device
        ");
    }
}
