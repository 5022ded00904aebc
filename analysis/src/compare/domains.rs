//! Which domains are compared with which.

use std::collections::{BTreeMap, BTreeSet};

use super::{KINDS, Row};
use crate::series::Domain;

/// One comparison: what each side has in it, and in which domain; `None`: nothing.
pub type Pairing<T, const SIDES: usize> = [Option<(Domain, T)>; SIDES];

/// Pairs what the sides have of one series.
///
/// Domains are numbered anew when they start: dom1 of yesterday may be dom7 today, and one buffer kind may be of another domain than
/// the next. So where every side has only one domain, these are compared whatever their numbers; the comparison is then of
/// [`Domain::Any`] if they differ. A side with several domains shows that the number does matter: each domain is compared with itself.
pub fn pair<T, const SIDES: usize>(mut sides: [BTreeMap<Domain, T>; SIDES]) -> Vec<(Domain, Pairing<T, SIDES>)> {
    let domains: BTreeSet<Domain> = sides.iter().flat_map(|side| side.keys().copied()).collect();
    if sides.iter().all(|side| side.len() <= 1) {
        let domain = match domains.first() {
            None => return Vec::new(),
            Some(&only) if domains.len() == 1 => only,
            Some(_) => Domain::Any,
        };
        return vec![(domain, sides.map(|mut side| side.pop_first()))];
    }
    let of = |domain: Domain, side: &mut BTreeMap<Domain, T>| side.remove_entry(&domain);
    domains.into_iter().map(|domain| (domain, sides.each_mut().map(|side| of(domain, side)))).collect()
}

/// Operations whose kinds are compared although they are of different domains, each with these: `export (pages dom0, wc dom1)`.
pub fn across_domains(rows: &[Row]) -> Vec<String> {
    let apart = rows.iter().filter(|row| row.subject.domain == Domain::Any && row.kinds() > 1);
    let mut all: Vec<String> = apart.map(|row| format!("{} ({})", row.name(), kinds(row))).collect();
    // Page counts stand next to each other, and mostly have the same domains.
    all.dedup();
    all
}

fn kinds(row: &Row) -> String {
    let kinds = KINDS.iter().zip(&row.cells).filter_map(|(kind, cell)| Some((kind, cell.as_ref()?)));
    kinds.map(|(kind, cell)| format!("{} {}", kind.name(), cell.domain)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paired(sides: [&[(Option<u16>, char)]; 2]) -> Vec<(Domain, [Option<char>; 2])> {
        let sides = sides.map(|side| side.iter().map(|&(domid, what)| (Domain::of(domid), what)).collect());
        pair(sides).into_iter().map(|(domain, sides)| (domain, sides.map(|side| side.map(|(_, what)| what)))).collect()
    }

    #[test]
    fn a_domain_that_has_another_number_after_its_reboot_is_still_compared() {
        assert_eq!(paired([&[(Some(1), 'a')], &[(Some(7), 'b')]]), [(Domain::Any, [Some('a'), Some('b')])]);
        assert_eq!(paired([&[(Some(1), 'a')], &[(Some(1), 'b')]]), [(Domain::Exactly(1), [Some('a'), Some('b')])]);
        assert_eq!(paired([&[(None, 'a')], &[(Some(1), 'b')]]), [(Domain::Any, [Some('a'), Some('b')])]);
    }

    #[test]
    fn where_a_side_has_several_domains_each_is_compared_with_itself_alone() {
        let expected = [(Domain::Exactly(0), [Some('a'), None]), (Domain::Exactly(1), [Some('b'), Some('c')])];
        assert_eq!(paired([&[(Some(0), 'a'), (Some(1), 'b')], &[(Some(1), 'c')]]), expected);
    }

    #[test]
    fn a_side_that_has_nothing_has_no_domain() {
        assert_eq!(paired([&[(Some(3), 'a')], &[]]), [(Domain::Exactly(3), [Some('a'), None])]);
        assert_eq!(paired([&[], &[]]), []);
    }
}
