//! The directory: a channel by which a backend learns which references it may map, without xenstore.
//!
//! The frontend grants one or more pages that hold nothing but references, chained like those of
//! Linux's `xen-front-pgdir-shbuf`. A backend that knows the first one's reference finds all
//! others. Words are 32 bits in the machine's byte order, and only the first 4 KiB of a page are
//! used, whatever the page size:
//!
//! | word | holds |
//! | --- | --- |
//! | 0 | [`MAGIC`]; stored last, so that a page which shows it is complete |
//! | 1 | [`VERSION`] |
//! | 2 | how many references there are in all pages together |
//! | 3 | how many in this page |
//! | 4 | the reference of the next directory page; 0: this is the last |
//! | 5 | which of all references this page's first one is |
//! | 6 | how many of all references, the last ones, are pages of a dma-buf that the frontend imported; 0: none |
//! | 7 | the reference of the page where the frontend takes requests ([`super::requests`]); 0: it takes none |
//! | 8 | the frontend's end of the event channel for them |
//! | 9 to 15 | 0 |
//! | 16 … | the references |
//!
//! The shared pages themselves are filled with their own number: page *i* holds the word *i* over
//! and over ([`super::fill_word`]).

use crate::uapi::{GRANTED_BYTES, GrantRef};

use super::RequestPage;

/// "GSDR": says that a page is a directory, and ready.
pub const MAGIC: u32 = u32::from_le_bytes(*b"GSDR");
/// Of the layout.
pub const VERSION: u32 = 2;
/// How many words a page has.
pub const WORDS: usize = GRANTED_BYTES / 4;
/// How many references fit in one.
pub const REFERENCES_PER_PAGE: usize = WORDS - FIRST_REFERENCE;
/// Where they start.
const FIRST_REFERENCE: usize = 16;

/// One directory page as words.
pub type Words = [u32; WORDS];

/// How many directory pages are needed for `references`.
pub fn pages_for(references: usize) -> usize {
    references.div_ceil(REFERENCES_PER_PAGE).max(1)
}

/// The contents of the directory pages whose own references are `own`, for `references`, of which the last `dmabuf` are a
/// dma-buf's, of a frontend that takes requests at `requests`.
///
/// # Panics
///
/// If `own` is not as long as [`pages_for`] says.
pub fn encode(own: &[GrantRef], references: &[GrantRef], dmabuf: usize, requests: Option<RequestPage>) -> Vec<Words> {
    assert_eq!(own.len(), pages_for(references.len()), "one reference per directory page");
    (0..own.len())
        .map(|number| {
            let first = number * REFERENCES_PER_PAGE;
            let last = references.len().min(first + REFERENCES_PER_PAGE);
            let here = &references[first..last];
            let mut words = [0; WORDS];
            words[0] = MAGIC;
            words[1] = VERSION;
            words[2] = references.len() as u32;
            words[3] = here.len() as u32;
            words[4] = own.get(number + 1).copied().unwrap_or(0);
            words[5] = first as u32;
            words[6] = dmabuf as u32;
            words[7] = requests.map_or(0, |requests| requests.reference);
            words[8] = requests.map_or(0, |requests| requests.port);
            words[FIRST_REFERENCE..FIRST_REFERENCE + here.len()].copy_from_slice(here);
            words
        })
        .collect()
}

/// One directory page, read.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// How many references there are in all.
    pub total: usize,
    /// Those in this page.
    pub references: Vec<GrantRef>,
    /// Where the directory goes on.
    pub next: Option<GrantRef>,
    /// How many of all references, the last ones, are a dma-buf's.
    pub dmabuf: usize,
    /// Where the frontend takes requests.
    pub requests: Option<RequestPage>,
}

/// Why a page is not part of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is another page, or not ready yet.
    #[error("it does not start with the directory's magic number")]
    NoMagic,
    /// Its layout is not the one known here.
    #[error("it has version {0}, and this program knows version {VERSION} only: use the same build in both domains")]
    Version(u32),
    /// Its counts contradict each other or what was read before.
    #[error("its counts make no sense (total {total}, here {here}, first {first})")]
    Counts {
        /// Word 2.
        total: u32,
        /// Word 3.
        here: u32,
        /// Word 5.
        first: u32,
    },
}

/// Reads a page by its words; `already` references came from pages before it.
///
/// # Errors
/// It is not a page of a directory, or not the one that follows.
pub fn decode(word: impl Fn(usize) -> u32, already: usize) -> Result<Page, Broken> {
    if word(0) != MAGIC {
        return Err(Broken::NoMagic);
    }
    if word(1) != VERSION {
        return Err(Broken::Version(word(1)));
    }
    // Read once each: the other domain can change the memory.
    let (total, here, next, first, dmabuf) = (word(2), word(3), word(4), word(5), word(6));
    let (reference, port) = (word(7), word(8));
    let after = already + here as usize;
    let consistent = here as usize <= REFERENCES_PER_PAGE
        && here > 0
        && first as usize == already
        && dmabuf <= total
        && if next == 0 { after == total as usize } else { after < total as usize };
    if !consistent {
        return Err(Broken::Counts { total, here, first });
    }
    let references = (0..here as usize).map(|i| word(FIRST_REFERENCE + i)).collect();
    let next = (next != 0).then_some(next);
    let requests = (reference != 0).then_some(RequestPage { reference, port });
    Ok(Page { total: total as usize, references, next, dmabuf: dmabuf as usize, requests })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: RequestPage = RequestPage { reference: 10, port: 7 };

    fn decode_words(words: &Words, already: usize) -> Result<Page, Broken> {
        decode(|index| words[index], already)
    }

    #[test]
    fn what_is_encoded_is_decoded_over_several_pages() {
        let references: Vec<GrantRef> = (100..100 + 2025).collect();
        let pages = encode(&[8, 9, 10], &references, 25, Some(REQUESTS));
        let first = decode_words(&pages[0], 0).unwrap();
        assert_eq!((first.total, first.references.len(), first.next, first.dmabuf), (2025, 1008, Some(9), 25));
        assert_eq!(first.requests, Some(REQUESTS));
        let second = decode_words(&pages[1], first.references.len()).unwrap();
        assert_eq!((second.references.len(), second.next), (1008, Some(10)));
        let third = decode_words(&pages[2], 2016).unwrap();
        assert_eq!(third.next, None);
        assert_eq!([first.references, second.references, third.references].concat(), references);
    }

    #[test]
    fn the_number_of_pages_changes_exactly_when_one_is_full() {
        assert_eq!(pages_for(1), 1);
        assert_eq!(pages_for(REFERENCES_PER_PAGE), 1);
        assert_eq!(pages_for(REFERENCES_PER_PAGE + 1), 2);
        assert_eq!(pages_for(2025), 3);
    }

    #[test]
    fn a_zeroed_page_is_not_yet_a_directory() {
        assert_eq!(decode_words(&[0; WORDS], 0), Err(Broken::NoMagic));
    }

    #[test]
    fn counts_that_contradict_each_other_are_refused() {
        let good = encode(&[8], &[20, 21, 22], 0, None)[0];
        assert_eq!(decode_words(&good, 0).unwrap().requests, None);
        // (word, value): each alone breaks the page.
        for (word, value) in [(2, 4), (2, 2), (3, 0), (3, 4000), (4, 9), (5, 1), (6, 4)] {
            let mut words = good;
            words[word] = value;
            assert!(matches!(decode_words(&words, 0), Err(Broken::Counts { .. })), "word {word} = {value}");
        }
        assert!(decode_words(&good, 1).is_err(), "a page read twice");
    }

    #[test]
    fn another_version_is_named() {
        let mut words = encode(&[8], &[20], 0, None)[0];
        words[1] = 7;
        assert_eq!(decode_words(&words, 0), Err(Broken::Version(7)));
    }
}
