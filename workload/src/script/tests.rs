//! Every mistake is found where it is, with what to write instead; and what is right becomes the plan that it says.

use nix::errno::Errno;

mod actions;

use super::*;
use crate::balloon::Wanted;

const HEAD: &str = "version = 1\nname = \"x\"\nsummary = \"s\"\nimitates = \"i\"\niterations = 2\n";

fn given() -> Given {
    Given { peer: true, ..Given::default() }
}

/// What is wrong with a file of these lines below a head that is right.
fn problems_of(rest: &str) -> String {
    let text = format!("{HEAD}{rest}");
    Plan::read("f", &text, &given()).err().map_or_else(|| "nothing".to_owned(), |problems| problems.to_string())
}

/// The same for a worker's steps in each iteration.
fn problems_of_steps(steps: &str) -> String {
    problems_of(&format!("[[workers]]\nname = \"w\"\neach = [\n{steps}\n]\n"))
}

fn plan(rest: &str, given: &Given) -> Plan {
    Plan::read("f", &format!("{HEAD}{rest}"), given).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    insta::assert_snapshot!(problems_of("x = ["), @"f:6:6: this is no TOML: unclosed array, expected `]`");
    insta::assert_snapshot!(problems_of("name = \"y\""), @"f:6:1: this is no TOML: duplicate key");
}

#[test]
fn words_that_there_are_not_are_told_with_the_one_that_was_meant() {
    insta::assert_snapshot!(problems_of(r#"
iteratoins = 3
[[workers]]
name = "w"
thread = 2
pace = "open"
each = [
{ mapp = "a" },
{ map = "a", pages = 1, cuont = 2 },
{ pages = 4 },
{ map = "a", unmap = "a" },
{ wait = "a" }]
"#), @r#"
    f:7:1: there is no key iteratoins at the head of a scenario: write iterations
    f:10:1: there is no key thread of a worker: write threads
    f:11:8: a pace is "closed", { rate_hz = 100 } or { frame_rate = 60 }
    f:13:1: there is no verb mapp: write map
    f:14:25: there is no key cuont of the step map: write count
    f:15:1: this step has no verb: write one of open, close, map, mmap, touch, read, munmap, unmap, export, attach, detach, release, wait, allocate, free, import, import_release, grant, ungrant, peer_grant, peer_ungrant, peer_import, peer_import_release, copy, pipe, drain, actions, hold_frames, sleep_ms, mark
    f:16:1: a step does one thing: make a step of each verb
    f:17:1: the key limit_ms of the step wait is missing: how long at most (write a number from 0 to 600000)
    "#);
    insta::assert_snapshot!(problems_of(""), @"f:1:1: there is no worker: write [[workers]] with a name and each = [ … ]");
}

#[test]
fn values_that_do_not_fit_are_told_with_what_would() {
    insta::assert_snapshot!(problems_of(r#"
[parameters]
pages = 4
kind = "wc"
rest = 1
[arms]
kind = ["wc", 3]
other = [1]
[[workers]]
name = "w"
threads = 900
each = [
{ map = "a", pages = "$page" },
{ map = "b", pages = "$kind" },
{ export = "e", pages = 0, buffer = "cw" },
{ unmap = "a", order = "backwards" },
]
"#), @r#"
    f:12:15: kind is a word: every value of it has to be
    f:13:1: other is no parameter: give it a default under [parameters]
    f:16:11: this does not fit here: write a number from 1 to 64
    f:18:22: $page: there is no such parameter: write pages
    f:19:22: $kind is wc, and this does not fit here: write a number of pages from 1 to 65535, { cycle = [16, 256] }, or { between = [1, 256] }
    f:20:25: this does not fit here: write a number of pages from 1 to 65535, { cycle = [16, 256] }, or { between = [1, 256] }
    f:20:37: this does not fit here: write "wc"
    f:21:24: this does not fit here: write "made" or "reversed"
    "#);
}

/// A parameter in a rule for page counts.
const RULES: &str = r#"
[parameters]
most = 8
word = "wc"
[[workers]]
name = "w"
each = [
{ map = "a", pages = { cycle = [1, "$most", 3] } },
{ unmap = "a" },
{ export = "e", pages = { between = [2, "$most"] }, buffer = "$word" },
{ release = "e" },
]
"#;

#[test]
fn a_parameter_can_be_among_the_numbers_of_a_rule() {
    let amounts = |most: u64| {
        let set = vec![("most".to_owned(), vec![Scalar::Number(most)])];
        let plan = plan(RULES, &Given { set, ..given() });
        let amount = |step: &Step| match &step.action {
            Action::Map { grants: Mapped::Pages(pages, _), .. } | Action::Export { grants: Mapped::Pages(pages, _), .. } => {
                Some(pages.clone())
            }
            _ => None,
        };
        plan.arms[0].workers[0].each.iter().filter_map(amount).collect::<Vec<_>>()
    };
    assert_eq!(amounts(8), [Amount::Cycle(vec![1, 8, 3]), Amount::Between(2, 8)]);
    assert_eq!(amounts(2), [Amount::Cycle(vec![1, 2, 3]), Amount::Between(2, 2)]);
}

#[test]
fn a_parameter_that_does_not_fit_a_rule_is_told_at_its_own_place() {
    let problems = |from: &str, to: &str| problems_of(&RULES.replacen(from, to, 1));
    insta::assert_snapshot!(problems("most = 8", "most = 1"), @"f:15:25: from 2 to 1 there is no number: write the smaller one first");
    insta::assert_snapshot!(problems("most = 8", "most = 70000"), @r"
    f:13:36: $most is 70000, and this does not fit here: write a number from 1 to 65535
    f:15:41: $most is 70000, and this does not fit here: write a number from 1 to 65535
    ");
    insta::assert_snapshot!(problems("\"$most\"]", "\"$mots\"]"), @"f:15:41: $mots: there is no such parameter: write most");
    insta::assert_snapshot!(problems("\"$most\"]", "\"$word\"]"), @"f:15:41: $word is wc, and this does not fit here: write a number from 1 to 65535");
    insta::assert_snapshot!(problems("[2, \"$most\"]", "[2, 3, \"$most\"]"), @r#"f:15:25: write a whole number, a word in quotes, "$name" of a parameter, or for page counts { cycle = [1, 16] } or { between = [1, 16] }"#);
}

#[test]
fn a_parameter_that_nothing_uses_is_a_mistake() {
    insta::assert_snapshot!(problems_of(r#"
[parameters]
pages = 4
[[workers]]
name = "w"
each = [{ sleep_ms = 1 }]
"#), @r#"f:8:1: nothing uses the parameter pages: write "$pages" in a step, or leave it out"#);
}

#[test]
fn what_was_never_made_or_is_gone_or_is_something_else_cannot_be_used() {
    insta::assert_snapshot!(problems_of_steps(r#"
{ map = "window", pages = 4 },
{ mmap = "windwo" },
{ touch = "window" },
{ mmap = "window" },
{ release = "window" },
{ munmap = "window" },
{ touch = "window" },
{ mmap = "window" },
{ unmap = "window" },
{ read = "window" },
{ unmap = "other" },
"#), @r"
    f:11:1: nothing has made windwo: write window
    f:12:1: touch does not fit window, which is a map (line 10): mmap it before
    f:14:1: release does not fit window, which is a map that is mmapped (line 10): end it with munmap
    f:16:1: touch does not fit window, which is a map (line 10): it was munmapped: do it before
    f:17:1: a map can be mmapped once in its life, and window of line 10 already was: unmap it and map it anew
    f:19:1: window was released in line 18: read has to come before that, or window has to be made anew
    f:20:1: nothing has made other when unmap comes: map it in a step before
    ");
}

#[test]
fn what_is_made_is_released_once() {
    insta::assert_snapshot!(problems_of_steps("{ map = \"a\", pages = 4 },"), @r#"f:9:1: a is made in every iteration and never released in it: add { unmap = "a" } to each, or make it in start"#);
    insta::assert_snapshot!(problems_of_steps(r#"
{ map = "a", pages = 4 },
{ map = "a", pages = 4 },
{ unmap = "a" },
"#), @r#"f:11:1: a is there already, a map since line 10: end it first with { unmap = "a" }, or take another name"#);
    insta::assert_snapshot!(problems_of(r#"
[[workers]]
name = "w"
start = [{ map = "a", pages = 4 }, { map = "b", pages = 1 }, { map = "c", pages = 1 }]
each = [
{ unmap = "a" },
{ mmap = "b" },
]
"#), @r"
    f:9:36: b is a map when an iteration begins, and not any more when it ends: undo in each what each does to it
    f:11:1: every iteration releases a, which is made only once: make it anew in each, or release it in end
    ");
    assert_eq!(
        problems_of(
            r#"
[[workers]]
name = "w"
start = [{ map = "a", pages = 4 }]
each = [{ sleep_ms = 1 }]
"#
        )
        .lines()
        .count(),
        1
    );
}

#[test]
fn closing_comes_after_everything_that_needs_it() {
    insta::assert_snapshot!(problems_of_steps(r#"
{ open = "d" },
{ export = "e", pages = 4, buffer = "wc" },
{ import = "i", of = "e" },
{ attach = "e" },
{ release = "e" },
{ detach = "e" },
{ release = "e" },
{ close = "d" },
"#), @r"
    f:14:1: release of e comes too early: i of line 12 still needs it: import_release i before
    f:15:1: detach of e comes too early: i of line 12 still needs it: import_release i before
    f:16:1: e was released in line 15: release has to come before that, or e has to be made anew
    f:17:1: close of d comes too early: i of line 12 still needs it: import_release i before
    ");
}

#[test]
fn a_closed_device_is_held_open_by_what_is_mapped_or_exported_and_takes_its_other_maps_with_it() {
    let steps = |end: &str| {
        let steps = r#"
{ open = "d" },
{ map = "a", pages = 4 },
{ mmap = "a" },
{ map = "b", pages = 4 },
{ export = "e", pages = 4, buffer = "pages" },
{ close = "d" },
{ touch = "a" },
"#;
        problems_of_steps(&format!("{steps}{end}"))
    };
    assert_eq!(steps("{ munmap = \"a\" },\n{ release = \"e\" },"), "nothing");
    insta::assert_snapshot!(steps("{ unmap = \"a\" },\n{ munmap = \"a\" },\n{ unmap = \"b\" },\n{ release = \"e\" },\n{ wait = \"e\", limit_ms = 5 },"), @r"
    f:17:1: unmap does not fit a, which is a map that is mmapped (line 11): it was unmapped before, or its device closed: write munmap
    f:19:1: b was released in line 15: unmap has to come before that, or b has to be made anew
    f:21:1: d is closed, on which e was exported: wait before d is closed
    ");
    insta::assert_snapshot!(steps("{ release = \"e\" },"), @r#"f:11:1: a is made in every iteration and never released in it: add { munmap = "a" } to each, or make it in start"#);
}

#[test]
fn a_wait_is_for_a_buffer_that_was_released_and_for_no_other() {
    let steps = |middle: &str| problems_of_steps(&format!("{{ export = \"e\", pages = 4, buffer = \"wc\" }},\n{middle}"));
    assert_eq!(steps("{ release = \"e\" },\n{ wait = \"e\", limit_ms = 5 },"), "nothing");
    assert_eq!(
        steps(
            r#"
{ wait = "e", limit_ms = 0, expect = "ETIMEDOUT" },
{ release = "e" },
"#
        ),
        "nothing"
    );
    insta::assert_snapshot!(steps("{ wait = \"e\", limit_ms = 5 },\n{ release = \"e\" },"), @r#"f:10:1: no step releases e while this waits: release it before, or write expect = "ETIMEDOUT""#);
    insta::assert_snapshot!(steps(r#"
{ release = "e" },
{ export = "n", pages = 1, buffer = "wc" },
{ wait = "e", limit_ms = 5 },
{ release = "n" },
"#), @"f:13:1: what line 12 makes may have got e's descriptor number, and the wait would be for that: wait before it");
}

/// An export that an importer is attached to and that is released meanwhile, and what comes then.
fn released_while_attached(rest: &str) -> String {
    let steps = r#"
{ export = "e", pages = 4, buffer = "wc" },
{ attach = "e" },
{ release = "e" },
"#;
    problems_of_steps(&format!("{}\n{rest}", steps.trim()))
}

#[test]
fn a_buffer_that_is_released_while_an_importer_is_attached_is_kept_until_it_detaches() {
    let all = r#"
{ wait = "e", limit_ms = 5, expect = "ETIMEDOUT" },
{ detach = "e" },
{ wait = "e", limit_ms = 5 },
{ wait = "e", limit_ms = 5, expect = "ENOENT" },
"#;
    assert_eq!(released_while_attached(all.trim()), "nothing");
    let meanwhile = "{ wait = \"e\", limit_ms = 2000, detach_after_ms = 50 },\n{ wait = \"e\", limit_ms = 5 },";
    assert_eq!(released_while_attached(meanwhile), "nothing");
    insta::assert_snapshot!(released_while_attached(""), @r#"f:9:1: e is made in every iteration and never released in it: add { detach = "e" } to each, or make it in start"#);
    insta::assert_snapshot!(released_while_attached("{ wait = \"e\", limit_ms = 5 },\n{ detach = \"e\" },"), @r#"f:12:1: an importer keeps e while this waits: detach it before, or meanwhile with detach_after_ms = 50, or write expect = "ETIMEDOUT""#);
    insta::assert_snapshot!(released_while_attached(r#"
{ release = "e" },
{ attach = "e" },
{ import = "i", of = "e" },
{ detach = "e" },
{ detach = "e" },
{ import_release = "i" },
"#), @r"
    f:13:1: release does not fit e, which is a dma-buf that was released and that an importer keeps (line 9): end it with detach
    f:14:1: attach does not fit e, which is a dma-buf that was released and that an importer keeps (line 9): its descriptor is closed: attach before release
    f:15:1: import of does not fit e, which is a dma-buf that was released and that an importer keeps (line 9): its descriptor is closed: import before release
    f:16:1: detach of e comes too early: i of line 15 still needs it: import_release i before
    f:17:1: e was released in line 16: detach has to come before that, or e has to be made anew
    ");
}

#[test]
fn a_wait_within_which_an_importer_detaches_is_for_a_buffer_that_only_an_importer_keeps_and_is_long_enough() {
    insta::assert_snapshot!(released_while_attached("{ wait = \"e\", limit_ms = 50, detach_after_ms = 50 },"), @"f:12:1: the importer detaches after 50 ms, and this waits for 50 only: give a larger limit_ms, or detach in a step of its own");
    insta::assert_snapshot!(
        released_while_attached("{ wait = \"e\", limit_ms = 90, detach_after_ms = 50, expect = \"ETIMEDOUT\" },"), @"f:12:1: a wait within which the importer detaches ends well: leave expect out, or detach in a step of its own");
    insta::assert_snapshot!(
        released_while_attached("{ detach = \"e\" },\n{ wait = \"e\", limit_ms = 90, detach_after_ms = 50 },"), @"f:13:1: no importer keeps e: attach it before its release, or leave detach_after_ms out");
    insta::assert_snapshot!(problems_of_steps(r#"
{ export = "e", pages = 4, buffer = "wc" },
{ wait = "e", limit_ms = 90, detach_after_ms = 50 },
{ attach = "e" },
{ wait = "e", limit_ms = 90, detach_after_ms = 50 },
{ detach = "e" },
{ release = "e" },
"#), @r"
    f:11:1: no importer keeps e: attach it before its release, or leave detach_after_ms out
    f:13:1: as long as e is not released, its detaching is not its release: release it before
    ");
}

#[test]
fn a_descriptor_number_that_may_mean_two_buffers_is_not_waited_for() {
    insta::assert_snapshot!(released_while_attached(r#"
{ export = "n", pages = 1, buffer = "wc" },
{ wait = "n", limit_ms = 0, expect = "ETIMEDOUT" },
{ wait = "e", limit_ms = 0, expect = "ETIMEDOUT" },
{ release = "n" },
{ wait = "n", limit_ms = 5 },
{ detach = "e" },
{ wait = "n", limit_ms = 5 },
{ wait = "e", limit_ms = 5 },
"#), @r"
    f:14:1: n may have got the descriptor number of e, which an importer keeps, and the wait would be for that: detach e before
    f:15:1: what line 13 makes may have got e's descriptor number, and the wait would be for that: wait before it
    f:17:1: n may have got the descriptor number of e, which an importer keeps, and the wait would be for that: detach e before
    f:20:1: what line 13 makes may have got e's descriptor number, and the wait would be for that: wait before it
    ");
    insta::assert_snapshot!(problems_of_steps(r#"
{ open = "d" },
{ export = "e", pages = 4, buffer = "wc" },
{ attach = "e" },
{ export = "n", pages = 4, buffer = "wc" },
{ release = "e" },
{ close = "d" },
{ wait = "n", limit_ms = 5, expect = "ETIMEDOUT" },
{ wait = "e", limit_ms = 5, expect = "ETIMEDOUT" },
{ detach = "e" },
{ release = "n" },
"#), @r"
    f:16:1: d is closed, on which n was exported: wait before d is closed
    f:17:1: d is closed, on which e was exported: wait before d is closed
    ");
}

#[test]
fn what_an_iteration_makes_may_have_the_number_of_what_the_next_one_waits_for() {
    let each = |first: &str, last: &str| {
        problems_of(&format!(
            r#"
[[workers]]
name = "w"
start = [{{ export = "e", pages = 1, buffer = "wc" }}, {{ attach = "e" }}, {{ release = "e" }}]
each = [
{first}
{{ sleep_ms = 1 }},
{last}
]
end = [{{ detach = "e" }}]
"#
        ))
    };
    let wait = r#"{ wait = "e", limit_ms = 0, expect = "ETIMEDOUT" },"#;
    let export = r#"{ export = "n", pages = 1, buffer = "wc" }, { release = "n" },"#;
    assert_eq!(each(wait, ""), "nothing");
    insta::assert_snapshot!(each(wait, export), @"f:11:1: what line 13 makes may have got e's descriptor number, and the wait would be for that: wait before it");
}

#[test]
fn what_an_importer_keeps_is_held_until_it_detaches() {
    let held = |end: &str| {
        let steps =
            format!("{{ export = \"e\", pages = 4, buffer = \"pages\" }},\n{{ attach = \"e\" }},\n{{ release = \"e\" }},\n{end}");
        plan(&format!("[[workers]]\nname = \"w\"\neach = [\n{steps}\n]\n"), &given()).needs.held
    };
    let more = "{ map = \"m\", pages = 2 },\n{ unmap = \"m\" },";
    assert_eq!(held(&format!("{more}\n{{ detach = \"e\" }},")), Held { pages: 6, objects: 2, ..Held::default() });
    let after =
        [format!("{{ detach = \"e\" }},\n{more}"), format!("{{ wait = \"e\", limit_ms = 9, detach_after_ms = 3 }},\n{more}")];
    after.iter().for_each(|after| assert_eq!(held(after), Held { pages: 4, objects: 1, ..Held::default() }));
}

#[test]
fn a_step_that_must_fail_makes_nothing() {
    let steps = r#"
{ map = "a", pages = 1 },
{ mmap = "a", expect = "EINVAL" },
{ unmap = "a" },
"#;
    assert_eq!(problems_of_steps(steps), "nothing");
    insta::assert_snapshot!(problems_of_steps(&steps.replace("pages = 1", "pages = 2").replace("EINVAL", "EINVL")), @r#"f:11:24: this does not fit here: write "EINVAL""#);
    insta::assert_snapshot!(problems_of_steps(&steps.replace("pages = 1", "pages = 2")), @"f:11:1: of several pages Xen may map some before it refuses one, and the step could not show which: give a pages = 1");
    let plan = plan(&format!("[[workers]]\nname = \"w\"\neach = [\n{steps}\n]\n"), &given());
    assert_eq!(plan.arms[0].workers[0].each[1].expect, Some(Errno::EINVAL));
}

const ARMS: &str = r#"
[parameters]
pages = 4
buffer = "wc"
[arms]
buffer = ["wc", "pages"]
[[workers]]
name = "w"
threads = 2
each = [
{ export = "e", pages = "$pages", count = 3, buffer = "$buffer" },
{ release = "e" },
]
"#;

#[test]
fn every_combination_of_values_is_an_arm_and_what_is_set_takes_the_place_of_the_files() {
    let names = |set: Vec<(String, Vec<Scalar>)>| {
        plan(ARMS, &Given { set, ..given() }).arms.into_iter().map(|arm| arm.name).collect::<Vec<_>>()
    };
    assert_eq!(names(vec![]), ["buffer=wc", "buffer=pages"]);
    let pages = ("pages".to_owned(), vec![Scalar::Number(1), Scalar::Number(16)]);
    assert_eq!(names(vec![pages]), ["buffer=wc,pages=1", "buffer=wc,pages=16", "buffer=pages,pages=1", "buffer=pages,pages=16"]);
    assert_eq!(names(vec![("buffer".to_owned(), vec![Scalar::Word("coherent".into())])]), [""]);
    let text = format!("{HEAD}{ARMS}");
    let refused = |name: &str, value: Scalar| {
        Plan::read("f", &text, &Given { set: vec![(name.to_owned(), vec![value])], ..given() }).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refused("page", Scalar::Number(1)), @"f:1:1: --set page: there is no such parameter: write pages");
    insta::assert_snapshot!(refused("pages", Scalar::Word("many".into())), @"f:1:1: --set pages: it is a number, as its default under [parameters]");
    insta::assert_snapshot!(refused("buffer", Scalar::Word("uncached".into())), @r#"f:16:55: $buffer is uncached, and this does not fit here: write "pages" or "wc" or "coherent""#);
}

#[test]
fn threads_have_grants_of_their_own_and_arms_share_them() {
    let plan = plan(ARMS, &given());
    // Two threads with three buffers of four pages each.
    assert_eq!(plan.needs.peer_pages, 24);
    let slice = |arm: usize| match &plan.arms[arm].workers[0].each[0].action {
        Action::Export { grants: Mapped::Pages(Amount::Fixed(4), slice), .. } => *slice,
        other => panic!("{other:?}"),
    };
    assert_eq!(slice(0), Slice { side: Side::Peer, base: 0, per_thread: 12, per_item: 4 });
    assert_eq!(slice(0), slice(1));
}

#[test]
fn the_worst_moment_is_found_and_arms_that_hold_nothing_between_turns_are_not_added_up() {
    let needs = plan(ARMS, &given()).needs;
    assert_eq!(needs.held, Held { pages: 24, dma_pages: 24, objects: 6, ..Held::default() });
    assert_eq!(needs.pages_at_once, 24);
    let standing = r#"
[parameters]
pages = 4
[arms]
pages = [4, 8]
[[workers]]
name = "w"
start = [{ map = "m", pages = "$pages" }]
each = [{ sleep_ms = 1 }]
end = [{ unmap = "m" }]
"#;
    assert_eq!(plan(standing, &given()).needs.pages_at_once, 12);
}

#[test]
fn of_unmap_and_munmap_the_later_one_lets_go() {
    let held = |steps: &str| plan(&format!("[[workers]]\nname = \"w\"\neach = [\n{steps}\n]\n"), &given()).needs.held.pages;
    let mapped = r#"{ map = "a", pages = 8 }, { mmap = "a" }, "#;
    let other = r#"{ map = "b", pages = 5 }, { unmap = "b" }, "#;
    assert_eq!(held(&format!(r#"{mapped}{{ unmap = "a" }}, {other}{{ munmap = "a" }}"#)), 13);
    assert_eq!(held(&format!(r#"{mapped}{{ munmap = "a" }}, {other}{{ unmap = "a" }}"#)), 13);
    assert_eq!(held(&format!(r#"{mapped}{{ unmap = "a" }}, {{ munmap = "a" }}, {other}"#)), 8);
}

#[test]
fn the_balloon_is_pinned_with_what_the_file_says_or_the_steps_map_or_what_was_given() {
    let pinned = |head: &str, given: &Given| plan(&format!("{head}{ARMS}"), given).pin().map(|pin| (pin.pages, pin.beside));
    assert_eq!(pinned("", &given()), None);
    // Its DMA buffers are no pages of the balloon's, and one arm at a time has its turn.
    assert_eq!(pinned("balloon_pages = \"needed\"\n", &given()), Some((24, 0)));
    assert_eq!(pinned("balloon_pages = 7\n", &given()), Some((7, 0)));
    let more = Given { balloon: Some(Wanted::Pages(100)), ..given() };
    assert_eq!(pinned("balloon_pages = 7\n", &more), Some((100, 0)));
    let described = plan(&format!("balloon_pages = \"needed\"\n{ARMS}"), &given()).describe();
    assert!(described.contains("pins the balloon with 24 pages in it"), "{described}");
}

#[test]
fn one_objects_grants_can_be_anothers() {
    let steps = r#"
{ map = "a", pages = 8, count = 4, grants = "same" },
{ map = "b", pages = 8, grants_of = "a" },
{ unmap = "a" },
{ unmap = "b" },
"#;
    let text = |steps: &str| format!("[[workers]]\nname = \"w\"\neach = [\n{steps}\n]\n");
    assert_eq!(plan(&text(steps), &given()).needs.peer_pages, 8);
    insta::assert_snapshot!(problems_of_steps(&steps.replace("\"b\", pages = 8", "\"b\", pages = 9")), @"f:11:37: a has 8 pages, and this wants 9: make a larger");
}

#[test]
fn a_peers_pages_without_a_peer_are_refused() {
    let text = format!(
        "{HEAD}[[workers]]\nname = \"w\"\neach = [\n{{ map = \"a\", pages = 1, source = \"peer\" }},\n{{ unmap = \"a\" }}]\n"
    );
    insta::assert_snapshot!(Plan::read("f", &text, &Given::default()).unwrap_err(), @"f:9:34: this maps a peer's pages, and no peer was given: run it with --peer DOMID");
}

#[test]
fn a_description_says_what_is_needed() {
    insta::assert_snapshot!(plan(ARMS, &given()).describe(), @r"
    x: s
    2 arms: buffer=wc; buffer=pages
    holds at once, at most: 6 objects, 24 mapped pages, 24 pages of DMA buffers
    needs 24 pages granted, by a peer (--peer) or by this domain itself (--self)
    ");
}

#[test]
fn what_the_peer_is_asked_for_is_there_before_it_is_mapped_and_taken_back_after_it() {
    let steps = r#"
{ peer_grant = "g", pages = 4, count = 2 },
{ map = "m", of = "g" },
{ mmap = "m" },
{ munmap = "m" },
{ unmap = "m" },
{ peer_ungrant = "g" },
"#;
    assert_eq!(problems_of_steps(steps), "nothing");
    let text = format!("[[workers]]\nname = \"w\"\neach = [\n{steps}\n]\n");
    let needs = plan(&text, &given()).needs;
    assert_eq!((needs.requests, needs.peer_pages, needs.held.pages), (true, 0, 8));
    insta::assert_snapshot!(problems_of_steps(r#"
{ map = "m", of = "g" },
{ peer_grant = "g", pages = 4 },
{ map = "n", of = "g" },
{ peer_import_release = "g" },
{ peer_ungrant = "g" },
{ unmap = "n" },
"#), @r"
    f:10:1: nothing has made g when map of comes: peer_grant or peer_import it in a step before
    f:13:1: peer_import_release does not fit g, which is a grant of the peer's (line 11): end it with peer_ungrant
    f:14:1: peer_ungrant of g comes too early: m of line 10 still needs it: unmap m before
    f:14:1: peer_ungrant of g comes too early: n of line 12 still needs it: unmap n before
    ");
    insta::assert_snapshot!(problems_of_steps(r#"
{ map = "m", of = "g", pages = 4 },
{ map = "m", of = "g", count = 2 },
{ map = "m" },
"#), @r#"
    f:10:32: it has as many pages as the object behind of: leave pages out
    f:11:32: the references are those of the object behind of: leave count out
    f:12:1: it does not say of what: write pages = 16, or of = "the name of an object that has references"
    "#);
    let alone = Plan::read("f", &format!("{HEAD}{text}"), &Given::default()).unwrap_err().to_string();
    assert!(alone.contains("this asks a peer's frontend, and no peer was given: run it with --peer DOMID"), "{alone}");
    let forked = text.replace("each", "processes = 2\neach");
    let refused = Plan::read("f", &format!("{HEAD}{forked}"), &given()).unwrap_err().to_string();
    assert!(refused.contains("give this worker threads instead of processes"), "{refused}");
}
