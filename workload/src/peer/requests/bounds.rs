//! How much a frontend holds for a backend, which is another domain's and may ask for anything.

use nix::errno::Errno;

use super::Request;
use crate::error::{Error, Result};
use crate::uapi::gntdev::IMPORT_PAGES_END;

/// Objects: each raised limit is a record in the undo journal, which has a bound of its own.
const MOST_OBJECTS: usize = 4096;
/// Imports: each keeps two descriptors open, its device's and its buffer's, of the 1,024 that a process has by default.
const MOST_IMPORTS: usize = 256;
/// Pages of all objects: as many as one may have, 256 MiB.
const MOST_PAGES: usize = IMPORT_PAGES_END;
/// Grants that can still be looked at, of which each keeps a pipe open. The oldest are forgotten.
pub(super) const MOST_LOOKED_AT: usize = 64;
/// Refused requests that are explained on standard error, which may be a file.
pub(super) const MOST_EXPLAINED: u32 = 1000;

/// What is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub objects: usize,
    pub imports: usize,
    pub pages: usize,
}

impl Held {
    /// The pages of a request, if there is room for it.
    ///
    /// # Errors
    /// It is for more than a scenario file may ask for, where an import of more would corrupt the kernel; or too much is held.
    pub fn room_for(self, request: Request) -> Result<usize> {
        let refused = |on: String, errno| Err(Error::Call { call: "a request", on, errno });
        let pages = match request.pages() as usize {
            pages @ 1..IMPORT_PAGES_END => pages,
            pages => return refused(format!("for {pages} pages"), Errno::EINVAL),
        };
        let is_import = matches!(request, Request::Import { .. });
        if self.objects >= MOST_OBJECTS || (is_import && self.imports >= MOST_IMPORTS) || self.pages + pages > MOST_PAGES {
            let Self { objects, imports, pages: held } = self;
            return refused(format!("for {pages} pages beside {held} of {objects} objects, {imports} imported"), Errno::ENOSPC);
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Memory;

    fn answer(held: Held, request: Request) -> Result<usize, Errno> {
        held.room_for(request).map_err(|error| error.errno().unwrap())
    }

    #[test]
    fn a_request_is_for_as_many_pages_as_a_scenario_may_ask_for() {
        let grant = |pages| answer(Held::default(), Request::Grant { pages, looks: 0 });
        assert_eq!((grant(1), grant(65_535)), (Ok(1), Ok(65_535)));
        assert_eq!((grant(0), grant(65_536), grant(u32::MAX)), (Err(Errno::EINVAL), Err(Errno::EINVAL), Err(Errno::EINVAL)));
    }

    #[test]
    fn what_one_backend_holds_has_a_bound() {
        let (grant, import) = (Request::Grant { pages: 2, looks: 0 }, Request::Import { pages: 2, from: Memory::Udmabuf });
        let full = |held| (answer(held, grant).is_err(), answer(held, import).is_err());
        let fits = Held { objects: MOST_OBJECTS - 1, imports: MOST_IMPORTS - 1, pages: MOST_PAGES - 2 };
        assert_eq!(full(fits), (false, false));
        assert_eq!(full(Held { objects: MOST_OBJECTS, ..fits }), (true, true));
        assert_eq!(full(Held { imports: MOST_IMPORTS, ..fits }), (false, true));
        assert_eq!(full(Held { pages: MOST_PAGES - 1, ..fits }), (true, true));
        assert_eq!(answer(Held { pages: MOST_PAGES, ..fits }, grant), Err(Errno::ENOSPC));
    }
}
