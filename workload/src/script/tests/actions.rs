//! Actions, arms one after another, and workers that begin after others.

use super::vocabulary::{Kind, STEPS};
use super::*;
use crate::shuffle::Shuffler;
use crate::truth::Buffer;

const ACTIONS: &str = r#"
if_missing = "leave_out"
[[workers]]
name = "w"
each = [{ open = "d" }, { actions = "shuffled" }, { close = "d" }]
[[workers.actions]]
name = "map"
kind = "pages"
each = [{ map = "a", pages = 4 }, { unmap = "a" }]
[[workers.actions]]
name = "wc"
kind = "wc"
start = [{ allocate = "f", pages = 7 }]
each = [{ export = "a", pages = 9, buffer = "wc" }, { release = "a", waiter_every = 2 }]
end = [{ free = "f" }]
"#;

/// The problems after a change.
fn problems_with(from: &str, to: &str) -> String {
    assert!(ACTIONS.contains(from), "{from}");
    problems_of(&ACTIONS.replacen(from, to, 1))
}

#[test]
fn every_action_is_done_once_in_each_iteration_and_its_first_step_is_known() {
    let plan = plan(ACTIONS, &given());
    let worker = &plan.arms[0].workers[0];
    let mut orders = Shuffler::new(1);
    let iterations: Vec<Vec<(bool, &str)>> =
        (0..20).map(|_| worker.iteration(&mut orders).iter().map(|(first, step)| (*first, step.entry.name)).collect()).collect();
    let (map, wc) = ([(true, "map"), (false, "unmap")], [(true, "export"), (false, "release")]);
    let around = |first: [_; 2], second: [_; 2]| [&[(false, "open")][..], &first, &second, &[(false, "close")]].concat();
    assert!(iterations.contains(&around(map, wc)) && iterations.contains(&around(wc, map)));
    assert!(iterations.iter().all(|steps| *steps == around(map, wc) || *steps == around(wc, map)));
    assert_eq!(worker.starting().map(|step| step.entry.name).collect::<Vec<_>>(), ["allocate"]);
    // Both are of the same name's grants, and one is there at a time beside what is there all the time.
    assert_eq!(plan.needs.peer_pages, 9);
    assert_eq!(plan.needs.held, Held { pages: 4, dma_pages: 9, foreign_pages: 7, objects: 2, ..Held::default() });
}

#[test]
fn actions_are_done_once_and_only_by_a_worker_that_has_some() {
    let place = "f:10:";
    assert!(problems_with(", { actions = \"shuffled\" }", "").contains("nothing does this worker's actions"));
    let twice = problems_with("{ close", "{ actions = \"listed\" }, { close");
    assert!(twice.starts_with(place) && twice.contains("actions are done once in each of a worker"), "{twice}");
    let inside = problems_with("{ map = \"a\", pages = 4 }", "{ actions = \"listed\" }, { map = \"a\", pages = 4 }");
    assert!(inside.contains("actions are done once in each of a worker"), "{inside}");
    let none = problems_of_steps("{ actions = \"listed\" }");
    assert!(none.contains("this worker has no actions: write [[workers.actions]] for each"), "{none}");
    assert!(problems_with("name = \"wc\"\n", "").contains("the key name of an action is missing"));
    assert!(problems_with("kind = \"wc\"", "kind = \"cw\"").contains("write \"wc\""));
}

#[test]
fn an_action_leaves_what_it_found() {
    let problems = problems_with(", { unmap = \"a\" }", "");
    assert!(problems.contains("a is made in every iteration and never released in it: add { unmap = \"a\" }"), "{problems}");
    let problems = problems_with("end = [{ free = \"f\" }]\n", "");
    assert!(problems.contains("f is never released"), "{problems}");
    let attached = problems_with("{ release = \"a\"", "{ attach = \"a\" }, { release = \"a\"");
    assert!(attached.contains("an importer keeps a, and a waiter would wait for that: detach it before"), "{attached}");
}

#[test]
fn kinds_that_are_asked_for_are_left_alone_and_the_others_go() {
    let names = |given: Given| {
        let plan = plan(ACTIONS, &given);
        (plan.arms[0].workers[0].parts.iter().map(|part| part.name.clone()).collect::<Vec<_>>(), plan.if_missing)
    };
    assert_eq!(names(given()).1, Missing::IsLeftOut { but_actions: false });
    let (wc, if_missing) = names(Given { kinds: vec![Buffer::Wc], ..given() });
    assert_eq!((wc, if_missing), (vec!["wc".to_owned()], Missing::IsLeftOut { but_actions: true }));
    assert_eq!(names(Given { without_dmabuf: true, ..given() }).0, ["map"]);
    let nothing = Given { kinds: vec![Buffer::Coherent], ..given() };
    let refused = Plan::read("f", &format!("{HEAD}{ACTIONS}"), &nothing).unwrap_err().to_string();
    assert!(refused.contains("nothing to do"), "{refused}");
}

const AFTER: &str = r#"
arm_order = "sequential"
[parameters]
pages = 4
other = 1
[arms]
pages = [4, 8]
other = [1, 2, 3]
[[workers]]
name = "first"
each = [{ map = "a", pages = "$pages" }, { unmap = "a" }]
[[workers]]
name = "second"
after = "first"
iterations = 7
each = [{ map = "a", pages = "$other" }, { unmap = "a" }]
"#;

#[test]
fn a_worker_that_begins_after_another_has_arms_and_iterations_of_its_own() {
    let read = |given: &Given| {
        let plan = plan(AFTER, given);
        let arms: Vec<_> = plan.arms.iter().map(|arm| (arm.name.clone(), arm.stage, arm.turns)).collect();
        (arms, plan.stages())
    };
    let arm = |name: &str, stage, iterations| (name.to_owned(), stage, Turns::Iterations(iterations));
    let first = [arm("pages=4", 0, 2), arm("pages=8", 0, 2)];
    let second = [arm("other=1", 1, 7), arm("other=2", 1, 7), arm("other=3", 1, 7)];
    assert_eq!(read(&given()), ([&first[..], &second].concat(), vec![0..2, 2..5]));
    let (arms, _) = read(&Given { iterations: Some(9), ..given() });
    assert_eq!(arms, [&[arm("pages=4", 0, 9), arm("pages=8", 0, 9)][..], &second].concat());
    // A parameter without a value leaves out the workers that use it.
    let (arms, _) = read(&Given { set: vec![("other".to_owned(), vec![])], ..given() });
    assert_eq!(arms, first);
    let before = problems_of(&AFTER.replace("after = \"first\"", "after = \"frist\""));
    assert!(before.contains("there is no worker frist before this one"), "{before}");
}

#[test]
fn the_number_of_iterations_is_said_once_and_fits_the_order_of_the_arms() {
    let by_pages = AFTER.replace("arm_order", "iterations_by_pages = [[4, 30], [8, 20]]\narm_order");
    let text = format!("{}{by_pages}", HEAD.replace("iterations = 2\n", ""));
    let plan = Plan::read("f", &text, &given()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(plan.arms[..2].iter().map(|arm| arm.turns).collect::<Vec<_>>(), [30, 20].map(Turns::Iterations));
    let refused = |from: &str, to: &str| Plan::read("f", &text.replace(from, to), &given()).unwrap_err().to_string();
    assert!(refused("[8, 20]", "[7, 20]").contains("this says nothing of 8 pages"));
    assert!(refused("[[4, 30], [8, 20]]", "[[8, 20], [4, 30]]").contains("write pairs of page counts and iterations"));
    assert!(refused("\"sequential\"", "\"interleaved\"").contains("arms that take turns have as many iterations each"));
    assert!(refused("iterations_by_pages = [[4, 30], [8, 20]]", "duration_s = 3").contains("have a number of iterations each"));
    assert!(problems_of(&by_pages).contains("iterations already says how long: leave one of the two out"));
}

#[test]
fn a_pipe_holds_a_page_of_what_is_mmapped_and_is_drained() {
    let steps = |middle: &str| problems_of_steps(&format!("{{ map = \"a\", pages = 2 }},\n{middle}\n{{ unmap = \"a\" }},"));
    let right = "{ mmap = \"a\" },\n{ pipe = \"p\", of = \"a\" },\n{ munmap = \"a\" },";
    assert_eq!(steps(&format!("{right}\n{{ drain = \"p\" }},")), "nothing");
    assert!(steps(right).contains("p is made in every iteration and never released in it: add { drain = \"p\" }"));
    let early = steps("{ pipe = \"p\", of = \"a\" },\n{ drain = \"p\" },");
    assert!(early.contains("pipe of does not fit a, which is a map (line 9): mmap it before"), "{early}");
}

/// A value that fits.
fn fitting(kind: Kind) -> String {
    match kind {
        Kind::Number { least, .. } | Kind::NumberOr { least, .. } => least.to_string(),
        Kind::Word(words) => format!("\"{}\"", words[0]),
        Kind::Pages => "1".to_owned(),
        Kind::Name | Kind::Text | Kind::Ladder => "\"a\"".to_owned(),
    }
}

#[test]
fn every_verb_is_read_as_its_role_says() {
    for entry in STEPS {
        let needed = entry.keys.iter().filter(|key| key.needed || key.name == "pages");
        let keys: String = needed.map(|key| format!(", {} = {}", key.name, fitting(key.kind))).collect();
        let text = format!("[[workers]]\nname = \"w\"\neach = [{{ {} = {}{keys} }}]\n", entry.name, fitting(entry.value));
        match Plan::read("f", &format!("{HEAD}{text}"), &given()) {
            Ok(plan) => assert_eq!(plan.arms[0].workers[0].each.len(), 1, "{}", entry.name),
            // A step that is not parsed could not be wrong.
            Err(problems) => assert!(problems.count() > 0, "{}", entry.name),
        }
    }
}
