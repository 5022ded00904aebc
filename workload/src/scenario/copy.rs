//! Grant copies: the alternative to mapping, in batches.

use crate::device::{GntDev, Segment};
use crate::error::{Error, Result};
use crate::peer::fill_word;
use crate::stop;
use crate::truth::{Log, Phase};
use crate::uapi::GRANTED_BYTES;

use super::Options;
use super::pages::{Shared, with_shared_pages};

/// Copies every page in and out again, unchanged, so that the pages keep what their owner wrote.
pub fn run(log: &Log, options: &Options) -> Result<()> {
    with_shared_pages(log, options, |shared| {
        for &pages in &options.pages {
            let mut memory = vec![0; pages as usize * GRANTED_BYTES];
            let (warmup, counted) = (options.warmup, options.iterations_at(pages));
            for iteration in 0..warmup + counted {
                stop::check()?;
                log.enter(if iteration < warmup { Phase::Warmup } else { Phase::Run });
                let device = GntDev::open(log)?;
                options.pause();
                copy_in(&device, shared, &mut memory)?;
                options.pause();
                copy_out(&device, shared, &memory)?;
            }
            eprintln!("copy: {pages} segments: {warmup} warm-up and {counted} counted iterations");
        }
        Ok(())
    })
}

fn copy_in(device: &GntDev<'_>, shared: Shared<'_>, memory: &mut [u8]) -> Result<()> {
    let segments = memory
        .chunks_exact_mut(GRANTED_BYTES)
        .zip(shared.references)
        .map(|(target, &reference)| Segment::read(shared.domain, reference, 0, target))
        .collect::<Result<Vec<_>>>()?;
    expect_copied(&device.copy(segments)?)?;
    let pages = memory.len() / GRANTED_BYTES;
    for (page, contents) in memory.chunks_exact(GRANTED_BYTES).enumerate() {
        let found = u32::from_ne_bytes([contents[0], contents[1], contents[2], contents[3]]);
        let expected = fill_word(page);
        if found != expected {
            return Err(Error::WrongContents { page, pages, found, expected });
        }
    }
    Ok(())
}

fn copy_out(device: &GntDev<'_>, shared: Shared<'_>, memory: &[u8]) -> Result<()> {
    let segments = memory
        .chunks_exact(GRANTED_BYTES)
        .zip(shared.references)
        .map(|(source, &reference)| Segment::write(shared.domain, reference, 0, source))
        .collect::<Result<Vec<_>>>()?;
    expect_copied(&device.copy(segments)?)
}

fn expect_copied(outcomes: &[i16]) -> Result<()> {
    match outcomes.iter().position(|&status| status != 0) {
        None => Ok(()),
        Some(segment) => Err(Error::CopyRefused { segment, status: outcomes[segment] }),
    }
}
