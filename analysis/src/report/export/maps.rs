//! The ledger of live mappings as JSON.

use std::time::Duration;

use grantscope_wire::{Allocator, Buffer};
use serde::{Serialize, Serializer};

use crate::live::Ledger;
use crate::model::{Holder, LiveMap};

/// Every mapping, and the sums. What is not known is `null`. It is written as it is read, map by map: there may be very many.
pub fn json(ledger: &Ledger, now_ns: u64, page_size: u32, leak_after: Duration) -> impl Serialize {
    let held = ledger.held();
    let about = About { now_ns, page_size, leak_after };
    All {
        at_ns: ledger.at_ns(),
        direct_mapped: ledger.is_direct_mapped(),
        granted_bytes: held.map(|held| held.granted_bytes()),
        mappings: held.map(|held| held.mappings),
        // None is not an empty list.
        maps: held.map(|_| Maps { maps: ledger.maps(), about }),
        no_census: ledger.no_census(),
        page_size,
        pages: held.map(|held| held.pages),
        spanned_bytes: held.map(|held| held.spanned_bytes(page_size)),
        without_room: ledger.unkept(),
    }
}

#[derive(Serialize)]
struct All<'a> {
    at_ns: Option<u64>,
    direct_mapped: Option<bool>,
    granted_bytes: Option<u64>,
    mappings: Option<u64>,
    maps: Option<Maps<'a>>,
    no_census: Option<&'a str>,
    page_size: u32,
    pages: Option<u64>,
    spanned_bytes: Option<u64>,
    without_room: u64,
}

/// What sizes and ages are computed from.
#[derive(Clone, Copy)]
struct About {
    now_ns: u64,
    page_size: u32,
    leak_after: Duration,
}

struct Maps<'a> {
    maps: Vec<&'a LiveMap>,
    about: About,
}

impl Serialize for Maps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.maps.iter().map(|map| Map::of(map, self.about)))
    }
}

#[derive(Serialize)]
struct Map<'a> {
    age_ns: Option<u64>,
    allocator: Option<&'static str>,
    before_the_tool: bool,
    bfn_runs: Option<u32>,
    buffer: Option<&'static str>,
    descriptor_open: Option<bool>,
    domid: Option<u16>,
    granted_bytes: u64,
    holders: Vec<HeldBy<'a>>,
    leak_suspect: Option<String>,
    longest_split_pages: Option<u32>,
    owner: Option<Owner<'a>>,
    pages: u32,
    pfn_runs: Option<u32>,
    same_pages: Option<u32>,
    spanned_bytes: u64,
    split_runs: Option<u32>,
    state: &'static str,
}

#[derive(Serialize)]
struct Owner<'a> {
    comm: &'a str,
    pid: u32,
}

#[derive(Serialize)]
struct HeldBy<'a> {
    by: &'static str,
    comm: &'a str,
    pid: u32,
}

impl<'a> Map<'a> {
    fn of(map: &'a LiveMap, About { now_ns, page_size, leak_after }: About) -> Self {
        let holder = |holder: &'a Holder| HeldBy { by: holder.by.name(), comm: &holder.comm, pid: holder.tgid };
        Self {
            age_ns: map.age_ns(now_ns),
            allocator: map.allocator.map(Allocator::name),
            before_the_tool: map.allocated_ns.is_none(),
            bfn_runs: map.frames.map(|frames| frames.bfn_runs),
            buffer: map.buffer.map(Buffer::name),
            descriptor_open: map.descriptor_is_open(),
            domid: map.domid,
            granted_bytes: map.granted_bytes(),
            holders: map.holders.iter().map(holder).collect(),
            leak_suspect: map.suspicion(now_ns, leak_after).map(|suspicion| suspicion.to_string()),
            longest_split_pages: map.frames.map(|frames| frames.longest_split_pages),
            owner: map.owner.map(|pid| Owner { comm: &map.comm, pid }),
            pages: map.pages,
            pfn_runs: map.frames.map(|frames| frames.pfn_runs),
            same_pages: map.frames.and_then(|frames| frames.same_pages),
            spanned_bytes: map.spanned_bytes(page_size),
            split_runs: map.frames.map(|frames| frames.split_runs),
            state: map.state.name(),
        }
    }
}
