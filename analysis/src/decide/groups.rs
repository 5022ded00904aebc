//! Comparisons side by side: of each group of runs, and of each two ways in which something was done. They share one error rate, and what a
//! group lacks is a remark.

use std::collections::BTreeMap;

use super::{Comparison, Remark, Rule, Side, compare};
use crate::runs::{Arm, By, Run, RunGroup, Way};

/// Compares two sides, each group of their runs for itself. All verdicts together are wrong with at most this chance.
pub fn compare_groups(by: &[By], [base, head]: [Vec<Run>; 2], rules: &[Rule], error_rate: f64) -> Vec<Comparison> {
    let mut groups: BTreeMap<RunGroup, [Vec<Run>; 2]> = BTreeMap::new();
    for (place, side) in [base, head].into_iter().enumerate() {
        side.into_iter().for_each(|run| groups.entry(RunGroup::of(by, &run)).or_default()[place].push(run));
    }
    let whole = groups.values().filter(|sides| is_whole(sides)).count();
    let error_rate = error_rate / whole.max(1) as f64;
    let each = groups.into_iter().map(|(group, sides)| {
        let names = [name(&sides[0], Side::Base), name(&sides[1], Side::Head)];
        let mut comparison = one(names, &sides, group, rules, error_rate);
        // Nobody can allow that nothing is compared at all.
        comparison.remarks.extend((whole == 0).then_some(Remark::Nothing));
        comparison
    });
    each.collect()
}

/// Compares what was done in different ways, in each group of runs for itself: each two ways that are compared in any of them. All verdicts
/// together are wrong with at most this chance. Empty: nowhere are there two ways.
pub fn compare_ways(arm: Arm, by: &[By], runs: Vec<Run>, rules: &[Rule], error_rate: f64) -> Vec<Comparison> {
    let mut groups: BTreeMap<RunGroup, Vec<Run>> = BTreeMap::new();
    runs.into_iter().for_each(|run| groups.entry(RunGroup::of(by, &run)).or_default().push(run));
    let groups: Vec<_> = groups.into_iter().map(|(group, runs)| (arm.values(&runs), group, runs)).collect();
    let mut pairs: Vec<(Way, Way)> = Vec::new();
    for pair in groups.iter().flat_map(|(ways, ..)| arm.pairs(ways)) {
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let all = || groups.iter().flat_map(|group| pairs.iter().map(move |&(base, head)| (group, [base, head])));
    let whole = all().filter(|((ways, ..), pair)| pair.iter().all(|way| ways.contains(way))).count();
    let error_rate = error_rate / whole.max(1) as f64;
    let each = all().map(|((ways, group, runs), pair)| {
        let of = |way| if ways.contains(&way) { runs.iter().map(|run| arm.only(run, way)).collect() } else { Vec::new() };
        let mut comparison = one(pair.map(|way| arm.shown(way)), &pair.map(of), group.clone(), rules, error_rate);
        comparison.is_of_ways = true;
        // Not every operation is done in every way.
        comparison.remarks.retain(|remark| !matches!(remark, Remark::Missing { .. } | Remark::Unmatched { .. }));
        comparison
    });
    each.collect()
}

fn one(names: [String; 2], sides: &[Vec<Run>; 2], group: RunGroup, rules: &[Rule], error_rate: f64) -> Comparison {
    let [base, head] = sides;
    if is_whole(sides) {
        return Comparison { group, ..compare(names, base, head, rules, error_rate) };
    }
    let lacks = |(side, runs, other): (Side, &Vec<Run>, &Vec<Run>)| {
        runs.is_empty().then(|| Remark::Group { group: group.clone(), side, runs: other.len() })
    };
    let remarks = [(Side::Base, base, head), (Side::Head, head, base)].into_iter().filter_map(lacks).collect();
    let runs = [base.len(), head.len()];
    Comparison { names, rows: Vec::new(), remarks, error_rate, runs, is_of_ways: false, group }
}

fn is_whole(sides: &[Vec<Run>; 2]) -> bool {
    sides.iter().all(|runs| !runs.is_empty())
}

/// What a side is called: as its runs are, if they have one name.
fn name(runs: &[Run], side: Side) -> String {
    let name = runs.first().map_or("", |run| &run.name);
    if name.is_empty() || runs.iter().any(|run| run.name != name) { side.name().to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::decide::Outcome;
    use crate::fixtures::export;
    use crate::recording::Frame;
    use crate::series::Aggregate;

    const ERROR_RATE: f64 = 0.01;

    /// Exports of these kinds on this board.
    fn run(board: &str, kinds: &[Buffer]) -> Run {
        let mut aggregate = Aggregate::default();
        let exports = kinds.iter().flat_map(|&kind| (0..100).map(move |i| export(kind, 10_000 + i)));
        aggregate.add(&Frame::Operations(exports.collect()));
        Run { tags: BTreeMap::from([("board".to_owned(), board.to_owned())]), ..Run::from(&aggregate) }
    }

    fn by_board() -> [By; 1] {
        [By::Tag("board".to_owned())]
    }

    fn wc(boards: &[&str]) -> Vec<Run> {
        boards.iter().map(|board| run(board, &[Buffer::Wc])).collect()
    }

    fn groups(base: &[&str], head: &[&str]) -> Vec<(String, Vec<Remark>, Outcome)> {
        let all = compare_groups(&by_board(), [wc(base), wc(head)], &[Rule::default_one()], ERROR_RATE);
        let allowed = ["group".to_owned()];
        all.into_iter().map(|one| (one.group.to_string(), one.remarks.clone(), one.outcome(&allowed, false))).collect()
    }

    #[test]
    fn groups_share_the_error_rate_and_one_that_gives_no_verdict_takes_nothing_of_it() {
        let rates = |base: &[&str], head: &[&str]| {
            let all = compare_groups(&by_board(), [wc(base), wc(head)], &[Rule::default_one()], ERROR_RATE);
            all.iter().map(|one| (one.rows.len(), one.error_rate)).collect::<Vec<_>>()
        };
        assert_eq!(rates(&["imx", "rcar"], &["imx", "rcar"]), [(1, ERROR_RATE / 2.0); 2]);
        assert_eq!(rates(&["imx", "rcar"], &["imx"]), [(1, ERROR_RATE), (0, ERROR_RATE)]);
    }

    #[test]
    fn a_group_of_one_side_can_be_allowed_but_not_that_all_are() {
        let [imx, rcar] = &groups(&["imx"], &["imx", "rcar", "rcar"])[..] else { panic!("not two groups") };
        assert_eq!((imx.2, &imx.1[..]), (Outcome::Pass, &[][..]));
        let group = RunGroup::of(&by_board(), &run("rcar", &[]));
        assert_eq!((rcar.2, &rcar.1[..]), (Outcome::Pass, &[Remark::Group { group, side: Side::Base, runs: 2 }][..]));
        let apart = groups(&["imx"], &["rcar"]);
        assert!(
            apart.len() == 2
                && apart
                    .iter()
                    .all(|(_, remarks, outcome)| { *outcome == Outcome::Undecided && remarks.contains(&Remark::Nothing) }),
            "{apart:?}"
        );
    }

    #[test]
    fn runs_that_are_mixed_are_said_whichever_side_they_are_on() {
        let remarks = |base: &[&str], head: &[&str]| {
            let all = compare_groups(&[], [wc(base), wc(head)], &[Rule::default_one()], ERROR_RATE);
            all.into_iter().flat_map(|one| one.remarks).map(|remark| remark.name().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(remarks(&["imx", "imx"], &["imx"]), [""; 0]);
        for sides in [[&["imx", "rcar"][..], &["imx", "rcar"]], [&["imx"], &["rcar"]], [&["imx"], &["imx", "rcar"]]] {
            assert_eq!(remarks(sides[0], sides[1]), ["tag_board"], "{sides:?}");
        }
        let untagged = |runs: Vec<Run>| runs.into_iter().map(|run| Run { tags: BTreeMap::new(), ..run });
        let sides =
            |base: Vec<Run>, head| compare_groups(&[], [base, head], &[Rule::default_one()], ERROR_RATE).remove(0).remarks;
        assert_eq!(sides(wc(&["imx"]), untagged(wc(&["imx"])).collect()), [], "it may be the same board");
        let partly = wc(&["imx"]).into_iter().chain(untagged(wc(&["imx"]))).collect();
        assert_eq!(sides(partly, wc(&["imx"])).len(), 1, "one run of a side was given a tag, and the other was not");
    }

    #[test]
    fn each_two_ways_are_compared_in_each_group_and_a_way_that_one_lacks_is_said() {
        let runs = vec![run("imx", &[Buffer::Pages]), run("rcar", &[Buffer::Pages, Buffer::Wc])];
        let all = compare_ways(Arm::Buffer, &by_board(), runs.clone(), &[Rule::default_one()], ERROR_RATE);
        let said: Vec<_> =
            all.iter().map(|one| (one.group.to_string(), one.rows.len(), one.remarks.len(), one.error_rate)).collect();
        assert_eq!(said, [("board=imx".to_owned(), 0, 1, ERROR_RATE), ("board=rcar".to_owned(), 1, 0, ERROR_RATE)]);
        assert!(matches!(all[0].remarks[0], Remark::Group { side: Side::Head, runs: 1, .. }), "{:?}", all[0].remarks);
        assert!(compare_ways(Arm::Buffer, &[], runs[..1].to_vec(), &[], ERROR_RATE).is_empty());
    }
}
