//! Whether the steps make sense one after the other: everything is made before it is used, used according to its kind, and released once,
//! in an order in which each call does what its name says; and the peak of what is there.

mod state;

use std::collections::BTreeMap;
use std::ops::Range;

use nix::errno::Errno;

use super::held::Held;
use super::plan::{Action, Arm, Mapped, Step, WorkerPlan};
use super::problem::{Found, nearest};
use state::{Mapping, State, advice, has_references_for, is_mmapped, makers};

/// Looks at all steps of all workers of an arm.
pub fn check(arm: &Arm, found: &mut Found) {
    for worker in &arm.workers {
        Walk::through(worker, found);
    }
}

/// What a valid arm holds between two iterations, and its peak. Workers, processes and threads may come to
/// theirs at the same time.
pub fn peaks(arm: &Arm) -> (Held, Held) {
    arm.workers.iter().fold((Held::default(), Held::default()), |(standing, peak), worker| {
        let (more, most) = Walk::through(worker, &mut Found::default());
        let threads = worker.threads_in_all();
        (standing.with(more.times(threads), |a, b| a + b), peak.with(most.times(threads), |a, b| a + b))
    })
}

/// Something that is there.
#[derive(Clone, Debug)]
struct Alive {
    state: State,
    span: Range<usize>,
    line: usize,
    /// Pages of one of those that its name stands for, and how many there are.
    size: (usize, usize),
    held: Held,
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
    /// Whether a step can wait for its release.
    awaited: bool,
    number: Number,
    device: Option<usize>,
}

struct Walk<'a> {
    worker: &'a WorkerPlan,
    alive: BTreeMap<usize, Alive>,
    gone: BTreeMap<usize, Gone>,
    found: &'a mut Found,
    /// The most that was held at once.
    peak: Held,
}

impl<'a> Walk<'a> {
    /// Walks all steps of a worker. Returns what it holds between two iterations, and its peak.
    fn through(worker: &'a WorkerPlan, found: &'a mut Found) -> (Held, Held) {
        let mut walk = Self { worker, alive: BTreeMap::new(), gone: BTreeMap::new(), found, peak: Held::default() };
        worker.starting().for_each(|step| walk.step(step));
        let standing = walk.held();
        walk.iterations_and_end();
        (standing, walk.peak)
    }

    fn held(&self) -> Held {
        self.alive.values().fold(Held::default(), |sum, alive| sum.with(alive.held, |a, b| a + b))
    }

    fn iterations_and_end(&mut self) {
        let worker = self.worker;
        self.iterate(&worker.each);
        if self.found.is_empty() {
            // What one iteration makes may have got the number of what the next one waits for.
            worker.each.iter().for_each(|step| self.step(step));
        }
        worker.ending().for_each(|step| self.step(step));
        if self.found.is_empty() {
            for (object, alive) in &self.alive {
                let (name, end) = (&worker.objects[*object], alive.state.end());
                self.found.add(alive.span.clone(), format!("{name} is never released: add {{ {end} = \"{name}\" }} to end"));
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
                        "{name} is made in every iteration and never released in it: add {{ {} = \"{name}\" }} to each, or make it in start",
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
                format!("every iteration releases {name}, which is made only once: make it anew in each, or release it in end"),
            );
        }
    }

    fn step(&mut self, step: &Step) {
        let verb = step.entry.name;
        match &step.action {
            Action::Map { object, on, count, grants } | Action::Export { object, on, count, grants, .. } => {
                let mut needs = self.device(step, *on);
                needs.extend(self.of(step, grants));
                let size = match grants {
                    Mapped::Pages(pages, _) => (pages.most() as usize, *count as usize),
                    Mapped::Of(other) => self.size(*other),
                };
                self.make(step, *object, size, needs);
            }
            Action::Import { object, on, of } => self.import(step, *object, *on, *of),
            Action::Open { object } => self.make(step, *object, (0, 1), vec![]),
            Action::Allocate { object, pages, count, .. }
            | Action::Grant { object, pages, count }
            | Action::PeerGrant { object, pages, count }
            | Action::PeerImport { object, pages, count, .. } => {
                self.make(step, *object, (pages.most() as usize, *count as usize), vec![]);
            }
            Action::Pipe { object, of } => {
                self.is(step, *of, "pipe of", is_mmapped);
                self.make(step, *object, (0, 1), vec![]);
            }
            Action::Touch { object, .. } | Action::Read { object, .. } => self.is(step, *object, verb, is_mmapped),
            Action::Mmap { object, .. } => self.mmap(step, *object),
            Action::Wait { object, limit_ms, detach_after_ms } => self.wait(step, *object, *limit_ms, *detach_after_ms),
            Action::Release { object, waiter_every, .. } => self.release(step, *object, waiter_every.is_some()),
            Action::Close { object } => {
                self.change(step, *object);
                self.end_maps_of(step, *object);
            }
            Action::Munmap { object, .. }
            | Action::Unmap { object, .. }
            | Action::Attach { object, .. }
            | Action::Detach { object, .. }
            | Action::Free { object }
            | Action::ImportRelease { object, .. }
            | Action::Ungrant { object, .. }
            | Action::PeerLetGo { object, .. }
            | Action::Drain { object } => self.change(step, *object),
            Action::Copy { on, .. } => drop(self.device(step, *on)),
            Action::Actions { .. } => {
                let worker = self.worker;
                worker.parts.iter().for_each(|part| self.iterate(&part.each));
            }
            Action::Sleep { .. } | Action::Mark { .. } => {}
        }
    }

    fn import(&mut self, step: &Step, object: usize, on: Option<usize>, of: usize) {
        let mut needs = self.device(step, on);
        self.is(step, of, "import of", |state| has_references_for("import of", state));
        let (pages, count) = self.size(of);
        if count > 1 {
            let name = &self.worker.objects[of];
            self.found
                .add(step.span.clone(), format!("{name} stands for several, and an import is of one: make it without count"));
        }
        needs.push(of);
        self.make(step, object, (pages, 1), needs);
    }

    fn release(&mut self, step: &Step, object: usize, somebody_waits: bool) {
        if let Some(Alive { state: State::Buffer { attached: true }, .. }) = self.alive.get(&object) {
            if somebody_waits {
                let name = &self.worker.objects[object];
                self.found.add(
                    step.span.clone(),
                    format!("an importer keeps {name}, and a waiter would wait for that: detach it before"),
                );
            }
            self.nothing_needs(step, object, "release");
        }
        self.change(step, object);
    }

    /// What a step takes the references of, if it names something.
    fn of(&mut self, step: &Step, grants: &Mapped) -> Option<usize> {
        let Mapped::Of(other) = grants else { return None };
        let verb = format!("{} of", step.entry.name);
        self.is(step, *other, &verb, |state| has_references_for(&verb, state));
        Some(*other)
    }

    /// The pages of one of the objects of a name, and how many there are.
    fn size(&self, object: usize) -> (usize, usize) {
        self.alive.get(&object).map_or((0, 0), |alive| alive.size)
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

    fn make(&mut self, step: &Step, object: usize, size: (usize, usize), needs: Vec<usize>) {
        let Some(state) = State::made_by(step.entry.verb) else { return };
        let name = &self.worker.objects[object];
        if let Some(there) = self.alive.get(&object) {
            let (what, line, end) = (there.state.describe(), there.line, there.state.end());
            self.found.add(
                step.span.clone(),
                format!("{name} is there already, {what} since line {line}: end it first with {{ {end} = \"{name}\" }}, or take another name"),
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
                    size,
                    held: step.action.holds(size.0, size.1),
                    single: one_page(&step.action),
                    needs,
                    number: Number { given_on: None, taken_over },
                },
            );
            self.peak = self.peak.with(self.held(), usize::max);
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
                format!("of several pages Xen may map some before it refuses one, and the step could not show which: give {name} pages = 1"),
            );
        }
        self.change(step, object);
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
                    "an importer keeps {name} while this waits: detach it before, or meanwhile with detach_after_ms = 50, or write expect = \"ETIMEDOUT\""
                )),
                Some(State::Buffer { .. }) if !times_out => {
                    Some(format!("no step releases {name} while this waits: release it before, or write expect = \"ETIMEDOUT\""))
                }
                _ => None,
            }
        };
        match problem {
            Some(problem) => self.found.add(step.span.clone(), problem),
            None if detach_after_ms.is_some() => self.becomes(step, object, None),
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
            "{name} may have got the descriptor number of {other}, which an importer keeps, and the wait would be for that: detach {other} before"
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

    /// The same, and the step changes it or ends it.
    fn change(&mut self, step: &Step, object: usize) {
        let (verb, name) = (step.entry.verb, step.entry.name);
        self.is(step, object, name, |state| state.after(verb).is_some());
        let after = self.alive.get(&object).and_then(|alive| alive.state.after(verb));
        if let (Some(after), None) = (after, step.expect) {
            self.becomes(step, object, after);
        }
    }

    /// The state of an object after a step; `None`: it is gone.
    fn becomes(&mut self, step: &Step, object: usize, after: Option<State>) {
        if let Some(state) = after {
            if let Some(alive) = self.alive.get_mut(&object) {
                alive.state = state;
            }
            return;
        }
        self.nothing_needs(step, object, step.entry.name);
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
                "{name} was released in line {}: {verb} has to come before that, or {name} has to be made anew",
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

/// Why a wait cannot be one during which the importer detaches.
fn not_detached_meanwhile(name: &str, state: Option<State>, step: &Step, limit_ms: u32, after_ms: u32) -> Option<String> {
    match state {
        Some(State::Left) if step.expect.is_some() => Some(
            "a wait within which the importer detaches ends well: leave expect out, or detach in a step of its own".to_owned(),
        ),
        Some(State::Left) if limit_ms <= after_ms => Some(format!(
            "the importer detaches after {after_ms} ms, and this waits for {limit_ms} only: give a larger limit_ms, or detach in a step of its own"
        )),
        Some(State::Left) => None,
        Some(State::Buffer { attached: true }) => {
            Some(format!("as long as {name} is not released, its detaching is not its release: release it before"))
        }
        _ => Some(format!("no importer keeps {name}: attach it before its release, or leave detach_after_ms out")),
    }
}

fn one_page(action: &Action) -> bool {
    matches!(action, Action::Map { grants, .. } if grants.most() == 1)
}
