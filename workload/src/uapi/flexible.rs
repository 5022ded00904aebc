//! Arguments that end in an array "of one element", allocated with as many as the call needs.

use std::marker::PhantomData;

/// An ioctl argument whose last field is a one-element array that user space extends.
///
/// # Safety
///
/// The implementor is `repr(C)`, has no invalid bit patterns, is aligned to at most 8 bytes, and
/// its array of `Element` starts `ARRAY_OFFSET` bytes in; `Element` has no invalid bit patterns
/// either.
pub unsafe trait FlexibleHeader: Copy {
    /// What the array holds.
    type Element: Copy;
    /// Where the array starts.
    const ARRAY_OFFSET: usize;
}

/// An owned, correctly aligned argument of type `H` followed by the rest of its array.
pub struct Flexible<H: FlexibleHeader> {
    words: Box<[u64]>,
    len: usize,
    header: PhantomData<H>,
}

impl<H: FlexibleHeader> Flexible<H> {
    /// The header as given, then `elements` written over its array.
    pub fn new(header: H, elements: &[H::Element]) -> Self {
        let array_bytes = size_of_val(elements);
        // The kernel copies the one-element struct whatever the count says, so the allocation is
        // never smaller than that.
        let bytes = (H::ARRAY_OFFSET + array_bytes).max(size_of::<H>());
        let mut words = vec![0u64; bytes.div_ceil(8)].into_boxed_slice();
        let base = words.as_mut_ptr().cast::<u8>();
        // SAFETY: `words` holds at least `size_of::<H>()` bytes and at least
        // `ARRAY_OFFSET + array_bytes`, both by the computation of `bytes`; it is aligned to 8, as
        // the trait requires; source and destination do not overlap.
        unsafe {
            base.cast::<H>().write(header);
            std::ptr::copy_nonoverlapping(elements.as_ptr().cast::<u8>(), base.add(H::ARRAY_OFFSET), array_bytes);
        }
        Self { words, len: elements.len(), header: PhantomData }
    }

    /// What the ioctl is given. The kernel may write through it as far as the array goes.
    pub fn as_mut_ptr(&mut self) -> *mut H {
        self.words.as_mut_ptr().cast()
    }

    /// The header as it is now: after the call, with what the kernel filled in.
    pub fn header(&self) -> H {
        // SAFETY: `new` wrote a whole `H` there, and `H` has no invalid bit patterns.
        unsafe { self.words.as_ptr().cast::<H>().read() }
    }

    /// The array as it is now.
    pub fn elements(&self) -> &[H::Element] {
        // SAFETY: `new` allocated `len` elements from `ARRAY_OFFSET` on, all initialised; offset
        // and base are aligned to the element, because `H` contains an array of it there.
        unsafe {
            let start = self.words.as_ptr().cast::<u8>().add(H::ARRAY_OFFSET);
            std::slice::from_raw_parts(start.cast(), self.len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi::gntalloc::AllocGref;
    use crate::uapi::gntdev::{MapGrantRef, Reference};

    fn alloc_header(count: u32) -> AllocGref {
        AllocGref { domid: 1, flags: 1, count, index: 0, gref_ids: [0] }
    }

    #[test]
    fn elements_follow_the_header_where_the_kernel_looks_for_them() {
        let references: Vec<_> = (0..5).map(|i| Reference { domid: 1, reference: 8 + i }).collect();
        let header = MapGrantRef { count: 5, pad: 0, index: 77, refs: [Reference { domid: 0, reference: 0 }] };
        let mut argument = Flexible::new(header, &references);
        assert_eq!(argument.header().count, 5);
        assert_eq!(argument.header().index, 77);
        assert_eq!(argument.elements(), references);

        let base = argument.as_mut_ptr().cast::<u32>();
        // SAFETY: byte 16 + 4·8 + 4 lies inside the five 8-byte elements that start at byte 16.
        let last_reference = unsafe { base.add((16 + 4 * 8 + 4) / 4).read() };
        assert_eq!(last_reference, 12);
    }

    #[test]
    fn an_empty_array_still_has_room_for_the_whole_struct_the_kernel_copies() {
        let argument = Flexible::<AllocGref>::new(alloc_header(0), &[]);
        assert!(argument.words.len() * 8 >= size_of::<AllocGref>());
        assert!(argument.elements().is_empty());
    }

    #[test]
    fn what_the_kernel_writes_into_the_array_is_read_back() {
        let mut argument = Flexible::new(alloc_header(3), &[0; 3]);
        let base = argument.as_mut_ptr().cast::<u32>();
        // SAFETY: three 4-byte elements start at byte 16 of this argument.
        unsafe { base.add(4 + 2).write(4242) };
        assert_eq!(argument.elements(), [0, 0, 4242]);
    }
}
