//! From a file's text to a plan, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::bounds::{self, MOST_BYTES};
use super::document::{Document, Fields, WorkerText};
use super::needs::Needs;
use super::order;
use super::peaks;
use super::plan::{Given, Missing, Plan};
use super::problem::{Found, Problems};
use super::values::{Reader, Values};

impl Plan {
    /// Reads a file's text: `file` is what errors call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place and with what to write instead.
    pub fn read(file: &str, text: &str, given: &Given) -> Result<Self, Problems> {
        let mut found = Found::default();
        if text.len() > MOST_BYTES {
            found.add(0..0, format!("it has more than {MOST_BYTES} bytes, which no scenario needs: give a scenario file"));
        }
        if let Some(at) = bounds::too_deep(text) {
            found.add(
                at..at + 1,
                "brackets in brackets in brackets, deeper than any scenario needs: one is not closed".to_owned(),
            );
        }
        found.refuse(file, text)?;
        let document = Document::read(text, &mut found);
        found.refuse(file, text)?;
        let mut values = Values::of(&document, given, &mut found);
        let stages = stages(&document, &mut found);
        if bounds::are_exceeded(&document, &values, &stages, &mut found) {
            found.refuse(file, text)?;
        }
        let mut plan = Self::head(file, text, &document, given, &mut values, &mut found);
        for (stage, workers) in stages.iter().enumerate() {
            let mentioned = |name: &str| stages.len() == 1 || workers.iter().any(|worker| worker.mentions(name));
            for environment in values.combinations(mentioned) {
                let name = values.name_of(&environment, stages.len(), mentioned);
                let mut reader = Reader { text, values: &environment, used: &mut values.used, found: &mut found };
                let arm = reader.arm(&document.head, (name, stage), workers, given);
                plan.arms.extend(arm);
            }
        }
        if let [only] = &mut plan.arms[..]
            && stages.len() > 1
        {
            only.name.clear();
        }
        if plan.arms.is_empty() && found.is_empty() {
            found.add(0..0, NOTHING_LEFT);
        }
        plan.parameters = values.fixed();
        unused(&document, &values, &mut found);
        same_names(&document, &mut found);
        if found.is_empty() {
            for arm in &plan.arms {
                order::check(arm, &mut found);
            }
        }
        if found.is_empty() {
            plan.needs = peaks::needs(&plan);
        }
        found.refuse(file, text)?;
        Ok(plan)
    }

    fn head(file: &str, text: &str, document: &Document, given: &Given, values: &mut Values, found: &mut Found) -> Self {
        let environment = BTreeMap::new();
        let mut reader = Reader { text, values: &environment, used: &mut values.used, found };
        let head = &document.head;
        reader.every_value_fits(head);
        let leaves_out = reader.says(head, "if_missing", "leave_out");
        let plan = Self {
            file: file.to_owned(),
            text: text.to_owned(),
            name: reader.word(head, "name").unwrap_or_default(),
            summary: reader.word(head, "summary").unwrap_or_default(),
            seed: given.seed.unwrap_or(reader.number(head, "seed", 1).into()),
            warmup: given.warmup.unwrap_or(reader.number(head, "warmup", 2)),
            pause_ms: given.pause_ms.unwrap_or(reader.number(head, "pause_ms", 0)),
            sequential: reader.says(head, "arm_order", "sequential"),
            if_missing: if leaves_out { Missing::IsLeftOut { but_actions: !given.kinds.is_empty() } } else { Missing::Fails },
            balloon: given.balloon.or_else(|| reader.balloon(head)),
            parameters: BTreeMap::new(),
            arms: Vec::new(),
            needs: Needs::default(),
        };
        if plan.summary.contains('\n') {
            found.add(span_of(head, "summary"), "a summary is one line: put the rest into imitates");
        }
        says_how_long(document, &plan, given, found);
        plan
    }
}

/// What is left of a scenario when nothing is.
const NOTHING_LEFT: &str =
    "nothing to do: --buffers and --without-dmabuf leave no action; name other kinds too, or leave one of the two out";

/// Exactly one of the keys that say how many iterations there are, and one that goes with the order of the arms.
fn says_how_long(document: &Document, plan: &Plan, given: &Given, found: &mut Found) {
    let head = &document.head;
    let keys = ["iterations", "iterations_by_pages", "duration_s"].into_iter().filter(|key| head.get(key).is_some());
    match keys.collect::<Vec<_>>()[..] {
        [] => found.add(0..0, "it does not say how long: write iterations = 100, or duration_s = 10"),
        ["duration_s"] if plan.sequential => found
            .add(span_of(head, "duration_s"), "arms one after another have a number of iterations each: write iterations = 100"),
        ["iterations_by_pages"] if !plan.sequential => found.add(
            span_of(head, "iterations_by_pages"),
            "arms that take turns have as many iterations each: write iterations = 100, or arm_order = \"sequential\"",
        ),
        [_] => {}
        [first, other, ..] => found.add(span_of(head, other), format!("{first} already says how long: leave one of the two out")),
    }
    if !given.kinds.is_empty() && !chooses(document) {
        found.add(0..0, "--buffers chooses by the kinds of workers and actions, and none here has one: leave it out");
    }
}

/// Whether something in it can be chosen by its kind.
fn chooses(document: &Document) -> bool {
    let has_kind = |worker: &WorkerText| worker.fields.get("kind").is_some();
    document.workers.iter().any(|worker| has_kind(worker) || worker.actions.iter().any(has_kind))
}

/// The workers that work at the same time, stage after stage.
fn stages<'a>(document: &'a Document, found: &mut Found) -> Vec<Vec<&'a WorkerText>> {
    let mut names: Vec<(&str, usize)> = Vec::new();
    let mut stages: Vec<Vec<&WorkerText>> = Vec::new();
    for worker in &document.workers {
        let stage = match worker.fields.word("after") {
            None => 0,
            Some((after, span)) => match names.iter().find(|(name, _)| *name == after) {
                Some((_, stage)) => stage + 1,
                None => {
                    found.add(span, format!("there is no worker {after} before this one: write the name of one that is"));
                    0
                }
            },
        };
        names.extend(worker.fields.word("name").map(|(name, _)| (name, stage)));
        if stages.len() <= stage {
            stages.resize(stage + 1, vec![]);
        }
        stages[stage].push(worker);
    }
    stages
}

/// Where the value of a key is.
pub(super) fn span_of(fields: &Fields, name: &str) -> Range<usize> {
    fields.get(name).map_or(0..0, |(_, value)| value.span.clone())
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
        if let Some((name, span)) = worker.fields.word("name")
            && !names.insert(name)
        {
            found.add(span, format!("there is a worker {name} already: give this one another name"));
        }
    }
}
