//! Finds circles of arrows, and of each the arrow that is the least work to turn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// From a file to another one, and how many items it takes.
pub type Arrow = (String, String, usize);

/// A circle.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// The files along it; the last is the first again.
    pub files: Vec<String>,
    /// The arrow to turn, from and to: one that leads up to a parent if there is one, else one that takes few items.
    pub turn: (String, String),
}

/// Circles, each with the arrow whose turning opens it, until none would be left. A short circle comes before a long one.
pub fn circles(arrows: BTreeSet<Arrow>) -> Vec<Circle> {
    let mut weights: BTreeMap<(String, String), usize> =
        arrows.into_iter().map(|(from, to, items)| ((from, to), items)).collect();
    let mut found = Vec::new();
    while let Some(files) = shortest(&weights) {
        let along = files.windows(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        let Some(turn) = along.min_by_key(|arrow| (!leads_up(arrow), weights[arrow], arrow.clone())) else { break };
        weights.remove(&turn);
        found.push(Circle { files, turn });
    }
    found
}

/// Whether an arrow leads from a file to the one that declares its folder: what a child takes of its parent's can have a file beside
/// the child, and the parent goes on using its children.
pub fn leads_up((from, to): &(String, String)) -> bool {
    let folder = to.strip_suffix("mod.rs").or_else(|| to.strip_suffix("lib.rs")).or_else(|| to.strip_suffix("main.rs"));
    folder.is_some_and(|folder| from.starts_with(folder))
}

fn shortest(weights: &BTreeMap<(String, String), usize>) -> Option<Vec<String>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in weights.keys() {
        next.entry(from).or_default().push(to);
    }
    next.keys().filter_map(|file| back_to(file, &next)).min_by_key(Vec::len)
}

/// The shortest way from a file back to it.
fn back_to(start: &str, next: &BTreeMap<&str, Vec<&str>>) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(at) = waiting.pop_front() {
        for &to in next.get(at).into_iter().flatten() {
            if to == start {
                let mut way = vec![start, at];
                while let Some(&before) = way.last().and_then(|file| came_from.get(file)) {
                    way.push(before);
                }
                // A way of one step is the start, where nothing was passed.
                let mut way: Vec<String> = way.into_iter().map(str::to_owned).collect();
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(to) {
                came_from.insert(to, at);
                waiting.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(list: &[(&str, &str, usize)]) -> BTreeSet<Arrow> {
        list.iter().map(|&(from, to, items)| (from.to_owned(), to.to_owned(), items)).collect()
    }

    #[test]
    fn every_circle_is_opened_by_its_lightest_arrow_the_short_ones_first() {
        let found = circles(arrows(&[("a", "b", 3), ("b", "c", 2), ("c", "a", 5), ("a", "d", 1), ("d", "a", 4)]));
        let turned: Vec<_> = found.iter().map(|circle| (circle.files.join(" "), circle.turn.0.as_str())).collect();
        assert_eq!(turned, [("a d a".to_owned(), "a"), ("a b c a".to_owned(), "b")]);
    }

    #[test]
    fn of_a_parent_and_a_child_the_childs_arrow_is_turned_however_much_it_takes() {
        let found = circles(arrows(&[("src/p/mod.rs", "src/p/a.rs", 1), ("src/p/a.rs", "src/p/mod.rs", 9)]));
        assert_eq!(found[0].turn, ("src/p/a.rs".to_owned(), "src/p/mod.rs".to_owned()));
    }

    #[test]
    fn arrows_that_lead_one_way_are_no_circle() {
        assert!(circles(arrows(&[("a", "b", 1), ("a", "c", 1), ("b", "c", 1)])).is_empty());
    }
}
