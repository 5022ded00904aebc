//! What is to be done: the document with its parameters filled in, once for every arm, as typed steps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use nix::errno::Errno;

use super::document::{Document, Fields, Located, PaceText, Scalar, StepText, Value, WorkerText};
use super::needs::Needs;
use super::order;
use super::problem::{Found, Problems, nearest, place};
use super::vocabulary::{ERRNOS, Kind, MOST_PAGES, Verb};
use crate::truth::Buffer;

/// Whose pages are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This domain's own.
    Own,
    /// The peer's.
    Peer,
    /// Those of a dma-buf that the peer imported.
    PeerDmabuf,
}

/// What is given from outside the file.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Parameters with other values than the file's; several make arms.
    pub set: Vec<(String, Vec<Scalar>)>,
    /// Whether pages are a peer's where a step does not say whose.
    pub peer: bool,
    /// Instead of the file's.
    pub iterations: Option<u32>,
    /// Instead of the file's.
    pub warmup: Option<u32>,
    /// Instead of the file's.
    pub seed: Option<u64>,
    /// Instead of the file's.
    pub pause_ms: Option<u32>,
}

/// How many iterations there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// So many that count, and the warm-up before them.
    Iterations(u32),
    /// As many as begin within so many seconds.
    Seconds(u32),
}

/// A scenario, ready to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What errors call the file.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The scenario's name.
    pub name: String,
    /// One line about it.
    pub summary: String,
    /// What orders and drawn numbers are derived from.
    pub seed: u64,
    /// Iterations before those that count.
    pub warmup: u32,
    /// Those that count.
    pub turns: Turns,
    /// The grid that iterations of closed loops start on; 0: none.
    pub pause_ms: u32,
    /// Parameters that are the same in every arm.
    pub parameters: BTreeMap<String, Scalar>,
    /// Every combination of what arms vary; one without a name if there are none.
    pub arms: Vec<Arm>,
    /// What it needs and holds at most.
    pub needs: Needs,
}

/// One combination.
#[derive(Clone, Debug)]
pub struct Arm {
    /// As in `buffer=wc,pages=16`; empty: there is nothing to tell apart.
    pub name: String,
    /// Who does what.
    pub workers: Vec<Worker>,
}

/// Some threads that do the same.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// How many processes.
    pub processes: u32,
    /// How many threads in each.
    pub threads: u32,
    /// How its iterations follow each other.
    pub pace: Pace,
    /// The names of its objects; steps mean them by their place here.
    pub objects: Vec<String>,
    /// Once at the start.
    pub start: Vec<Step>,
    /// In each iteration.
    pub each: Vec<Step>,
    /// Once at the end.
    pub end: Vec<Step>,
    /// Whether it opens its devices itself.
    pub opens: bool,
}

impl Worker {
    /// All of its steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.start.iter().chain(&self.each).chain(&self.end)
    }

    /// How many threads do this, in all processes together.
    pub fn hands(&self) -> usize {
        self.processes as usize * self.threads as usize
    }
}

/// How iterations follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The next begins when the last is done.
    Closed,
    /// One is due every so many nanoseconds.
    Open {
        /// The period.
        period_ns: u64,
    },
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// How it has to fail, if it has to.
    pub expect: Option<Errno>,
    /// Its line in the file.
    pub line: usize,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// A number of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Always the same.
    Fixed(u32),
    /// One after the other.
    Cycle(Vec<u32>),
    /// Drawn from here to there.
    Between(u32, u32),
}

impl Amount {
    /// The largest it can be.
    pub fn most(&self) -> u32 {
        match self {
            Self::Fixed(pages) | Self::Between(_, pages) => *pages,
            Self::Cycle(all) => all.iter().copied().max().unwrap_or(0),
        }
    }
}

/// Grants of a side that one object's pages are; every hand has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Whose.
    pub side: Side,
    /// Where those of the first hand begin among all of that side.
    pub base: usize,
    /// How far it is to the next hand's.
    pub per_hand: usize,
    /// How far it is to the next object's of the same name; 0: all map the same.
    pub per_item: usize,
}

/// What an exported buffer is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grants {
    /// So many of somebody's pages.
    Pages(Amount, Slice),
    /// An import's references.
    OfImport(usize),
}

/// The order in which several are let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were made.
    Made,
    /// The last first.
    Reversed,
}

/// Which of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// All.
    All,
    /// Another one each iteration, in turn.
    Next,
    /// One drawn.
    Random,
}

/// What a step does. Objects and devices are places in [`Worker::objects`]; no device: the worker's only one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the vocabulary describes every one of them")]
pub enum Action {
    Open { object: usize },
    Close { object: usize },
    Map { object: usize, on: Option<usize>, pages: Amount, count: u32, slice: Slice },
    Mmap { object: usize, read_only: bool },
    Touch { object: usize, pick: Pick },
    Read { object: usize, pick: Pick },
    Munmap { object: usize, order: Order },
    Unmap { object: usize, order: Order },
    Export { object: usize, on: Option<usize>, buffer: Buffer, count: u32, grants: Grants },
    Attach { object: usize },
    Detach { object: usize, order: Order },
    Release { object: usize, order: Order },
    Wait { object: usize, limit_ms: u32 },
    Allocate { object: usize, pages: Amount, count: u32, dma_heap: bool },
    Free { object: usize },
    Import { object: usize, on: Option<usize>, of: usize },
    ImportRelease { object: usize, order: Order },
    Grant { object: usize, pages: Amount, count: u32 },
    Ungrant { object: usize, order: Order },
    Copy { on: Option<usize>, inwards: bool, pages: Amount, slice: Slice },
    Sleep { ns: u64, at: Option<u32> },
}

impl Plan {
    /// Reads a file's text: `file` is what errors call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place and with what to write instead.
    pub fn read(file: &str, text: &str, given: &Given) -> Result<Self, Problems> {
        let mut found = Found::default();
        let document = Document::read(text, &mut found);
        if !found.is_empty() {
            return found.none_or(file, text, unreachable_plan());
        }
        let mut values = Values::of(&document, given, &mut found);
        let mut plan = Self::head(file, text, &document, given, &mut values, &mut found);
        let combinations = values.combinations();
        for environment in &combinations {
            let mut reader = Reader { text, values: environment, used: &mut values.used, found: &mut found };
            let mut cursor = Cursor::new(given.peer);
            let workers = document.workers.iter().map(|worker| reader.worker(worker, &mut cursor)).collect();
            plan.arms.push(Arm { name: values.name_of(environment), workers });
        }
        plan.parameters = values.fixed(&combinations);
        unused(&document, &values, &mut found);
        same_names(&document, &mut found);
        if found.is_empty() {
            for arm in &plan.arms {
                order::check(arm, &mut found);
            }
            arms_in_processes(&plan, &document, &mut found);
        }
        if found.is_empty() {
            plan.needs = Needs::of(&plan);
        }
        found.none_or(file, text, plan)
    }

    fn head(file: &str, text: &str, document: &Document, given: &Given, values: &mut Values, found: &mut Found) -> Self {
        let environment = BTreeMap::new();
        let mut reader = Reader { text, values: &environment, used: &mut values.used, found };
        let head = &document.head;
        reader.number(head, "version", 1);
        let (iterations, seconds) = (reader.optional(head, "iterations"), reader.optional(head, "duration_s"));
        let plan = Self {
            file: file.to_owned(),
            text: text.to_owned(),
            name: reader.word(head, "name", ""),
            summary: reader.word(head, "summary", ""),
            seed: given.seed.unwrap_or(reader.number(head, "seed", 1).into()),
            warmup: given.warmup.unwrap_or(reader.number(head, "warmup", 2)),
            turns: match (given.iterations.or(iterations), seconds) {
                (Some(iterations), _) => Turns::Iterations(iterations),
                (None, seconds) => Turns::Seconds(seconds.unwrap_or(1)),
            },
            pause_ms: given.pause_ms.unwrap_or(reader.number(head, "pause_ms", 0)),
            parameters: BTreeMap::new(),
            arms: Vec::new(),
            needs: Needs::default(),
        };
        reader.word(head, "imitates", "");
        if plan.summary.contains('\n') {
            found.add(span_of(head, "summary"), "a summary is one line: put the rest into imitates");
        }
        match (iterations, seconds) {
            (None, None) => found.add(0..0, "it does not say how long: write iterations = 100, or duration_s = 10"),
            (Some(_), Some(_)) => {
                found.add(span_of(head, "duration_s"), "iterations already says how long: leave one of the two out")
            }
            _ => {}
        }
        plan
    }

    /// What it is and needs, for people.
    pub fn describe(&self) -> String {
        let (needs, held) = (&self.needs, self.needs.held);
        let mut lines = vec![format!("{}: {}", self.name, self.summary)];
        let arms: Vec<&str> = self.arms.iter().map(|arm| arm.name.as_str()).filter(|name| !name.is_empty()).collect();
        if !arms.is_empty() {
            lines.push(format!("{} arms: {}", arms.len(), arms.join("; ")));
        }
        let mut at_once = vec![format!("{} objects", held.objects)];
        let parts = [
            (held.pages, "mapped pages"),
            (held.dma_pages, "pages of DMA buffers"),
            (held.foreign_pages, "pages of other drivers' buffers"),
            (held.granted_pages, "granted pages"),
        ];
        at_once.extend(parts.into_iter().filter(|(pages, _)| *pages > 0).map(|(pages, what)| format!("{pages} {what}")));
        lines.push(format!("holds at once, at most: {}", at_once.join(", ")));
        if needs.peer_dmabuf_pages > 0 {
            lines.push(format!("needs {} pages of a peer's dma-buf (its frontend's --dmabuf-pages)", needs.peer_dmabuf_pages));
        }
        lines.push(match (needs.peer_pages, needs.own_pages) {
            (0, 0) => "needs no other granted pages".to_owned(),
            (peer, 0) => format!("needs {peer} pages granted, by a peer (--peer) or by this domain itself (--self)"),
            (peer, own) => format!("needs {peer} pages of a peer (--peer), and {own} of this domain's own"),
        });
        lines.push(String::new());
        lines.join("\n")
    }

    /// More calls than the run will make, for the log to have room for.
    pub fn expected_calls(&self) -> usize {
        const SEARCHING: usize = 10_000;
        let turns = match self.turns {
            Turns::Iterations(count) => (count + self.warmup) as usize,
            Turns::Seconds(seconds) => seconds as usize * 1000,
        };
        let items = |step: &Step| match &step.action {
            Action::Map { count, .. } | Action::Export { count, .. } | Action::Grant { count, .. } => *count as usize,
            _ => 1,
        };
        let most = |worker: &Worker| worker.steps().map(items).max().unwrap_or(1);
        let each =
            |worker: &Worker| (worker.each.len() * turns + worker.start.len() + worker.end.len()) * most(worker) * worker.hands();
        let calls: usize = self.arms.iter().flat_map(|arm| &arm.workers).map(each).sum();
        // Not beyond what a small domain can spare; a longer log grows as it goes.
        (SEARCHING + calls).min(1 << 18)
    }
}

/// A value of the type, for a result that is an error anyway.
fn unreachable_plan() -> Plan {
    Plan {
        file: String::new(),
        text: String::new(),
        name: String::new(),
        summary: String::new(),
        seed: 0,
        warmup: 0,
        turns: Turns::Iterations(0),
        pause_ms: 0,
        parameters: BTreeMap::new(),
        arms: Vec::new(),
        needs: Needs::default(),
    }
}

fn span_of(fields: &Fields, name: &str) -> Range<usize> {
    fields.get(name).map_or(0..0, |(_, value)| value.span.clone())
}

/// What the parameters of one arm stand for.
type Environment = BTreeMap<String, Scalar>;

/// What the parameters stand for, and which of them were asked for.
struct Values {
    /// In the order of the arms' names; one value: not an arm.
    all: BTreeMap<String, Vec<Scalar>>,
    used: BTreeSet<String>,
}

impl Values {
    fn of(document: &Document, given: &Given, found: &mut Found) -> Self {
        let mut all: BTreeMap<String, Vec<Scalar>> = BTreeMap::new();
        let mut defaults: BTreeMap<String, Scalar> = BTreeMap::new();
        for (name, default) in &document.parameters {
            all.insert(name.value.clone(), vec![default.clone()]);
            defaults.insert(name.value.clone(), default.clone());
        }
        for (name, values) in &document.arms {
            match defaults.get(&name.value) {
                None => {
                    found.add(name.span.clone(), format!("{} is no parameter: give it a default under [parameters]", name.value))
                }
                Some(default) => {
                    for value in values.iter().filter(|value| !alike(&value.value, default)) {
                        found.add(
                            value.span.clone(),
                            format!("{} is {}: every value of it has to be", name.value, kind_of(default)),
                        );
                    }
                    all.insert(name.value.clone(), values.iter().map(|value| value.value.clone()).collect());
                }
            }
        }
        for (name, values) in &given.set {
            match defaults.get(name) {
                None => found.add(0..0, no_parameter(name, defaults.keys(), "--set ")),
                Some(default) if values.iter().any(|value| !alike(value, default)) => {
                    found.add(0..0, format!("--set {name}: it is {}, as its default under [parameters]", kind_of(default)));
                }
                Some(_) => {
                    all.insert(name.clone(), values.clone());
                }
            }
        }
        Self { all, used: BTreeSet::new() }
    }

    /// Every combination, the last parameter's values next to each other.
    fn combinations(&self) -> Vec<Environment> {
        let mut combinations = vec![Environment::new()];
        for (name, values) in &self.all {
            combinations = combinations
                .iter()
                .flat_map(|so_far| {
                    values.iter().map(|value| so_far.clone().into_iter().chain([(name.clone(), value.clone())]).collect())
                })
                .collect();
        }
        combinations
    }

    fn name_of(&self, environment: &Environment) -> String {
        let varied = environment.iter().filter(|(name, _)| self.all[*name].len() > 1);
        varied.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    }

    fn fixed(&self, combinations: &[Environment]) -> BTreeMap<String, Scalar> {
        let first = combinations.first().cloned().unwrap_or_default();
        first.into_iter().filter(|(name, _)| self.all[name].len() == 1).collect()
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

fn alike(one: &Scalar, other: &Scalar) -> bool {
    matches!((one, other), (Scalar::Number(_), Scalar::Number(_)) | (Scalar::Word(_), Scalar::Word(_)))
}

fn kind_of(scalar: &Scalar) -> &'static str {
    match scalar {
        Scalar::Number(_) => "a number",
        Scalar::Word(_) => "a word",
    }
}

fn no_parameter<'a>(name: &str, known: impl Iterator<Item = &'a String> + Clone, before: &str) -> String {
    match nearest(name, known.clone().map(String::as_str)) {
        Some(meant) => format!("{before}{name}: there is no such parameter: write {meant}"),
        None => {
            let known: Vec<_> = known.map(String::as_str).collect();
            let known = if known.is_empty() { "there are none".to_owned() } else { format!("there are {}", known.join(", ")) };
            format!("{before}{name}: there is no such parameter ({known}): give it a default under [parameters]")
        }
    }
}

fn unused(document: &Document, values: &Values, found: &mut Found) {
    for (name, _) in &document.parameters {
        if !values.used.contains(&name.value) && found.is_empty() {
            found.add(
                name.span.clone(),
                format!("nothing uses the parameter {0}: write \"${0}\" in a step, or leave it out", name.value),
            );
        }
    }
}

fn same_names(document: &Document, found: &mut Found) {
    let mut names = BTreeSet::new();
    for worker in &document.workers {
        if let Some((_, Located { value: Value::Scalar(Scalar::Word(name)), span })) = worker.fields.get("name")
            && !names.insert(name.clone())
        {
            found.add(span.clone(), format!("there is a worker {name} already: give this one another name"));
        }
    }
}

/// Arms take turns in one process: nobody could tell another one's threads when theirs is.
fn arms_in_processes(plan: &Plan, document: &Document, found: &mut Found) {
    let several = plan.arms.iter().flat_map(|arm| &arm.workers).any(|worker| worker.processes > 1);
    if several && plan.arms.len() > 1 {
        let place = document.arms.first().map_or(0..0, |(name, _)| name.span.clone());
        found.add(place, "arms take turns within one process: leave the arms out and run it once for each value with --set, or use threads instead of processes");
    }
}

/// Hands out grants of both sides.
struct Cursor {
    given: Side,
    next: [usize; 3],
}

impl Cursor {
    fn new(peer: bool) -> Self {
        Self { given: if peer { Side::Peer } else { Side::Own }, next: [0; 3] }
    }

    fn take(&mut self, side: Side, per_hand: usize, hands: usize) -> usize {
        let next = &mut self.next[side as usize];
        let base = *next;
        *next += per_hand * hands;
        base
    }
}

/// What a value turned out to be.
enum Fitting {
    Number(u32),
    Word(String),
    Pages(Amount),
}

/// Reads values in one arm.
struct Reader<'a> {
    text: &'a str,
    values: &'a Environment,
    used: &'a mut BTreeSet<String>,
    found: &'a mut Found,
}

impl Reader<'_> {
    fn number(&mut self, fields: &Fields, name: &str, default: u32) -> u32 {
        self.optional(fields, name).unwrap_or(default)
    }

    fn optional(&mut self, fields: &Fields, name: &str) -> Option<u32> {
        let (key, value) = fields.get(name)?;
        match self.fitting(key.kind, value)? {
            Fitting::Number(number) => Some(number),
            _ => None,
        }
    }

    fn word(&mut self, fields: &Fields, name: &str, default: &str) -> String {
        self.optional_word(fields, name).unwrap_or_else(|| default.to_owned())
    }

    fn optional_word(&mut self, fields: &Fields, name: &str) -> Option<String> {
        let (key, value) = fields.get(name)?;
        match self.fitting(key.kind, value)? {
            Fitting::Word(word) => Some(word),
            _ => None,
        }
    }

    fn pages(&mut self, fields: &Fields) -> Option<Amount> {
        let (key, value) = fields.get("pages")?;
        match self.fitting(key.kind, value)? {
            Fitting::Pages(amount) => Some(amount),
            _ => None,
        }
    }

    /// The value if it fits there, else a problem.
    fn fitting(&mut self, kind: Kind, value: &Located<Value>) -> Option<Fitting> {
        let mut through = String::new();
        let resolved = match &value.value {
            Value::Parameter(name) => match self.values.get(name) {
                Some(scalar) => {
                    self.used.insert(name.clone());
                    through = format!("${name} is {scalar}, and ");
                    Value::Scalar(scalar.clone())
                }
                None => {
                    self.found.add(value.span.clone(), no_parameter(name, self.values.keys(), "$"));
                    return None;
                }
            },
            other => other.clone(),
        };
        let fitting = match (kind, &resolved) {
            (Kind::Number { least, most }, Value::Scalar(Scalar::Number(number))) => {
                within(*number, least, most).map(Fitting::Number)
            }
            (Kind::Pages, Value::Scalar(Scalar::Number(number))) => {
                within(*number, 1, MOST_PAGES).map(|pages| Fitting::Pages(Amount::Fixed(pages)))
            }
            (Kind::Pages, Value::Cycle(all)) => all_within(all).map(|all| Fitting::Pages(Amount::Cycle(all))),
            (Kind::Pages, Value::Between(both)) => all_within(both).map(|both| Fitting::Pages(Amount::Between(both[0], both[1]))),
            (Kind::Word(words), Value::Scalar(Scalar::Word(word))) if words.contains(&word.as_str()) => {
                Some(Fitting::Word(word.clone()))
            }
            (Kind::Name, Value::Scalar(Scalar::Word(word))) if is_name(word) => Some(Fitting::Word(word.clone())),
            (Kind::Text, Value::Scalar(Scalar::Word(word))) if !word.trim().is_empty() => Some(Fitting::Word(word.clone())),
            _ => None,
        };
        if fitting.is_none() {
            let meant = match (kind, &resolved) {
                (Kind::Word(words), Value::Scalar(Scalar::Word(word))) => nearest(word, words.iter().copied()),
                _ => None,
            };
            let advice = meant.map_or_else(|| kind.describe(), |word| format!("\"{word}\""));
            self.found.add(value.span.clone(), format!("{through}this does not fit here: write {advice}"));
        }
        fitting
    }

    fn worker(&mut self, worker: &WorkerText, cursor: &mut Cursor) -> Worker {
        let mut planned = Worker {
            name: self.word(&worker.fields, "name", ""),
            processes: self.number(&worker.fields, "processes", 1),
            threads: self.number(&worker.fields, "threads", 1),
            pace: self.pace(worker),
            objects: Vec::new(),
            start: Vec::new(),
            each: Vec::new(),
            end: Vec::new(),
            opens: worker.steps.iter().flatten().any(|step| step.entry.verb == Verb::Open),
        };
        let mut naming = Naming { objects: Vec::new(), slices: Vec::new(), hands: planned.hands(), cursor };
        self.slices(worker, &mut naming);
        let [start, each, end] = &worker.steps;
        planned.start = self.steps(start, &mut naming);
        planned.each = self.steps(each, &mut naming);
        planned.end = self.steps(end, &mut naming);
        planned.objects = naming.objects;
        if each.is_empty() {
            self.found.add(worker.span.clone(), "this worker has no iteration: write each = [ … ]");
        }
        planned
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
        for step in worker.steps.iter().flatten().filter(|step| matches!(step.entry.verb, Verb::Map | Verb::Export | Verb::Copy))
        {
            if step.fields.get("grants_of").is_some() || step.fields.get("of").is_some() {
                continue;
            }
            let Some(pages) = self.pages(&step.fields) else { continue };
            let name = naming.name_of_slice(step, self);
            let same = self.optional_word(&step.fields, "grants").as_deref() == Some("same");
            let side = self.side(step, naming.cursor.given);
            let count = if same { 1 } else { self.number(&step.fields, "count", 1) as usize };
            match sizes.iter_mut().find(|(known, known_side, ..)| *known == name && *known_side == side) {
                Some((_, _, size, _)) => *size = (*size).max(pages.most() as usize * count),
                None => sizes.push((name, side, pages.most() as usize * count, same)),
            }
        }
        for (name, side, per_hand, _) in sizes {
            let base = naming.cursor.take(side, per_hand, naming.hands);
            naming.slices.push((name, Slice { side, base, per_hand, per_item: 0 }));
        }
    }

    fn side(&mut self, step: &StepText, given: Side) -> Side {
        let word = self.optional_word(&step.fields, "source");
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
        let (name, side) = match self.optional_word(&step.fields, "grants_of") {
            None => (naming.name_of_slice(step, self), self.side(step, given)),
            Some(other) => {
                let Some((_, slice)) = naming.slices.iter().find(|(name, _)| *name == other) else {
                    self.found.add(
                        span_of(&step.fields, "grants_of"),
                        format!("no step maps or exports {other}: write the name of one that does"),
                    );
                    return None;
                };
                if (pages.most() as usize) > slice.per_hand {
                    self.found.add(
                        span_of(&step.fields, "grants_of"),
                        format!("{other} has {} pages, and this wants {}: make {other} larger", slice.per_hand, pages.most()),
                    );
                }
                (other, slice.side)
            }
        };
        let (_, slice) = naming.slices.iter().find(|(known, slice)| *known == name && slice.side == side)?;
        let shared =
            step.fields.get("grants_of").is_some() || self.optional_word(&step.fields, "grants").as_deref() == Some("same");
        Some(Slice { per_item: if shared { 0 } else { pages.most() as usize }, ..*slice })
    }

    fn order(&mut self, fields: &Fields) -> Order {
        if self.optional_word(fields, "order").as_deref() == Some("reversed") { Order::Reversed } else { Order::Made }
    }

    fn pick(&mut self, fields: &Fields) -> Pick {
        match self.optional_word(fields, "pick").as_deref() {
            Some("next") => Pick::Next,
            Some("random") => Pick::Random,
            _ => Pick::All,
        }
    }

    /// The place of the object that a key names.
    fn other(&mut self, fields: &Fields, key: &str, naming: &mut Naming<'_>) -> Option<usize> {
        self.optional_word(fields, key).map(|name| naming.object(&name))
    }

    fn step(&mut self, step: &StepText, naming: &mut Naming<'_>) -> Option<Step> {
        let fields = &step.fields;
        let value = self.fitting(step.entry.value, &step.value)?;
        self.every_value_fits(fields);
        let mut object = || match &value {
            Fitting::Word(name) => naming.object(name),
            _ => 0,
        };
        let action = match step.entry.verb {
            Verb::Open => Action::Open { object: object() },
            Verb::Close => Action::Close { object: object() },
            Verb::Map => {
                let object = object();
                let pages = self.pages(fields)?;
                let slice = self.slice(step, &pages, naming)?;
                Action::Map { object, on: self.other(fields, "on", naming), pages, count: self.number(fields, "count", 1), slice }
            }
            Verb::Mmap => {
                Action::Mmap { object: object(), read_only: self.optional_word(fields, "access").as_deref() == Some("read_only") }
            }
            Verb::Touch => Action::Touch { object: object(), pick: self.pick(fields) },
            Verb::Read => Action::Read { object: object(), pick: self.pick(fields) },
            Verb::Munmap => Action::Munmap { object: object(), order: self.order(fields) },
            Verb::Unmap => Action::Unmap { object: object(), order: self.order(fields) },
            Verb::Export => {
                let object = object();
                let on = self.other(fields, "on", naming);
                let buffer = match self.optional_word(fields, "buffer")?.as_str() {
                    "wc" => Buffer::Wc,
                    "coherent" => Buffer::Coherent,
                    _ => Buffer::Pages,
                };
                let grants = self.exported(step, naming)?;
                Action::Export { object, on, buffer, count: self.number(fields, "count", 1), grants }
            }
            Verb::Attach => Action::Attach { object: object() },
            Verb::Detach => Action::Detach { object: object(), order: self.order(fields) },
            Verb::Release => Action::Release { object: object(), order: self.order(fields) },
            Verb::Wait => Action::Wait { object: object(), limit_ms: self.number(fields, "limit_ms", 0) },
            Verb::Allocate => {
                let dma_heap = self.optional_word(fields, "from").as_deref() == Some("dma_heap");
                let (object, pages) = (object(), self.pages(fields)?);
                Action::Allocate { object, pages, count: self.number(fields, "count", 1), dma_heap }
            }
            Verb::Free => Action::Free { object: object() },
            Verb::Import => {
                let object = object();
                Action::Import { object, on: self.other(fields, "on", naming), of: self.other(fields, "of", naming)? }
            }
            Verb::ImportRelease => Action::ImportRelease { object: object(), order: self.order(fields) },
            Verb::Grant => {
                let (object, pages) = (object(), self.pages(fields)?);
                Action::Grant { object, pages, count: self.number(fields, "count", 1) }
            }
            Verb::Ungrant => Action::Ungrant { object: object(), order: self.order(fields) },
            Verb::Copy => {
                let pages = self.pages(fields)?;
                let slice = self.slice(step, &pages, naming)?;
                let inwards = matches!(&value, Fitting::Word(word) if word == "in");
                Action::Copy { on: self.other(fields, "on", naming), inwards, pages, slice }
            }
            Verb::HoldFrames => {
                let rate = u64::from(self.number(fields, "rate_hz", 60));
                Action::Sleep { ns: as_number(&value) * 1_000_000_000 / rate, at: self.optional(fields, "at") }
            }
            Verb::SleepMs => Action::Sleep { ns: as_number(&value) * 1_000_000, at: self.optional(fields, "at") },
        };
        let expect = self.optional_word(fields, "expect").map(|name| errno(&name));
        Some(Step { action, expect, line: place(self.text, step.span.start).0, span: step.span.clone() })
    }

    /// Every key of a step, also one that this verb's action happens not to look at in this arm.
    fn every_value_fits(&mut self, fields: &Fields) {
        for (key, value) in fields.iter() {
            let _ = self.fitting(key.kind, value);
        }
    }

    fn exported(&mut self, step: &StepText, naming: &mut Naming<'_>) -> Option<Grants> {
        let fields = &step.fields;
        match (self.other(fields, "of", naming), self.pages(fields)) {
            (Some(import), None) => {
                for key in ["source", "grants", "grants_of", "count"] {
                    if fields.get(key).is_some() {
                        self.found.add(span_of(fields, key), format!("an import's references are its own: leave {key} out"));
                    }
                }
                Some(Grants::OfImport(import))
            }
            (None, Some(pages)) => {
                let slice = self.slice(step, &pages, naming)?;
                Some(Grants::Pages(pages, slice))
            }
            (Some(_), Some(_)) => {
                self.found.add(span_of(fields, "pages"), "an import has as many pages as its buffer: leave pages out");
                None
            }
            (None, None) => {
                self.found.add(
                    step.span.clone(),
                    "it does not say what to export: write pages = 16, or of = \"the name of an import\"",
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
    hands: usize,
    cursor: &'a mut Cursor,
}

impl Naming<'_> {
    fn object(&mut self, name: &str) -> usize {
        self.objects.iter().position(|known| known == name).unwrap_or_else(|| {
            self.objects.push(name.to_owned());
            self.objects.len() - 1
        })
    }

    /// Copies have no name: the grants of each such step are its own.
    fn name_of_slice(&self, step: &StepText, reader: &mut Reader<'_>) -> String {
        match (step.entry.verb, reader.fitting(step.entry.value, &step.value)) {
            (Verb::Copy, _) | (_, None) => format!("copy at {}", step.span.start),
            (_, Some(Fitting::Word(name))) => name,
            (_, Some(_)) => String::new(),
        }
    }
}

fn within(number: u64, least: u32, most: u32) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| (least..=most).contains(number))
}

fn all_within(numbers: &[Located<u64>]) -> Option<Vec<u32>> {
    numbers.iter().map(|number| within(number.value, 1, MOST_PAGES)).collect()
}

fn is_name(word: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(inner)
}

/// The errno of this name, which is one of [`ERRNOS`].
fn errno(name: &str) -> Errno {
    debug_assert!(ERRNOS.contains(&name));
    // Names are what Debug calls them, as everywhere in the truth.
    (1..=133).map(Errno::from_raw).find(|errno| format!("{errno:?}") == name).unwrap_or(Errno::UnknownErrno)
}
