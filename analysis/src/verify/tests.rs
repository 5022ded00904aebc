//! The judge must find every kind of difference: each test plants one.

use grantscope_wire::{Buffer, Cause, HookId, LossKind, Op};

use super::truth::Teardowns;
use super::*;
use crate::fixtures::export;
use crate::model::{Detail, Environment, LossCounter, LossReport, Operation, Outcome};
use crate::recording::Frame;
use crate::series::Aggregate;

fn operation(start_ns: u64, duration_ns: u64) -> Operation {
    Operation { start_ns, ..export(Buffer::Wc, duration_ns) }
}

fn truth(calls: &str, how: &str) -> Truth {
    let columns = r#"["op","buffer","pages","outcome","phase","tid","start_ns","duration_ns"]"#;
    let contains = r#"{"prime_import":["attach","attachment_map"]}"#;
    let json = format!(
        r#"{{"format":"grantscope-truth","version":1,"ending":{{"how":"{how}"}},"contains":{contains},"columns":{columns},"calls":[{calls}]}}"#
    );
    Truth::parse(&json).expect("a truth of the right shape")
}

/// One export, called at 90 and back at 210.
const CALL: &str = r#"["export","wc",16,"ok","run",7,90,120]"#;

fn verdict(operations: Vec<Operation>, loss: LossReport, truth: &Truth) -> Vec<String> {
    let mut aggregate = Aggregate::default();
    aggregate.add(&Frame::Environment(Environment::default()));
    aggregate.add(&Frame::Operations(operations.clone()));
    aggregate.add(&Frame::Loss(loss));
    aggregate.add(&Frame::End { at_ns: 300 });
    judge(&aggregate, &operations, truth).differences.iter().map(ToString::to_string).collect()
}

#[test]
fn a_call_that_makes_more_than_a_call_can_is_refused() {
    let truth = |operations: usize| {
        let several = vec![r#""attach""#; operations].join(",");
        Truth::parse(&format!(
            r#"{{"format":"grantscope-truth","version":1,"ending":{{"how":"complete"}},"contains":{{"all":[{several}]}},"columns":["op","buffer","pages","outcome","phase","tid","start_ns","duration_ns"],"calls":[]}}"#
        ))
    };
    assert!(truth(64).is_ok());
    let refused = truth(65).unwrap_err().to_string();
    assert_eq!(refused, "the truth file says that the call all makes 65 operations, of which no call makes more than 64");
}

#[test]
fn an_operation_within_its_call_agrees() {
    assert_eq!(verdict(vec![operation(100, 100)], LossReport::default(), &truth(CALL, "complete")), [""; 0]);
}

#[test]
fn what_several_generators_did_is_judged_together() {
    let second = r#"["export","wc",16,"ok","run",7,290,120]"#;
    let all = |hows: [&str; 2]| Truth::of_all([truth(CALL, hows[0]), truth(second, hows[1])]).unwrap();
    let operations = || vec![operation(100, 100), operation(300, 100)];
    assert_eq!(verdict(operations(), LossReport::default(), &all(["complete"; 2])), [""; 0]);
    for hows in [["complete", "interrupted"], ["interrupted", "complete"]] {
        let found = verdict(operations(), LossReport::default(), &all(hows));
        assert_eq!(found, ["the workload did not finish: see `ending` in the truth file"]);
    }
}

#[test]
fn teardowns_that_one_generator_did_not_count_are_known_of_none() {
    let mut counting = truth(CALL, "complete");
    counting.teardowns = Some(vec![Teardowns { buffer: "wc".into(), pages: 16, count: 1 }]);
    let both = Truth::of_all([counting.clone(), counting.clone()]).unwrap();
    assert_eq!(both.teardowns.unwrap().len(), 2);
    assert!(Truth::of_all([counting, truth(CALL, "complete")]).unwrap().teardowns.is_none());
}

#[test]
fn a_missing_operation_is_found() {
    let found = verdict(vec![], LossReport::default(), &truth(CALL, "complete"));
    assert_eq!(found, ["export wc 16 pages ok: recorded 0, truth 1"]);
}

#[test]
fn an_operation_that_no_one_asked_for_is_found() {
    let found = verdict(vec![operation(100, 100)], LossReport::default(), &truth("", "complete"));
    assert_eq!(
        found,
        [
            "export wc 16 pages ok: recorded 1, truth 0",
            "export wc 16 pages ok at 100 ns for 100 ns in thread 7 does not lie within its call (there is none)"
        ]
    );
}

#[test]
fn an_operation_longer_than_its_call_is_found() {
    let found = verdict(vec![operation(100, 111)], LossReport::default(), &truth(CALL, "complete"));
    assert_eq!(found, ["export wc 16 pages ok at 100 ns for 111 ns in thread 7 does not lie within its call (90 ns for 120 ns)"]);
}

/// One call that makes two operations, at 90 and back at 210.
const PRIME_IMPORT: &str = r#"["prime_import","wc",16,"ok","run",7,90,120]"#;

/// As `operation`, but another one.
fn other_operation(op: Op, start_ns: u64, duration_ns: u64) -> Operation {
    Operation { op, ..operation(start_ns, duration_ns) }
}

#[test]
fn a_call_of_several_operations_agrees_if_each_of_them_lies_within_it() {
    let both = vec![other_operation(Op::Attach, 100, 40), other_operation(Op::AttachmentMap, 150, 60)];
    assert_eq!(verdict(both, LossReport::default(), &truth(PRIME_IMPORT, "complete")), [""; 0]);
}

#[test]
fn a_missing_operation_of_a_call_of_several_is_found() {
    let one = vec![other_operation(Op::AttachmentMap, 150, 61)];
    assert_eq!(
        verdict(one, LossReport::default(), &truth(PRIME_IMPORT, "complete")),
        [
            "attach wc 16 pages ok: recorded 0, truth 1",
            "attachment_map wc 16 pages ok at 150 ns for 61 ns in thread 7 does not lie within its call (90 ns for 120 ns)"
        ]
    );
}

#[test]
fn a_failed_call_of_several_operations_made_none() {
    let failed = PRIME_IMPORT.replace("ok", "EINVAL");
    assert_eq!(verdict(vec![], LossReport::default(), &truth(&failed, "complete")), [""; 0]);
    let attached = vec![other_operation(Op::Attach, 100, 40)];
    assert_eq!(
        verdict(attached, LossReport::default(), &truth(&failed, "complete")),
        [
            "attach wc 16 pages ok: recorded 1, truth 0",
            "attach wc 16 pages ok at 100 ns for 40 ns in thread 7 does not lie within its call (there is none)"
        ]
    );
}

#[test]
fn stages_that_do_not_add_up_are_found() {
    let mut wrong = operation(100, 100);
    wrong.stages[0].self_ns = 99;
    let found = verdict(vec![wrong], LossReport::default(), &truth(CALL, "complete"));
    assert_eq!(found, ["export wc 16 pages ok at 100 ns for 100 ns in thread 7: its stages add up to 99 ns"]);
}

#[test]
fn any_loss_is_found() {
    let counters = vec![LossCounter { hook: HookId::GntdevIoctl, kind: LossKind::RingFull, count: 3 }];
    let found = verdict(vec![operation(100, 100)], LossReport { at_ns: 200, counters }, &truth(CALL, "complete"));
    assert_eq!(found, ["lost: 3 × ring_full at gntdev_ioctl"]);
}

#[test]
fn a_workload_that_did_not_finish_is_found() {
    let found = verdict(vec![operation(100, 100)], LossReport::default(), &truth(CALL, "interrupted"));
    assert_eq!(found, ["the workload did not finish: see `ending` in the truth file"]);
}

#[test]
fn many_differences_of_one_kind_are_counted_not_listed() {
    let operations = (0..20).map(|_| operation(100, 111)).collect();
    let found = verdict(operations, LossReport::default(), &truth(CALL, "complete"));
    assert_eq!(found.last().map(String::as_str), Some("… and 12 more like this"));
}

#[test]
fn a_truth_file_of_another_version_is_refused() {
    let error = Truth::parse(r#"{"format":"grantscope-truth","version":2,"ending":{"how":"complete"},"columns":[],"calls":[]}"#)
        .unwrap_err();
    assert!(error.to_string().starts_with("truth file of format grantscope-truth version 2"), "{error}");
}

/// A truth with causes.
fn truth_with_causes(calls: &str) -> Truth {
    let columns = r#"["op","buffer","pages","outcome","phase","tid","start_ns","duration_ns","cause","statuses"]"#;
    let json = format!(
        r#"{{"format":"grantscope-truth","version":1,"ending":{{"how":"complete"}},"columns":{columns},"calls":[{calls}]}}"#
    );
    Truth::parse(&json).expect("a truth of the right shape")
}

fn refused(details: Vec<Detail>) -> Operation {
    Operation { outcome: Outcome::Errno(22), details, ..operation(100, 100) }
}

#[test]
fn another_cause_or_another_status_is_found() {
    let truth = truth_with_causes(r#"["export","wc",16,"EINVAL","run",7,90,120,"grants_refused","bad_domain:1;bad_gntref:2"]"#);
    let statuses = [Detail::Status { status: -3, count: 2 }, Detail::Status { status: -2, count: 1 }];
    let right = refused([&[Detail::Cause(Cause::GrantsRefused)][..], &statuses].concat());
    assert_eq!(verdict(vec![right], LossReport::default(), &truth), [""; 0]);
    let wrong = refused([&[Detail::Cause(Cause::P2mFailed)][..], &statuses[..1]].concat());
    assert_eq!(
        verdict(vec![wrong], LossReport::default(), &truth),
        [
            "export wc 16 pages EINVAL, cause grants_refused, refused bad_domain:1;bad_gntref:2: recorded 0, truth 1",
            "export wc 16 pages EINVAL, cause p2m_failed, refused bad_gntref:2: recorded 1, truth 0"
        ]
    );
}

#[test]
fn domains_are_summed_because_a_truth_file_does_not_know_them_all() {
    let of = |domid, start_ns| Operation { domid, ..operation(start_ns, 100) };
    let calls = [CALL, r#"["export","wc",16,"ok","run",7,290,120]"#, r#"["export","wc",16,"ok","run",7,490,120]"#].join(",");
    let operations = vec![of(Some(0), 100), of(Some(1), 300), of(None, 500)];
    assert_eq!(verdict(operations.clone(), LossReport::default(), &truth(&calls, "complete")), [""; 0]);
    let found = verdict(operations, LossReport::default(), &truth(CALL, "complete"));
    assert_eq!(found[0], "export wc 16 pages ok: recorded 3, truth 1");
}

#[test]
fn a_success_with_a_cause_is_found_whatever_the_truth_says() {
    let wrong = Operation { details: vec![Detail::Cause(Cause::StillHeld)], ..operation(100, 100) };
    let found = verdict(vec![wrong], LossReport::default(), &truth(CALL, "complete"));
    assert_eq!(
        found,
        [
            "export wc 16 pages ok, cause none, refused none: recorded 0, truth 1",
            "export wc 16 pages ok, cause still_held, refused none: recorded 1, truth 0"
        ]
    );
}

#[test]
fn a_failure_that_the_truth_does_not_explain_is_judged_by_its_errno_alone() {
    let truth = truth_with_causes(r#"["export","wc",16,"EINVAL","run",7,90,120,null,null]"#);
    let some = refused(vec![Detail::Cause(Cause::OverLimit)]);
    assert_eq!(verdict(vec![some], LossReport::default(), &truth), [""; 0]);
}

#[test]
fn the_arm_of_a_call_is_optional() {
    let columns = r#"["op","buffer","pages","outcome","phase","tid","start_ns","duration_ns","cause","statuses","arm"]"#;
    let calls =
        r#"["export","wc",16,"ok","run",7,90,120,null,null,"buffer=wc"],["export","wc",16,"ok","run",7,300,120,null,null,null]"#;
    let json = format!(
        r#"{{"format":"grantscope-truth","version":1,"ending":{{"how":"complete"}},"columns":{columns},"calls":[{calls}]}}"#
    );
    let with_arms = Truth::parse(&json).expect("a truth with arms");
    let arms: Vec<_> = with_arms.calls.iter().map(|call| call.arm.as_deref()).collect();
    assert_eq!(arms, [Some("buffer=wc"), None]);
    assert_eq!(truth(CALL, "complete").calls[0].arm, None);
    let both = vec![operation(100, 100), operation(310, 100)];
    assert_eq!(verdict(both, LossReport::default(), &with_arms), [""; 0]);
}
