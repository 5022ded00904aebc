//! From a file's text to a plan, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::document::{Document, Fields, Located, Scalar, Value};
use super::needs::Needs;
use super::order;
use super::plan::{Arm, Given, Plan, Turns};
use super::problem::{Found, Problems};
use super::steps::Cursor;
use super::values::{Reader, Values};

impl Plan {
    /// Reads a file's text: `file` is what errors call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place and with what to write instead.
    pub fn read(file: &str, text: &str, given: &Given) -> Result<Self, Problems> {
        let mut found = Found::default();
        let document = Document::read(text, &mut found);
        found.refuse(file, text)?;
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
        }
        if found.is_empty() {
            plan.needs = Needs::of(&plan);
        }
        found.refuse(file, text)?;
        Ok(plan)
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
            balloon: given.balloon.or_else(|| reader.balloon(head)),
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
        if let Some((_, Located { value: Value::Scalar(Scalar::Word(name)), span })) = worker.fields.get("name")
            && !names.insert(name.clone())
        {
            found.add(span.clone(), format!("there is a worker {name} already: give this one another name"));
        }
    }
}
