//! Whether a scenario fits, asked before anything is mapped: against the driver's limit, the peer's grants, CMA and memory.

use grantscope_output::say;

use crate::balloon::NEEDED;
use crate::error::{Error, Result};
use crate::meminfo::Memory;
use crate::script::{Needs, Plan};
use crate::uapi::{DomId, gntdev};

/// The largest piece that the page allocator hands out where a page is 4 KiB (MAX_PAGE_ORDER 10, include/linux/mmzone.h, Linux
/// v6.12): a DMA buffer that is larger has to come from CMA.
const LARGEST_BLOCK_PAGES: u64 = 1024;

/// Everything but the peer's grants, which are known only when it is found. `limit` is gntdev's, if it is needed.
pub fn check(plan: &Plan, limit: Option<usize>) -> Result<()> {
    let needs = &plan.needs;
    if let Some(limit) = limit {
        within_gntdev(needs, limit)?;
    }
    // Where it is not known there is nothing to compare with.
    let memory = Memory::now();
    within_cma(needs, &memory)?;
    within_memory(needs, &memory)?;
    if let Some(note) = small_balloon(plan) {
        say!("note: {note}");
    }
    Ok(())
}

/// Nothing fails by it, but it is not what was wanted.
fn small_balloon(plan: &Plan) -> Option<String> {
    let (pinned, needed) = (plan.pin()?.pages, plan.needs.held.pages as u64);
    (pinned < needed).then(|| {
        format!(
            "the balloon is pinned with {pinned} pages, and the steps map {needed} at their worst moment: those beyond have to blow it up \
             all the same; write {NEEDED} instead of the number"
        )
    })
}

fn within_gntdev(needs: &Needs, limit: usize) -> Result<()> {
    if needs.largest as usize <= limit {
        return Ok(());
    }
    Err(Error::NoRoom {
        needed: format!("an object of {} pages", needs.largest),
        room: format!("{} allows {limit} in one", gntdev::LIMIT),
        advice: format!("give at most {limit} pages, or raise the limit there as root"),
    })
}

/// The error of a peer that grants less than the steps map, with what would fit.
pub fn too_few_grants(plan: &Plan, error: Error) -> Error {
    let Error::PeerTooSmall { peer, granted, needed } = error else { return error };
    let largest = plan.needs.largest.max(1) as usize;
    Error::NoRoom {
        needed: format!("{needed} pages of domain {peer}"),
        room: format!("that grants {granted}, enough for {} objects of {largest} pages", granted / largest),
        advice: format!(
            "start its frontend with --pages {needed}, or ask for less with --set; `check` says what the parameters need"
        ),
    }
}

/// Whether the peer grants as much of a dma-buf as the steps map.
pub fn within_dmabuf(plan: &Plan, peer: DomId, granted: usize) -> Result<()> {
    let needed = plan.needs.peer_dmabuf_pages;
    if needed <= granted {
        return Ok(());
    }
    Err(Error::NoRoom {
        needed: format!("{needed} pages of a dma-buf of domain {peer}"),
        room: format!("that grants {granted} such pages"),
        advice: format!("start its frontend with --dmabuf-pages {needed}, or ask for at most {granted} pages with --set"),
    })
}

fn within_cma(needs: &Needs, memory: &Memory) -> Result<()> {
    let (largest, held) = (u64::from(needs.largest_dma), needs.held.dma_pages as u64);
    // Smaller ones also come from elsewhere, and so do all where a page is larger.
    if largest <= LARGEST_BLOCK_PAGES || memory.page_size != 4096 || memory.available.is_none() {
        return Ok(());
    }
    // A kernel without CMA has no such line.
    let cma = memory.cma.unwrap_or(0);
    if held <= cma {
        if let Some(note) = tight_cma(held, memory) {
            say!("note: {note}");
        }
        return Ok(());
    }
    let fit = cma / largest;
    Err(Error::NoRoom {
        needed: format!("{held} pages of DMA buffers at once, of {largest} pages each in one piece"),
        room: format!("CMA has {cma} pages (CmaTotal in /proc/meminfo), enough for {fit} such buffers"),
        advice: format!(
            "ask for at most {fit} with --set, or boot with cma={}M or more",
            (held * memory.page_size).div_ceil(1 << 20)
        ),
    })
}

/// Not everything in CMA that is not free is lost to it: movable pages are migrated away. The kernel does not report how many those are.
fn tight_cma(held: u64, memory: &Memory) -> Option<String> {
    let free = memory.cma_free.filter(|free| held > *free)?;
    Some(format!(
        "{held} pages of DMA buffers are wanted at once, and {free} pages of CMA are free (CmaFree in /proc/meminfo): unless the others \
         can be moved away, an export will fail with ENOMEM, and everything is undone"
    ))
}

fn within_memory(needs: &Needs, memory: &Memory) -> Result<()> {
    let pages = (needs.pages_at_once + needs.own_pages) as u64;
    match memory.available {
        Some(available) if pages > available => Err(Error::NoRoom {
            needed: format!("{pages} pages of memory at once"),
            room: format!("{available} are available (MemAvailable in /proc/meminfo)"),
            advice: format!("ask for at most {available} pages in all with --set, or give the domain more memory"),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Given, Held};

    const MEMINFO: &str = "MemTotal:        1000000 kB\nMemAvailable:     800000 kB\nCmaTotal:          65536 kB\n";

    fn dma(largest: u32, pages: usize) -> Needs {
        Needs { largest_dma: largest, held: Held { dma_pages: pages, ..Held::default() }, ..Needs::default() }
    }

    #[test]
    fn buffers_that_do_not_fit_into_cma_are_refused_with_how_many_would() {
        let memory = Memory::parse(MEMINFO, 4096);
        assert!(within_cma(&dma(8100, 16_200), &memory).is_ok());
        assert!(within_cma(&dma(1024, 100_000), &memory).is_ok(), "small ones need no CMA");
        let refused = within_cma(&dma(8100, 24_300), &memory).unwrap_err();
        insta::assert_snapshot!(refused, @"the scenario needs 24300 pages of DMA buffers at once, of 8100 pages each in one piece, but CMA has 16384 pages (CmaTotal in /proc/meminfo), enough for 2 such buffers: ask for at most 2 with --set, or boot with cma=95M or more; nothing was mapped");
        assert_eq!(tight_cma(15_826, &Memory::parse("CmaFree: 63304 kB\n", 4096)), None);
        assert!(tight_cma(15_827, &Memory::parse("CmaFree: 63304 kB\n", 4096)).is_some_and(|note| note.contains("15826 pages")));
        let without = Memory::parse("MemAvailable: 800000 kB\n", 4096);
        assert!(within_cma(&dma(2025, 2025), &without).unwrap_err().to_string().contains("enough for 0 such buffers"));
    }

    #[test]
    fn more_than_memory_or_the_drivers_limit_is_refused() {
        let memory = Memory::parse(MEMINFO, 4096);
        let pages = |pages_at_once| Needs { pages_at_once, largest: 70_000, ..Needs::default() };
        assert!(within_memory(&pages(200_000), &memory).is_ok());
        insta::assert_snapshot!(within_memory(&pages(200_001), &memory).unwrap_err(), @"the scenario needs 200001 pages of memory at once, but 200000 are available (MemAvailable in /proc/meminfo): ask for at most 200000 pages in all with --set, or give the domain more memory; nothing was mapped");
        insta::assert_snapshot!(within_gntdev(&pages(1), 65_536).unwrap_err(), @"the scenario needs an object of 70000 pages, but /sys/module/xen_gntdev/parameters/limit allows 65536 in one: give at most 65536 pages, or raise the limit there as root; nothing was mapped");
    }

    #[test]
    fn a_peer_that_grants_too_little_is_refused_with_what_would_fit() {
        let text = include_str!("../../scenarios/display-1080p-wc.toml");
        let plan = Plan::read("display-1080p-wc", text, &Given { peer: true, ..Given::default() }).unwrap();
        let needed = u32::try_from(plan.needs.peer_pages).unwrap();
        let refused = too_few_grants(&plan, Error::PeerTooSmall { peer: 1, granted: 4049, needed }).to_string();
        assert!(refused.contains("enough for 1 objects of 2025 pages"), "{refused}");
        assert!(refused.contains(&format!("start its frontend with --pages {needed}")), "{refused}");
        let text = "version = 1\nname = \"n\"\nsummary = \"s\"\nimitates = \"i\"\niterations = 1\n[[workers]]\nname = \"w\"\neach = [\n\
                    { export = \"e\", pages = 256, buffer = \"pages\", source = \"peer_dmabuf\" }, { release = \"e\" }]\n";
        let plan = Plan::read("f", text, &Given { peer: true, ..Given::default() }).unwrap();
        let needed = plan.needs.peer_dmabuf_pages;
        assert!(within_dmabuf(&plan, 1, needed).is_ok());
        let refused = within_dmabuf(&plan, 1, needed - 1).unwrap_err().to_string();
        assert!(refused.contains(&format!("start its frontend with --dmabuf-pages {needed}")), "{refused}");
    }
}
