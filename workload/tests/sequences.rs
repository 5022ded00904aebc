//! The sequence of calls of the scenarios that figures are compared by. A recording of an earlier sweep, and an independent account of
//! what sweep, copy and deferred do, say what it has to be: medians of different versions can be compared only if it stays.

use std::collections::BTreeMap;

use grantscope_generator::builtin::BUILTIN;
use grantscope_generator::script::{Action, Given, Mapped, Plan, Scalar, Step, Turns};
use grantscope_generator::shuffle::Shuffler;
use grantscope_generator::truth::Buffer;

/// Phase, operation, buffer, pages and outcome.
type Line = (&'static str, String, Option<String>, Option<u64>, &'static str);

fn line(phase: &'static str, op: &str, about: Option<(Buffer, u32)>, outcome: &'static str) -> Line {
    let (buffer, pages) = about.unzip();
    (phase, op.to_owned(), buffer.map(|buffer| buffer.name().to_owned()), pages.map(u64::from), outcome)
}

fn plan(name: &str, given: &Given) -> Plan {
    let builtin = BUILTIN.iter().find(|builtin| builtin.name == name).unwrap();
    Plan::read(name, builtin.text, given).unwrap_or_else(|problems| panic!("{problems}"))
}

/// All calls of a plan of one worker, in the engine's order.
fn calls(plan: &Plan) -> Vec<Line> {
    let mut calls = Vec::new();
    for stage in plan.stages() {
        let mut orders = Shuffler::new(plan.seed);
        for arm in &plan.arms[stage] {
            let worker = &arm.workers[0];
            let mut objects = BTreeMap::new();
            worker.starting().for_each(|step| call(step, "setup", 0, &mut objects, &mut calls));
            let Turns::Iterations(counted) = arm.turns else { panic!("{:?}", arm.turns) };
            for number in 0..plan.warmup + counted {
                let phase = if number < plan.warmup { "warmup" } else { "run" };
                worker.iteration(&mut orders).iter().for_each(|(_, step)| call(step, phase, number, &mut objects, &mut calls));
            }
            worker.ending().for_each(|step| call(step, "teardown", 0, &mut objects, &mut calls));
        }
    }
    calls
}

/// The calls of a step.
fn call(step: &Step, phase: &'static str, number: u32, objects: &mut BTreeMap<usize, (Buffer, u32)>, calls: &mut Vec<Line>) {
    let mut add = |op: &str, about, outcome| calls.push(line(phase, op, about, outcome));
    let size = |grants: &Mapped, objects: &BTreeMap<usize, (Buffer, u32)>| match grants {
        Mapped::Pages(pages, _) => pages.most(),
        Mapped::Of(other) => objects[other].1,
    };
    match &step.action {
        Action::Map { object, grants, .. } => {
            objects.insert(*object, (Buffer::Pages, size(grants, objects)));
            add("map", Some(objects[object]), "ok");
        }
        Action::Mmap { object, .. } => add("mmap", Some(objects[object]), "ok"),
        Action::Munmap { object, .. } => add("munmap", Some(objects[object]), "ok"),
        Action::Unmap { object, .. } => add("unmap", Some(objects[object]), "ok"),
        Action::Export { object, grants, buffer, .. } => {
            objects.insert(*object, (*buffer, size(grants, objects)));
            add("export", Some(objects[object]), "ok");
        }
        Action::Allocate { object, pages, .. } => drop(objects.insert(*object, (Buffer::Foreign, pages.most()))),
        Action::Import { object, of, .. } => {
            objects.insert(*object, objects[of]);
            add("import", Some(objects[object]), "ok");
        }
        Action::ImportRelease { object, .. } => add("import_release", Some(objects[object]), "ok"),
        // What is done to another driver's buffer is not counted.
        Action::Attach { object, .. } if objects[object].0 != Buffer::Foreign => add("prime_import", Some(objects[object]), "ok"),
        Action::Detach { object, .. } if objects[object].0 != Buffer::Foreign => add("gem_close", Some(objects[object]), "ok"),
        Action::Release { object, waiter_every: Some(every), .. } => {
            if number.is_multiple_of(*every) {
                add("wait_released", Some(objects[object]), "ok");
                add("release", Some(objects[object]), "ok");
            } else {
                add("release", Some(objects[object]), "ok");
                add("wait_released", None, "ENOENT");
            }
        }
        Action::Release { object, .. } => add("release", Some(objects[object]), "ok"),
        Action::Wait { .. } => add("wait_released", None, "ENOENT"),
        Action::Grant { object, pages, .. } => {
            objects.insert(*object, (Buffer::Pages, pages.most()));
            add("grant", Some(objects[object]), "ok");
        }
        Action::Ungrant { object, .. } => add("ungrant", Some(objects[object]), "ok"),
        Action::Copy { pages, .. } => add("copy", Some((Buffer::Pages, pages.most())), "ok"),
        Action::Close { .. } => add("close", None, "ok"),
        _ => {}
    }
}

/// What an iteration of the sweep is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Map,
    Grant,
    Export(Buffer),
    Foreign,
}

const ALL: [Does; 6] = [
    Does::Map,
    Does::Grant,
    Does::Export(Buffer::Pages),
    Does::Export(Buffer::Wc),
    Does::Export(Buffer::Coherent),
    Does::Foreign,
];

impl Does {
    fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Grant => "grant",
            Self::Export(Buffer::Wc) => "wc",
            Self::Export(Buffer::Coherent) => "coherent",
            Self::Export(_) => "export of pages",
            Self::Foreign => "foreign",
        }
    }

    /// Its calls, in an iteration of that number.
    fn calls(self, phase: &'static str, number: u32, pages: u32, vgem: bool) -> Vec<Line> {
        let of = |ops: &[&str], buffer| ops.iter().map(|op| line(phase, op, Some((buffer, pages)), "ok")).collect::<Vec<_>>();
        match self {
            Self::Map => of(&["map", "mmap", "munmap", "unmap"], Buffer::Pages),
            Self::Grant => of(&["grant", "ungrant"], Buffer::Pages),
            Self::Foreign => of(&["import", "import_release"], Buffer::Foreign),
            Self::Export(buffer) => {
                let mut calls = of(&["export", "import", "import_release"], buffer);
                if vgem {
                    calls.extend(of(&["prime_import", "gem_close"], buffer));
                }
                match number % 8 {
                    0 => calls.extend(of(&["wait_released", "release"], buffer)),
                    _ => {
                        calls.extend(of(&["release"], buffer));
                        calls.push(line(phase, "wait_released", None, "ENOENT"));
                    }
                }
                calls
            }
        }
    }
}

/// The sweep of these page counts, each with its iterations, on a kernel that can do these things.
fn sweep(sizes: &[(u32, u32)], loopback: &[u32], warmup: u32, can: &[Does], vgem: bool) -> Vec<Line> {
    let (mut calls, mut orders) = (Vec::new(), Shuffler::new(1));
    let phase = |number| if number < warmup { "warmup" } else { "run" };
    for (pages, counted) in sizes {
        for number in 0..warmup + counted {
            let order = orders.next_order(can);
            calls.extend(order.iter().flat_map(|does| does.calls(phase(number), number, *pages, vgem)));
            calls.push(line(phase(number), "close", None, "ok"));
        }
    }
    let looped = loopback.iter().filter(|_| can.contains(&Does::Foreign));
    for (pages, number) in looped.flat_map(|pages| (0..warmup + 10).map(|number| (*pages, number))) {
        let phase = phase(number);
        calls.push(line(phase, "import", Some((Buffer::Foreign, pages)), "ok"));
        for does in can {
            let Does::Export(buffer) = *does else { continue };
            calls.extend(["export", "release"].map(|op| line(phase, op, Some((buffer, pages)), "ok")));
            calls.push(line(phase, "wait_released", None, "ENOENT"));
        }
        calls.push(line(phase, "import_release", Some((Buffer::Foreign, pages)), "ok"));
        calls.push(line(phase, "close", None, "ok"));
    }
    calls
}

/// The plan without what a kernel cannot do.
fn without(mut plan: Plan, cannot: impl Fn(&str) -> bool, vgem: bool) -> Plan {
    plan.arms.retain(|arm| arm.stage == 0 || !cannot("foreign"));
    for worker in plan.arms.iter_mut().flat_map(|arm| &mut arm.workers) {
        worker.parts.retain(|part| !cannot(&part.name));
        for part in &mut worker.parts {
            part.each.retain(|step| vgem || !matches!(step.action, Action::Attach { .. } | Action::Detach { .. }));
        }
    }
    plan
}

#[test]
fn the_sweep_makes_the_calls_of_a_recorded_one_in_the_same_order() {
    let truth: serde_json::Value = serde_json::from_str(include_str!("fixtures/sweep-before-files.truth.json")).unwrap();
    let recorded = truth["calls"].as_array().unwrap().iter().filter(|call| call[4] != "setup").map(|call| {
        let text = |column: usize| call[column].as_str().map(str::to_owned);
        (text(4).unwrap(), text(0).unwrap(), text(1), call[2].as_u64(), text(3).unwrap())
    });
    let given = Given { peer: true, iterations: Some(20), warmup: Some(2), ..Given::default() };
    // It was made on a kernel without vgem.
    let planned = calls(&without(plan("sweep", &given), |_| false, false));
    let planned =
        planned.into_iter().map(|(phase, op, buffer, pages, outcome)| (phase.to_owned(), op, buffer, pages, outcome.to_owned()));
    let (planned, recorded): (Vec<_>, Vec<_>) = (planned.collect(), recorded.collect());
    assert_eq!(planned.len(), recorded.len());
    for (place, (planned, recorded)) in planned.iter().zip(&recorded).enumerate() {
        assert_eq!(planned, recorded, "call {place}");
    }
}

#[test]
fn on_every_kind_of_kernel_the_default_sweep_makes_what_it_can_in_the_same_order() {
    const SIZES: [(u32, u32); 4] = [(1, 200), (16, 200), (256, 100), (2025, 50)];
    let dma = [Does::Export(Buffer::Wc), Does::Export(Buffer::Coherent)];
    let dmabuf = [&dma[..], &[Does::Export(Buffer::Pages), Does::Foreign]].concat();
    for cannot in [&[][..], &[Does::Grant], &[Does::Foreign], &dma, &dmabuf] {
        for vgem in [true, false] {
            let can: Vec<Does> = ALL.into_iter().filter(|does| !cannot.contains(does)).collect();
            let planned = without(plan("sweep", &Given::default()), |name| cannot.iter().any(|does| does.name() == name), vgem);
            let (planned, expected) = (calls(&planned), sweep(&SIZES, &[4, 64], 5, &can, vgem));
            assert_eq!(planned.len(), expected.len(), "{cannot:?}");
            assert!(planned == expected, "{cannot:?}, {vgem}");
        }
    }
}

#[test]
fn page_counts_that_are_given_are_swept_in_their_order_without_a_loopback() {
    let numbers = [16, 1].map(Scalar::Number).to_vec();
    let set = vec![("pages".to_owned(), numbers), ("loopback".to_owned(), vec![])];
    let plan = plan("sweep", &Given { set, warmup: Some(0), without_dmabuf: true, ..Given::default() });
    assert!(calls(&plan) == sweep(&[(16, 200), (1, 200)], &[], 0, &ALL[..2], true));
}

#[test]
fn copies_go_in_and_out_at_each_size_on_a_device_of_their_own() {
    let of = |pages: u32, iterations: u32| {
        (0..5 + iterations).flat_map(move |number| {
            let phase = if number < 5 { "warmup" } else { "run" };
            let copy = || line(phase, "copy", Some((Buffer::Pages, pages)), "ok");
            [copy(), copy(), line(phase, "close", None, "ok")]
        })
    };
    let expected: Vec<_> =
        [(1, 200), (16, 200), (256, 100), (2025, 50)].into_iter().flat_map(|(pages, count)| of(pages, count)).collect();
    let plan = plan("copy", &Given::default());
    assert!(calls(&plan) == expected);
    // Both ways are of the same pages.
    assert_eq!(plan.needs.own_pages, 2025);
}

#[test]
fn every_map_of_deferred_is_unmapped_while_a_pipe_holds_its_last_page() {
    let plan = plan("deferred", &Given::default());
    let of = |pages: u32| {
        let one = move || ["map", "mmap", "munmap", "unmap"].map(|op| line("run", op, Some((Buffer::Pages, pages)), "ok"));
        (0..10).flat_map(move |_| one())
    };
    assert!(calls(&plan) == [1, 16, 256, 2025].into_iter().flat_map(of).collect::<Vec<_>>());
    let steps = plan.arms[0].workers[0].each.iter().filter_map(|step| match step.action {
        Action::Pipe { .. } => Some("pipe".to_owned()),
        Action::Unmap { .. } => Some("unmap".to_owned()),
        Action::Drain { .. } => Some("drain".to_owned()),
        Action::Sleep { ns, .. } => Some(format!("{} ms", ns / 1_000_000)),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), ["pipe", "unmap", "50 ms", "drain", "100 ms"]);
}
