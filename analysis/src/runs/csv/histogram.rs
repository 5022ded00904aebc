//! The histogram in a cell. Each length in it is checked before anything is made of that length.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::series::Buckets;

/// A histogram of three digits has 56,320 counts, each of at most nine bytes.
const MOST_BYTES: u64 = 1 << 19;
/// How HdrHistogram's V2 compressed form begins, and how long the header is of what is compressed
/// (<https://github.com/HdrHistogram/HdrHistogram_rust>, src/serialization).
pub(super) const COOKIE: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();
pub(super) const HEADER_BYTES: usize = 40;

/// The histogram that a cell has.
pub fn buckets(cell: &str) -> Result<Buckets, String> {
    let damaged = || "no histogram: HdrHistogram's V2 compressed form in base64 was expected".to_owned();
    let packed = STANDARD.decode(cell).map_err(|_| damaged())?;
    let packed = packed.strip_prefix(&COOKIE).and_then(|rest| rest.get(4..)).ok_or_else(damaged)?;
    let mut bytes = Vec::new();
    ZlibDecoder::new(packed).take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|_| damaged())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("a histogram of more counts than one of three digits has".to_owned());
    }
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes);
    let [length, digits] = [word(4), word(12)].map(Option::unwrap_or_default);
    if length as usize != bytes.len().saturating_sub(HEADER_BYTES)
        || digits != 3
        || bytes.get(16..24) != Some(&1_u64.to_be_bytes())
    {
        return Err("a histogram of another length or of other digits than three".to_owned());
    }
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).map_err(|_| damaged())?;
    let mut buckets = Buckets::default();
    for value in histogram.iter_recorded() {
        buckets.record_many(histogram.lowest_equivalent(value.value_iterated_to()), value.count_at_value());
    }
    if buckets.iter().map(|bucket| bucket.count).sum::<u64>() != buckets.count() {
        return Err("a histogram with more operations in one bucket than can be counted".to_owned());
    }
    Ok(buckets)
}
