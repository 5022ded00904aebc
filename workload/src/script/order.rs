//! Whether the steps make sense one after the other: everything is made before it is used, used as what it is, and let go of once,
//! in an order in which each call does what its name says.

use std::collections::BTreeMap;
use std::ops::Range;

use nix::errno::Errno;

use super::plan::{Action, Arm, Mapped, Step, WorkerPlan};
use super::problem::{Found, nearest};

/// Looks at all steps of all workers of an arm.
pub fn check(arm: &Arm, found: &mut Found) {
    for worker in &arm.workers {
        Walk { worker, alive: BTreeMap::new(), gone: BTreeMap::new(), found }.all();
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Of open.
    Device,
    /// Of map: whether it is still to be unmapped, and what became of its mapping.
    Map { held: bool, mapping: Mapping },
    /// Of export.
    Buffer { attached: bool },
    /// Of export, and released since: vgem keeps it until it detaches.
    Left,
    /// Of allocate.
    Foreign { attached: bool },
    /// Of import.
    Import,
    /// Of grant.
    Grant,
    /// Of pipe.
    Pipe,
    /// Of peer_grant.
    PeerGrant,
    /// Of peer_import.
    PeerImport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mapping {
    Never,
    There,
    Gone,
}

impl State {
    /// As it is called in a sentence.
    fn describe(self) -> &'static str {
        match self {
            Self::Device => "an open device",
            Self::Map { mapping: Mapping::There, .. } => "a map that is mmapped",
            Self::Map { .. } => "a map",
            Self::Buffer { .. } => "an exported dma-buf",
            Self::Left => "a dma-buf that was released and that vgem keeps",
            Self::Foreign { .. } => "another driver's dma-buf",
            Self::Import => "an import",
            Self::Grant => "a grant",
            Self::Pipe => "a pipe",
            Self::PeerGrant => "a grant of the peer's",
            Self::PeerImport => "an import of the peer's",
        }
    }

    /// The step that lets go of it next.
    fn end(self) -> &'static str {
        match self {
            Self::Device => "close",
            Self::Map { mapping: Mapping::There, .. } => "munmap",
            Self::Map { .. } => "unmap",
            Self::Buffer { attached: true } | Self::Left | Self::Foreign { attached: true } => "detach",
            Self::Buffer { .. } => "release",
            Self::Foreign { .. } => "free",
            Self::Import => "import_release",
            Self::Grant => "ungrant",
            Self::Pipe => "drain",
            Self::PeerGrant => "peer_ungrant",
            Self::PeerImport => "peer_import_release",
        }
    }
}

/// Something that is there.
#[derive(Clone, Debug)]
struct Alive {
    state: State,
    span: Range<usize>,
    line: usize,
    several: bool,
    /// Whether it is of one page.
    single: bool,
    /// The objects that it needs to be there.
    needs: Vec<usize>,
    number: Number,
}

/// What else a dma-buf's descriptor number may stand for, by which the kernel finds buffers: a number is free for the next one as soon
/// as the descriptor is closed, also while an importer keeps the buffer.
#[derive(Clone, Debug, Default)]
struct Number {
    /// The line of something that came after it was closed.
    given_on: Option<usize>,
    /// Buffers that were closed before it was made, and were still kept.
    taken_over: Vec<usize>,
}

/// Something that was there.
#[derive(Clone)]
struct Gone {
    line: usize,
    /// Whether somebody can wait for its release.
    awaited: bool,
    number: Number,
    device: Option<usize>,
}

struct Walk<'a> {
    worker: &'a WorkerPlan,
    alive: BTreeMap<usize, Alive>,
    gone: BTreeMap<usize, Gone>,
    found: &'a mut Found,
}

impl Walk<'_> {
    fn all(mut self) {
        let worker = self.worker;
        worker.starting().for_each(|step| self.step(step));
        self.iterate(&worker.each);
        if self.found.is_empty() {
            // What one iteration makes may have got the number of what the next one waits for.
            worker.each.iter().for_each(|step| self.step(step));
        }
        worker.ending().for_each(|step| self.step(step));
        if self.found.is_empty() {
            for (object, alive) in &self.alive {
                let (name, end) = (&worker.objects[*object], alive.state.end());
                self.found.add(alive.span.clone(), format!("{name} is never let go of: add {{ {end} = \"{name}\" }} to end"));
            }
        }
    }

    /// The steps of an iteration, or of an action in it: whatever comes next finds what they found.
    fn iterate(&mut self, steps: &[Step]) {
        let before: BTreeMap<usize, State> = self.alive.iter().map(|(object, alive)| (*object, alive.state)).collect();
        steps.iter().for_each(|step| self.step(step));
        if self.found.is_empty() {
            self.leaves_it_as_it_was(&before, steps);
        }
    }

    fn leaves_it_as_it_was(&mut self, before: &BTreeMap<usize, State>, steps: &[Step]) {
        for (object, alive) in &self.alive {
            let name = &self.worker.objects[*object];
            match before.get(object) {
                None => self.found.add(
                    alive.span.clone(),
                    format!(
                        "{name} is made in every iteration and never let go of in it: add {{ {} = \"{name}\" }} to each, or make it in start",
                        alive.state.end()
                    ),
                ),
                Some(state) if *state != alive.state => self.found.add(
                    alive.span.clone(),
                    format!(
                        "{name} is {} when an iteration begins, and not any more when it ends: undo in each what each does to it",
                        state.describe()
                    ),
                ),
                Some(_) => {}
            }
        }
        for object in before.keys().filter(|object| !self.alive.contains_key(object)) {
            let (name, line) = (&self.worker.objects[*object], self.gone.get(object).map_or(0, |gone| gone.line));
            let span = steps.iter().find(|step| step.line == line).map_or(0..0, |step| step.span.clone());
            self.found.add(
                span,
                format!(
                    "every iteration lets go of {name}, which is made only once: make it anew in each, or let go of it in end"
                ),
            );
        }
    }

    fn step(&mut self, step: &Step) {
        match &step.action {
            Action::Open { object } => self.make(step, *object, State::Device, false, vec![]),
            Action::Close { object } => {
                self.change(step, *object, "close", |state| (state == State::Device).then_some(None));
                self.end_maps_of(step, *object);
            }
            Action::Map { object, on, count, grants } => {
                let mut needs = self.device(step, *on);
                needs.extend(self.of(step, grants, "map of", |state| matches!(state, State::PeerGrant | State::PeerImport)));
                let several = self.several(grants, *count);
                self.make(step, *object, State::Map { held: true, mapping: Mapping::Never }, several, needs);
            }
            Action::Mmap { object, .. } => self.mmap(step, *object),
            Action::Touch { object, .. } => self.look(step, *object, "touch"),
            Action::Read { object, .. } => self.look(step, *object, "read"),
            Action::Munmap { object, .. } => self.change(step, *object, "munmap", |state| match state {
                State::Map { held: true, mapping: Mapping::There } => {
                    Some(Some(State::Map { held: true, mapping: Mapping::Gone }))
                }
                State::Map { held: false, mapping: Mapping::There } => Some(None),
                _ => None,
            }),
            Action::Unmap { object, .. } => self.change(step, *object, "unmap", |state| match state {
                State::Map { held: true, mapping: Mapping::There } => {
                    Some(Some(State::Map { held: false, mapping: Mapping::There }))
                }
                State::Map { held: true, .. } => Some(None),
                _ => None,
            }),
            Action::Export { object, on, count, grants, .. } => {
                let mut needs = self.device(step, *on);
                let has_references = |state| matches!(state, State::Import | State::PeerGrant | State::PeerImport);
                needs.extend(self.of(step, grants, "export of", has_references));
                let several = self.several(grants, *count);
                self.make(step, *object, State::Buffer { attached: false }, several, needs);
            }
            Action::Attach { object } => self.change(step, *object, "attach", |state| match state {
                State::Buffer { attached: false } => Some(Some(State::Buffer { attached: true })),
                State::Foreign { attached: false } => Some(Some(State::Foreign { attached: true })),
                _ => None,
            }),
            Action::Detach { object, .. } => self.change(step, *object, "detach", |state| match state {
                State::Buffer { attached: true } => Some(Some(State::Buffer { attached: false })),
                State::Foreign { attached: true } => Some(Some(State::Foreign { attached: false })),
                State::Left => Some(None),
                _ => None,
            }),
            Action::Release { object, waiter_every, .. } => {
                if let (Some(_), Some(Alive { state: State::Buffer { attached: true }, .. })) =
                    (waiter_every, self.alive.get(object))
                {
                    let name = &self.worker.objects[*object];
                    self.found
                        .add(step.span.clone(), format!("vgem keeps {name}, and a waiter would wait for that: detach it before"));
                }
                if let Some(Alive { state: State::Buffer { attached: true }, .. }) = self.alive.get(object) {
                    self.nothing_needs(step, *object, "release");
                }
                self.change(step, *object, "release", |state| match state {
                    State::Buffer { attached: true } => Some(Some(State::Left)),
                    State::Buffer { attached: false } => Some(None),
                    _ => None,
                });
            }
            Action::Wait { object, limit_ms, detach_after_ms } => self.wait(step, *object, *limit_ms, *detach_after_ms),
            Action::Allocate { object, count, .. } => {
                self.make(step, *object, State::Foreign { attached: false }, *count > 1, vec![])
            }
            Action::Free { object } => {
                self.change(step, *object, "free", |state| (state == State::Foreign { attached: false }).then_some(None));
            }
            Action::Import { object, on, of } => {
                let mut needs = self.device(step, *on);
                self.is(step, *of, "import of", |state| matches!(state, State::Buffer { .. } | State::Foreign { .. }));
                if self.alive.get(of).is_some_and(|alive| alive.several) {
                    let name = &self.worker.objects[*of];
                    self.found.add(
                        step.span.clone(),
                        format!("{name} stands for several, and an import is of one: make it without count"),
                    );
                }
                needs.push(*of);
                self.make(step, *object, State::Import, false, needs);
            }
            Action::ImportRelease { object, .. } => {
                self.change(step, *object, "import_release", |state| (state == State::Import).then_some(None));
            }
            Action::Grant { object, count, .. } => self.make(step, *object, State::Grant, *count > 1, vec![]),
            Action::Ungrant { object, .. } => {
                self.change(step, *object, "ungrant", |state| (state == State::Grant).then_some(None));
            }
            Action::PeerGrant { object, count, .. } => self.make(step, *object, State::PeerGrant, *count > 1, vec![]),
            Action::PeerImport { object, count, .. } => self.make(step, *object, State::PeerImport, *count > 1, vec![]),
            Action::PeerLetGo { object, import, .. } => {
                let (verb, kind) =
                    if *import { ("peer_import_release", State::PeerImport) } else { ("peer_ungrant", State::PeerGrant) };
                self.change(step, *object, verb, |state| (state == kind).then_some(None));
            }
            Action::Copy { on, .. } => {
                self.device(step, *on);
            }
            Action::Pipe { object, of } => {
                self.look(step, *of, "pipe of");
                self.make(step, *object, State::Pipe, false, vec![]);
            }
            Action::Drain { object } => {
                self.change(step, *object, "drain", |state| (state == State::Pipe).then_some(None));
            }
            Action::Actions { .. } => {
                let worker = self.worker;
                worker.parts.iter().for_each(|part| self.iterate(&part.each));
            }
            Action::Sleep { .. } => {}
        }
    }

    /// What a step takes the references of, if it names something.
    fn of(&mut self, step: &Step, grants: &Mapped, verb: &str, fits: impl Fn(State) -> bool) -> Option<usize> {
        let Mapped::Of(other) = grants else { return None };
        self.is(step, *other, verb, fits);
        Some(*other)
    }

    /// Whether a step makes several.
    fn several(&self, grants: &Mapped, count: u32) -> bool {
        match grants {
            Mapped::Pages(..) => count > 1,
            Mapped::Of(other) => self.alive.get(other).is_some_and(|alive| alive.several),
        }
    }

    /// The device that a step uses: the one it names, else the only one there is.
    fn device(&mut self, step: &Step, on: Option<usize>) -> Vec<usize> {
        if let Some(device) = on {
            if !self.worker.opens {
                let name = &self.worker.objects[device];
                self.found
                    .add(step.span.clone(), format!("no step opens {name}: add {{ open = \"{name}\" }} before, or leave on out"));
            } else {
                self.is(step, device, "on", |state| state == State::Device);
            }
            return vec![device];
        }
        if !self.worker.opens {
            return vec![];
        }
        let open: Vec<usize> =
            self.alive.iter().filter(|(_, alive)| alive.state == State::Device).map(|(object, _)| *object).collect();
        if open.len() != 1 {
            let advice = if open.is_empty() {
                "no device is open here: open one before"
            } else {
                "several devices are open here: say which with on = \"name\""
            };
            self.found.add(step.span.clone(), advice);
        }
        open
    }

    fn make(&mut self, step: &Step, object: usize, state: State, several: bool, needs: Vec<usize>) {
        let name = &self.worker.objects[object];
        if let Some(there) = self.alive.get(&object) {
            let (what, line, end) = (there.state.describe(), there.line, there.state.end());
            self.found.add(
                step.span.clone(),
                format!("{name} is there already, {what} since line {line}: let go of it first with {{ {end} = \"{name}\" }}, or take another name"),
            );
            return;
        }
        if step.expect.is_none() {
            self.gone.remove(&object);
            let kept = self.alive.iter().filter(|(_, alive)| alive.state == State::Left);
            let taken_over = kept.map(|(object, _)| *object).collect();
            if matches!(state, State::Buffer { .. } | State::Foreign { .. } | State::Device) {
                let left = self.alive.values_mut().filter(|alive| alive.state == State::Left).map(|alive| &mut alive.number);
                for number in left.chain(self.gone.values_mut().map(|gone| &mut gone.number)) {
                    number.given_on = number.given_on.or(Some(step.line));
                }
            }
            self.alive.insert(
                object,
                Alive {
                    state,
                    span: step.span.clone(),
                    line: step.line,
                    several,
                    single: one_page(&step.action),
                    needs,
                    number: Number { given_on: None, taken_over },
                },
            );
        }
    }

    fn mmap(&mut self, step: &Step, object: usize) {
        let name = self.worker.objects[object].clone();
        if let Some(Alive { state: State::Map { mapping, .. }, line, .. }) = self.alive.get(&object)
            && *mapping != Mapping::Never
            && step.expect.is_none()
        {
            let line = *line;
            self.found.add(
                step.span.clone(),
                format!("a map can be mmapped once in its life, and {name} of line {line} already was: unmap it and map it anew"),
            );
            return;
        }
        if step.expect.is_some() && self.alive.get(&object).is_some_and(|alive| !alive.single) {
            self.found.add(
                step.span.clone(),
                format!("of several pages Xen may map some before it refuses one, and nobody could tell: give {name} pages = 1"),
            );
        }
        self.change(step, object, "mmap", |state| match state {
            State::Map { held, .. } => Some(Some(State::Map { held, mapping: Mapping::There })),
            _ => None,
        });
    }

    /// A step that looks into a mapping.
    fn look(&mut self, step: &Step, object: usize, verb: &str) {
        self.is(step, object, verb, |state| matches!(state, State::Map { mapping: Mapping::There, .. }));
    }

    fn wait(&mut self, step: &Step, object: usize, limit_ms: u32, detach_after_ms: Option<u32>) {
        let (alive, gone) = (self.alive.get(&object), self.gone.get(&object));
        let (state, number, device) = match (alive, gone) {
            (Some(Alive { state: state @ (State::Buffer { .. } | State::Left), number, needs, .. }), _) => {
                (Some(*state), number, needs.first().copied().filter(|_| self.worker.opens))
            }
            (None, Some(Gone { awaited: true, number, device, .. })) => (None, number, *device),
            _ => return self.is(step, object, "wait", |state| matches!(state, State::Buffer { .. })),
        };
        let name = &self.worker.objects[object];
        let times_out = step.expect == Some(Errno::ETIMEDOUT);
        let problem = if let Some(problem) = self.number_means_another(name, number) {
            Some(problem)
        } else if let Some(device) = device.filter(|device| !self.alive.contains_key(device)) {
            Some(format!("{0} is closed, on which {name} was exported: wait before {0} is closed", self.worker.objects[device]))
        } else if let Some(after_ms) = detach_after_ms {
            not_detached_meanwhile(name, state, step, limit_ms, after_ms)
        } else {
            match state {
                Some(State::Left) if !times_out => Some(format!(
                    "vgem keeps {name} while this waits: detach it before, or meanwhile with detach_after_ms = 50, or write expect = \"ETIMEDOUT\""
                )),
                Some(State::Buffer { .. }) if !times_out => {
                    Some(format!("nobody releases {name} while this waits: release it before, or write expect = \"ETIMEDOUT\""))
                }
                _ => None,
            }
        };
        match problem {
            Some(problem) => self.found.add(step.span.clone(), problem),
            None if detach_after_ms.is_some() => self.change(step, object, "wait", |_| Some(None)),
            None => {}
        }
    }

    /// Why the kernel could take a buffer's descriptor number for another's.
    fn number_means_another(&self, name: &str, number: &Number) -> Option<String> {
        if let Some(line) = number.given_on {
            return Some(format!(
                "what line {line} makes may have got {name}'s descriptor number, and the wait would be for that: wait before it"
            ));
        }
        let kept = |other: &&usize| self.alive.get(other).is_some_and(|other| other.state == State::Left);
        let other = &self.worker.objects[*number.taken_over.iter().find(kept)?];
        Some(format!(
            "{name} may have got the descriptor number of {other}, which vgem keeps, and the wait would be for that: detach {other} before"
        ))
    }

    /// The object is there, and is what the step needs.
    fn is(&mut self, step: &Step, object: usize, verb: &str, fits: impl Fn(State) -> bool) {
        let name = &self.worker.objects[object];
        match self.alive.get(&object) {
            Some(alive) if fits(alive.state) => {}
            Some(alive) => {
                let text = format!(
                    "{verb} does not fit {name}, which is {} (line {}): {}",
                    alive.state.describe(),
                    alive.line,
                    advice(verb, alive.state)
                );
                self.found.add(step.span.clone(), text);
            }
            None => self.found.add(step.span.clone(), self.missing(object, verb)),
        }
    }

    /// The same, and the step changes it, or ends it with `None`.
    fn change(&mut self, step: &Step, object: usize, verb: &str, becomes: impl Fn(State) -> Option<Option<State>>) {
        self.is(step, object, verb, |state| becomes(state).is_some());
        let Some(after) = self.alive.get(&object).and_then(|alive| becomes(alive.state)) else { return };
        if step.expect.is_some() {
            return;
        }
        if let Some(state) = after {
            if let Some(alive) = self.alive.get_mut(&object) {
                alive.state = state;
            }
            return;
        }
        self.nothing_needs(step, object, verb);
        if let Some(alive) = self.alive.remove(&object) {
            let device = alive.needs.first().copied().filter(|_| self.worker.opens);
            let awaited = matches!(alive.state, State::Buffer { .. } | State::Left);
            self.gone.insert(object, Gone { line: step.line, awaited, number: alive.number, device });
        }
    }

    /// What is mapped or exported holds a closed device open by itself; the rest of its maps goes with it.
    fn end_maps_of(&mut self, step: &Step, device: usize) {
        for (object, alive) in self.alive.iter_mut().filter(|(_, alive)| alive.needs.contains(&device)) {
            match &mut alive.state {
                State::Map { held, mapping: Mapping::There } => *held = false,
                State::Map { .. } => {
                    let number = Number::default();
                    self.gone.insert(*object, Gone { line: step.line, awaited: false, number, device: Some(device) });
                }
                _ => {}
            }
        }
        self.alive.retain(|_, alive| {
            !(alive.needs.contains(&device) && matches!(alive.state, State::Map { mapping: Mapping::Never | Mapping::Gone, .. }))
        });
    }

    fn nothing_needs(&mut self, step: &Step, object: usize, verb: &str) {
        let name = &self.worker.objects[object];
        let outlives = |state| verb == "close" && matches!(state, State::Map { .. } | State::Buffer { .. } | State::Left);
        let users = self.alive.iter().filter(|(_, alive)| alive.needs.contains(&object) && !outlives(alive.state));
        for (other, alive) in users {
            let (user, end) = (&self.worker.objects[*other], alive.state.end());
            self.found.add(
                step.span.clone(),
                format!("{verb} of {name} comes too early: {user} of line {} still needs it: {end} {user} before", alive.line),
            );
        }
    }

    fn missing(&self, object: usize, verb: &str) -> String {
        let name = &self.worker.objects[object];
        if let Some(gone) = self.gone.get(&object) {
            return format!(
                "{name} was let go of in line {}: {verb} has to come before that, or {name} has to be made anew",
                gone.line
            );
        }
        let there = self.alive.keys().map(|other| self.worker.objects[*other].as_str());
        match nearest(name, there) {
            Some(meant) => format!("nothing has made {name}: write {meant}"),
            None => format!("nothing has made {name} when {verb} comes: {}", makers(verb)),
        }
    }
}

/// Why a wait cannot be one during which vgem detaches.
fn not_detached_meanwhile(name: &str, state: Option<State>, step: &Step, limit_ms: u32, after_ms: u32) -> Option<String> {
    match state {
        Some(State::Left) if step.expect.is_some() => {
            Some("a wait within which vgem detaches ends well: leave expect out, or detach in a step of its own".to_owned())
        }
        Some(State::Left) if limit_ms <= after_ms => Some(format!(
            "vgem detaches after {after_ms} ms, and this waits for {limit_ms} only: give a larger limit_ms, or detach in a step of its own"
        )),
        Some(State::Left) => None,
        Some(State::Buffer { attached: true }) => {
            Some(format!("as long as {name} is not released, its detaching is not its release: release it before"))
        }
        _ => Some(format!("vgem does not keep {name}: attach it before its release, or leave detach_after_ms out")),
    }
}

fn one_page(action: &Action) -> bool {
    matches!(action, Action::Map { grants, .. } if grants.most() == 1)
}

/// What makes the objects of a verb.
fn makers(verb: &str) -> &'static str {
    match verb {
        "close" | "on" => "open it in a step before",
        "mmap" | "touch" | "read" | "pipe of" | "munmap" | "unmap" => "map it in a step before",
        "release" | "wait" => "export it in a step before",
        "attach" | "detach" | "import of" => "export or allocate it in a step before",
        "free" => "allocate it in a step before",
        "import_release" => "import it in a step before",
        "export of" => "import it in a step before, or peer_import or peer_grant it",
        "map of" => "peer_grant or peer_import it in a step before",
        "peer_ungrant" => "peer_grant it in a step before",
        "peer_import_release" => "peer_import it in a step before",
        "ungrant" => "grant it in a step before",
        "drain" => "pipe it in a step before",
        _ => "make it in a step before",
    }
}

/// What to write instead.
fn advice(verb: &str, state: State) -> String {
    match (verb, state) {
        ("touch" | "read" | "pipe of", State::Map { mapping: Mapping::Never, .. }) => "mmap it before".to_owned(),
        ("touch" | "read" | "pipe of", State::Map { .. }) => "it was munmapped: do it before".to_owned(),
        ("munmap", State::Map { .. }) => "it is not mmapped: leave munmap out, or mmap it before".to_owned(),
        ("unmap", State::Map { held: false, .. }) => "it was unmapped before, or its device closed: write munmap".to_owned(),
        ("free", State::Foreign { attached: true }) => "vgem is attached to it: detach it before".to_owned(),
        ("attach" | "import of", State::Left) => {
            format!("its descriptor is closed: {} before release", verb.trim_end_matches(" of"))
        }
        ("attach", State::Buffer { .. } | State::Foreign { .. }) => "it is attached already: detach it before".to_owned(),
        ("detach", State::Buffer { .. } | State::Foreign { .. }) => "it is not attached: leave detach out".to_owned(),
        (_, state) => format!("let go of it with {}", state.end()),
    }
}
