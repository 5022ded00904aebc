//! Workers and steps in one arm, with their values filled in, their objects numbered, and grants handed out to them.

use nix::errno::Errno;

use super::document::{Fields, Located, PaceText, StepText, WorkerText};
use super::plan::{Action, Amount, Arm, Given, Mapped, Order, Pace, Part, Pick, Side, Slice, Step, Turns, WorkerPlan};
use super::problem::place;
use super::read::span_of;
use super::values::{Fitting, Reader};
use super::vocabulary::{ERRNOS, Kind, Role, Verb};
use crate::device::{ImporterKind, Memory};
use crate::truth::Buffer;

/// Hands out grants of both sides.
pub(super) struct Cursor {
    given: Side,
    next: [usize; 3],
}

impl Cursor {
    pub(super) fn new(peer: bool) -> Self {
        Self { given: if peer { Side::Peer } else { Side::Own }, next: [0; 3] }
    }

    fn take(&mut self, side: Side, per_thread: usize, threads: usize) -> usize {
        let next = &mut self.next[side as usize];
        let base = *next;
        *next += per_thread * threads;
        base
    }
}

impl Reader<'_> {
    /// One combination of values; none if nothing is left of it.
    pub(super) fn arm(
        &mut self,
        head: &Fields,
        (name, stage): (String, usize),
        workers: &[&WorkerText],
        given: &Given,
    ) -> Option<Arm> {
        let mut cursor = Cursor::new(given.peer);
        let iterations = self.iterations_of(workers);
        let workers = workers.iter().filter_map(|worker| self.chosen(worker, &mut cursor, given)).collect::<Vec<_>>();
        let mut arm = Arm { name, stage, workers, turns: Turns::Seconds(self.number(head, "duration_s", 1)) };
        let (of_file, by_pages) = (self.optional(head, "iterations"), self.iterations_at(head, arm.largest()));
        let turns = iterations.or(given.iterations).or(by_pages).or(of_file);
        if let Some(turns) = turns {
            arm.turns = Turns::Iterations(turns);
        }
        Some(arm).filter(|arm| !arm.workers.is_empty())
    }

    /// The number of iterations that all of these have, instead of the file's.
    fn iterations_of(&mut self, workers: &[&WorkerText]) -> Option<u32> {
        let own = workers.iter().map(|worker| self.optional(&worker.fields, "iterations")).collect::<Vec<_>>();
        for (worker, iterations) in workers.iter().zip(&own) {
            if *iterations != own[0] {
                let text = "concurrent workers have as many iterations each: write the same number for all of them, or for none";
                self.found.add(worker.span.clone(), text);
            }
        }
        own.first().copied().flatten()
    }

    /// A worker with those of its actions that are wanted; none if nothing is left of it.
    fn chosen(&mut self, worker: &WorkerText, cursor: &mut Cursor, given: &Given) -> Option<WorkerPlan> {
        let of_kind = |fields: &Fields| {
            fields
                .word("kind")
                .is_none_or(|(kind, _)| given.kinds.is_empty() || given.kinds.iter().any(|wanted| wanted.name() == kind))
        };
        let has_actions = !worker.actions.is_empty();
        let worker = WorkerText {
            actions: worker.actions.iter().filter(|action| of_kind(&action.fields)).cloned().collect(),
            ..worker.clone()
        };
        let mut planned = self.worker(&worker, has_actions, cursor);
        if given.without_dmabuf {
            planned.parts.retain(|part| !part.steps().any(|step| step.action.needs_dmabuf()));
        }
        let needs = given.without_dmabuf && planned.own_steps().any(|step| step.action.needs_dmabuf());
        let empty = has_actions && planned.parts.is_empty() && worker.fields.get("kind").is_none();
        (of_kind(&worker.fields) && !needs && !empty).then_some(planned)
    }

    fn worker(&mut self, worker: &WorkerText, has_actions: bool, cursor: &mut Cursor) -> WorkerPlan {
        let mut planned = WorkerPlan {
            name: self.word(&worker.fields, "name").unwrap_or_default(),
            processes: self.number(&worker.fields, "processes", 1),
            threads: self.number(&worker.fields, "threads", 1),
            pace: self.pace(worker),
            objects: Vec::new(),
            start: Vec::new(),
            each: Vec::new(),
            end: Vec::new(),
            parts: Vec::new(),
            opens: worker.all_steps().any(|step| step.entry.verb == Verb::Open),
        };
        let mut naming = Naming {
            objects: Vec::new(),
            slices: Vec::new(),
            processes: planned.processes,
            threads: planned.threads_in_all(),
            cursor,
        };
        self.slices(worker, &mut naming);
        let [start, each, end] = &worker.steps;
        planned.start = self.steps(start, &mut naming);
        planned.each = self.steps(each, &mut naming);
        planned.end = self.steps(end, &mut naming);
        for action in &worker.actions {
            let [start, each, end] = [0, 1, 2].map(|list| self.steps(&action.steps[list], &mut naming));
            planned.parts.push(Part { name: self.word(&action.fields, "name").unwrap_or_default(), start, each, end });
        }
        planned.objects = naming.objects;
        if each.is_empty() {
            self.found.add(worker.span.clone(), "this worker has no iteration: write each = [ … ]");
        }
        worker.actions.iter().chain([worker]).for_each(|table| self.every_value_fits(&table.fields));
        self.actions_are_done(worker, has_actions);
        planned
    }

    /// The step `actions` stands once in each of a worker that has some, and nowhere else.
    fn actions_are_done(&mut self, worker: &WorkerText, has_actions: bool) {
        let [_, each, _] = &worker.steps;
        let does = |step: &&StepText| step.entry.verb == Verb::Actions;
        let mut in_each = each.iter().filter(does);
        let first = in_each.next();
        if has_actions && first.is_none() {
            self.found.add(worker.span.clone(), "nothing does this worker's actions: write { actions = \"listed\" } in each");
        }
        if let (Some(step), false) = (first, has_actions) {
            self.found.add(step.span.clone(), "this worker has no actions: write [[workers.actions]] for each");
        }
        let elsewhere = worker.all_steps().filter(does).filter(|step| first.is_none_or(|first| first.span != step.span));
        for step in elsewhere {
            self.found.add(step.span.clone(), "actions are done once in each of a worker: leave this one out");
        }
    }

    fn pace(&mut self, worker: &WorkerText) -> Pace {
        let Some(Located { value: PaceText::Open(fields), .. }) = &worker.pace else { return Pace::Closed };
        let rate = ["rate_hz", "frame_rate"].into_iter().find_map(|name| self.optional(fields, name));
        rate.map_or(Pace::Closed, |rate| Pace::Open { period_ns: 1_000_000_000 / u64::from(rate) })
    }

    fn steps(&mut self, steps: &[StepText], naming: &mut Naming<'_>) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step, naming)).collect()
    }

    /// Grants for every name that maps some: as many as its largest step needs.
    fn slices(&mut self, worker: &WorkerText, naming: &mut Naming<'_>) {
        let mut sizes: Vec<(String, Side, usize, bool)> = Vec::new();
        for step in worker.all_steps().filter(|step| matches!(step.entry.verb, Verb::Map | Verb::Export | Verb::Copy)) {
            if step.fields.get("grants_of").is_some() || step.fields.get("of").is_some() {
                continue;
            }
            let Some(pages) = self.pages(&step.fields) else { continue };
            let name = naming.name_of_slice(step, self);
            let same = self.says(&step.fields, "grants", "same");
            let side = self.side(step, naming.cursor.given);
            let count = if same { 1 } else { self.number(&step.fields, "count", 1) as usize };
            match sizes.iter_mut().find(|(known, known_side, ..)| *known == name && *known_side == side) {
                Some((_, _, size, _)) => *size = (*size).max(pages.most() as usize * count),
                None => sizes.push((name, side, pages.most() as usize * count, same)),
            }
        }
        for (name, side, per_thread, _) in sizes {
            let base = naming.cursor.take(side, per_thread, naming.threads);
            naming.slices.push((name, Slice { side, base, per_thread, per_item: 0 }));
        }
    }

    fn side(&mut self, step: &StepText, given: Side) -> Side {
        let word = self.word(&step.fields, "source");
        if word.as_deref().is_some_and(|word| word.starts_with("peer")) && given == Side::Own {
            self.found.add(
                span_of(&step.fields, "source"),
                "this maps a peer's pages, and no peer was given: run it with --peer DOMID",
            );
        }
        match word.as_deref() {
            Some("own") => Side::Own,
            Some("peer") => Side::Peer,
            Some("peer_dmabuf") => Side::PeerDmabuf,
            _ => given,
        }
    }

    /// The grants of a step that maps `pages` of each of its objects.
    fn slice(&mut self, step: &StepText, pages: &Amount, naming: &Naming<'_>) -> Option<Slice> {
        let given = naming.cursor.given;
        let (name, side) = match self.word(&step.fields, "grants_of") {
            None => (naming.name_of_slice(step, self), self.side(step, given)),
            Some(other) => {
                let Some((_, slice)) = naming.slices.iter().find(|(name, _)| *name == other) else {
                    self.found.add(
                        span_of(&step.fields, "grants_of"),
                        format!("no step maps or exports {other}: write the name of one that does"),
                    );
                    return None;
                };
                if (pages.most() as usize) > slice.per_thread {
                    self.found.add(
                        span_of(&step.fields, "grants_of"),
                        format!("{other} has {} pages, and this wants {}: make {other} larger", slice.per_thread, pages.most()),
                    );
                }
                (other, slice.side)
            }
        };
        let (_, slice) = naming.slices.iter().find(|(known, slice)| *known == name && slice.side == side)?;
        let shared = step.fields.get("grants_of").is_some() || self.says(&step.fields, "grants", "same");
        Some(Slice { per_item: if shared { 0 } else { pages.most() as usize }, ..*slice })
    }

    fn order(&mut self, fields: &Fields) -> Order {
        if self.says(fields, "order", "reversed") { Order::Reversed } else { Order::Made }
    }

    fn pick(&mut self, fields: &Fields) -> Pick {
        match self.word(fields, "pick").as_deref() {
            Some("next") => Pick::Next,
            Some("random") => Pick::Random,
            _ => Pick::All,
        }
    }

    /// The place of the object that a key names.
    fn other(&mut self, fields: &Fields, key: &str, naming: &mut Naming<'_>) -> Option<usize> {
        self.word(fields, key).map(|name| naming.object(&name))
    }

    fn step(&mut self, step: &StepText, naming: &mut Naming<'_>) -> Option<Step> {
        let fields = &step.fields;
        let value = self.fitting(step.entry.value, &step.value)?;
        self.every_value_fits(fields);
        let object = match &value {
            Fitting::Word(name) if step.entry.value == Kind::Name => naming.object(name),
            _ => 0,
        };
        let action = match step.entry.role {
            Role::Makes => self.making(step, object, naming)?,
            Role::Uses => self.using(step, object, &value, naming)?,
            Role::Ends => self.ending(step, object)?,
        };
        let expect = self.word(fields, "expect").map(|name| errno(&name));
        Some(Step { entry: step.entry, action, expect, line: place(self.text, step.span.start).0, span: step.span.clone() })
    }

    /// A step that makes an object.
    fn making(&mut self, step: &StepText, object: usize, naming: &mut Naming<'_>) -> Option<Action> {
        let fields = &step.fields;
        if matches!(step.entry.verb, Verb::PeerGrant | Verb::PeerImport) {
            self.asks_the_peer(step, naming);
        }
        Some(match step.entry.verb {
            Verb::Open => Action::Open { object },
            Verb::Map => {
                let grants = self.mapped(step, naming)?;
                Action::Map { object, on: self.other(fields, "on", naming), count: self.number(fields, "count", 1), grants }
            }
            Verb::Export => {
                let on = self.other(fields, "on", naming);
                let buffer = match self.word(fields, "buffer")?.as_str() {
                    "wc" => Buffer::Wc,
                    "coherent" => Buffer::Coherent,
                    _ => Buffer::Pages,
                };
                let grants = self.mapped(step, naming)?;
                Action::Export { object, on, buffer, count: self.number(fields, "count", 1), grants }
            }
            Verb::Allocate => {
                let any = self.says(fields, "from", "any");
                let from = (!any).then(|| self.memory(fields));
                let pages = self.pages(fields)?;
                Action::Allocate { object, pages, count: self.number(fields, "count", 1), from }
            }
            Verb::Import => {
                Action::Import { object, on: self.other(fields, "on", naming), of: self.other(fields, "of", naming)? }
            }
            Verb::Grant => {
                let pages = self.pages(fields)?;
                Action::Grant { object, pages, count: self.number(fields, "count", 1) }
            }
            Verb::PeerGrant => {
                let pages = self.pages(fields)?;
                Action::PeerGrant { object, pages, count: self.number(fields, "count", 1) }
            }
            Verb::PeerImport => {
                let (pages, from) = (self.pages(fields)?, self.memory(fields));
                Action::PeerImport { object, pages, count: self.number(fields, "count", 1), from }
            }
            Verb::Pipe => Action::Pipe { object, of: self.other(fields, "of", naming)? },
            verb => unreachable!("{verb:?} makes nothing"),
        })
    }

    /// A step that uses an object, or none.
    fn using(&mut self, step: &StepText, object: usize, value: &Fitting, naming: &mut Naming<'_>) -> Option<Action> {
        let fields = &step.fields;
        Some(match step.entry.verb {
            Verb::Mmap => Action::Mmap { object, read_only: self.says(fields, "access", "read_only") },
            Verb::Touch => Action::Touch { object, pick: self.pick(fields) },
            Verb::Read => Action::Read { object, pick: self.pick(fields) },
            Verb::Attach => {
                let to = if self.says(fields, "to", "device") { ImporterKind::Device } else { ImporterKind::Vgem };
                Action::Attach { object, to }
            }
            Verb::Wait => {
                let (limit_ms, detach_after_ms) = (self.number(fields, "limit_ms", 0), self.optional(fields, "detach_after_ms"));
                Action::Wait { object, limit_ms, detach_after_ms }
            }
            Verb::Copy => {
                let pages = self.pages(fields)?;
                let slice = self.slice(step, &pages, naming)?;
                let inwards = matches!(value, Fitting::Word(word) if word == "in");
                Action::Copy { on: self.other(fields, "on", naming), inwards, pages, slice }
            }
            Verb::Actions => Action::Actions { shuffled: matches!(value, Fitting::Word(word) if word == "shuffled") },
            Verb::HoldFrames => {
                let rate = u64::from(self.number(fields, "rate_hz", 60));
                Action::Sleep { ns: as_number(value) * 1_000_000_000 / rate, at: self.optional(fields, "at") }
            }
            Verb::SleepMs => Action::Sleep { ns: as_number(value) * 1_000_000, at: self.optional(fields, "at") },
            Verb::Mark => {
                let Fitting::Word(name) = value else { return None };
                Action::Mark { name: name.clone(), at: self.optional(fields, "at") }
            }
            verb => unreachable!("{verb:?} uses nothing"),
        })
    }

    /// A step that ends an object, or a part of it.
    fn ending(&mut self, step: &StepText, object: usize) -> Option<Action> {
        let order = self.order(&step.fields);
        Some(match step.entry.verb {
            Verb::Close => Action::Close { object },
            Verb::Munmap => Action::Munmap { object, order },
            Verb::Unmap => Action::Unmap { object, order },
            Verb::Detach => Action::Detach { object, order },
            Verb::Release => Action::Release { object, order, waiter_every: self.optional(&step.fields, "waiter_every") },
            Verb::Free => Action::Free { object },
            Verb::ImportRelease => Action::ImportRelease { object, order },
            Verb::Ungrant => Action::Ungrant { object, order },
            Verb::PeerUngrant => Action::PeerLetGo { object, order, import: false },
            Verb::PeerImportRelease => Action::PeerLetGo { object, order, import: true },
            Verb::Drain => Action::Drain { object },
            verb => unreachable!("{verb:?} ends nothing"),
        })
    }

    /// Every key of a table, also one that this arm does not use.
    pub(super) fn every_value_fits(&mut self, fields: &Fields) {
        for (key, value) in fields.iter() {
            let _ = self.fitting(key.kind, value);
        }
    }

    fn memory(&mut self, fields: &Fields) -> Memory {
        if self.says(fields, "from", "dma_heap") { Memory::DmaHeap } else { Memory::Udmabuf }
    }

    /// What is asked of a frontend needs one; and the page that it is asked by is not mapped in forked processes.
    fn asks_the_peer(&mut self, step: &StepText, naming: &Naming<'_>) {
        if naming.cursor.given == Side::Own {
            let text = "this asks a peer's frontend, and no peer was given: run it with --peer DOMID";
            self.found.add(step.span.clone(), text);
        }
        if naming.processes > 1 {
            let text = "only the first process can ask the peer's frontend: give this worker threads instead of processes";
            self.found.add(step.span.clone(), text);
        }
    }

    fn mapped(&mut self, step: &StepText, naming: &mut Naming<'_>) -> Option<Mapped> {
        let fields = &step.fields;
        match (self.other(fields, "of", naming), self.pages(fields)) {
            (Some(other), None) => {
                for key in ["source", "grants", "grants_of", "count"] {
                    if fields.get(key).is_some() {
                        self.found.add(
                            span_of(fields, key),
                            format!("the references are those of the object behind of: leave {key} out"),
                        );
                    }
                }
                Some(Mapped::Of(other))
            }
            (None, Some(pages)) => {
                let slice = self.slice(step, &pages, naming)?;
                Some(Mapped::Pages(pages, slice))
            }
            (Some(_), Some(_)) => {
                self.found.add(span_of(fields, "pages"), "it has as many pages as the object behind of: leave pages out");
                None
            }
            // Its value does not fit, which is reported already.
            (None, None) if fields.get("pages").is_some() => None,
            (None, None) => {
                self.found.add(
                    step.span.clone(),
                    "it does not say of what: write pages = 16, or of = \"the name of an object that has references\"",
                );
                None
            }
        }
    }
}

fn as_number(value: &Fitting) -> u64 {
    match value {
        Fitting::Number(number) => (*number).into(),
        _ => 0,
    }
}

/// The names of a worker's objects, and the grants that go with them.
struct Naming<'a> {
    objects: Vec<String>,
    slices: Vec<(String, Slice)>,
    processes: u32,
    threads: usize,
    cursor: &'a mut Cursor,
}

impl Naming<'_> {
    fn object(&mut self, name: &str) -> usize {
        self.objects.iter().position(|known| known == name).unwrap_or_else(|| {
            self.objects.push(name.to_owned());
            self.objects.len() - 1
        })
    }

    /// Copies have no name, and all of a worker's are of the same grants: out goes what came in.
    fn name_of_slice(&self, step: &StepText, reader: &mut Reader<'_>) -> String {
        match (step.entry.verb, reader.fitting(step.entry.value, &step.value)) {
            // No object's name has a space.
            (Verb::Copy, _) => "a copy".to_owned(),
            (_, Some(Fitting::Word(name))) => name,
            _ => String::new(),
        }
    }
}

/// The errno of this name, which is one of [`ERRNOS`].
fn errno(name: &str) -> Errno {
    debug_assert!(ERRNOS.contains(&name));
    // Names are what Debug calls them, as everywhere in the truth.
    (1..=133).map(Errno::from_raw).find(|errno| format!("{errno:?}") == name).unwrap_or(Errno::UnknownErrno)
}
