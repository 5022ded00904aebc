//! Values: those of the parameters in each arm, and whether a value fits its key.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Fields, Located, Scalar, Value};
use super::plan::{Amount, Given};
use super::problem::{Found, nearest};
use super::vocabulary::{Kind, MOST_ITERATIONS, MOST_PAGES};
use crate::balloon::Wanted;

/// The values of the parameters of one arm.
pub(super) type Environment = BTreeMap<String, Scalar>;

/// The values of the parameters, and which of them were used.
pub(super) struct Values {
    /// In the order of the arms' names; one value: not an arm.
    all: BTreeMap<String, Vec<Scalar>>,
    pub(super) used: BTreeSet<String>,
}

impl Values {
    pub(super) fn of(document: &Document, given: &Given, found: &mut Found) -> Self {
        let mut used = BTreeSet::new();
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
            if values.is_empty() {
                used.insert(name.clone());
            }
            match defaults.get(name) {
                None if values.is_empty() => {}
                None => found.add(0..0, no_parameter(name, defaults.keys(), "--set ")),
                Some(default) if values.iter().any(|value| !alike(value, default)) => {
                    found.add(0..0, format!("--set {name}: it is {}, as its default under [parameters]", kind_of(default)));
                }
                Some(_) => {
                    all.insert(name.clone(), values.clone());
                }
            }
        }
        Self { all, used }
    }

    /// How many combinations there are; the most that a number holds where there are more.
    pub(super) fn count(&self, mentioned: impl Fn(&str) -> bool) -> usize {
        let varied = self.all.iter().filter(|(name, _)| mentioned(name));
        varied.fold(1, |count: usize, (_, values)| count.saturating_mul(values.len()))
    }

    /// Every combination of what varies among the parameters that are `mentioned`, the last one's values next to each other.
    pub(super) fn combinations(&self, mentioned: impl Fn(&str) -> bool) -> Vec<Environment> {
        let mut combinations = vec![Environment::new()];
        for (name, values) in &self.all {
            let values = if mentioned(name) { &values[..] } else { &values[..values.len().min(1)] };
            if values.is_empty() && !mentioned(name) {
                continue;
            }
            combinations = combinations
                .iter()
                .flat_map(|so_far| {
                    values.iter().map(|value| so_far.clone().into_iter().chain([(name.clone(), value.clone())]).collect())
                })
                .collect();
        }
        combinations
    }

    /// Of those that are `mentioned`, the ones that vary; where there are several stages, all.
    pub(super) fn name_of(&self, environment: &Environment, stages: usize, mentioned: impl Fn(&str) -> bool) -> String {
        let distinguishes = |name: &str| mentioned(name) && (stages > 1 || self.all[name].len() > 1);
        let varied = environment.iter().filter(|(name, _)| distinguishes(name));
        varied.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    }

    pub(super) fn fixed(&self) -> BTreeMap<String, Scalar> {
        let only = |(name, values): (&String, &Vec<Scalar>)| match &values[..] {
            [value] => Some((name.clone(), value.clone())),
            _ => None,
        };
        self.all.iter().filter_map(only).collect()
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

impl Given {
    /// A parameter's name and its values: numbers where they look like it, else words.
    ///
    /// # Errors
    /// It is not of the form `NAME=VALUE,…`.
    pub fn setting(text: &str) -> Result<(String, Vec<Scalar>), String> {
        let (name, values) = text.split_once('=').ok_or("write it as NAME=VALUE, such as pages=16")?;
        let scalar = |value: &str| match (value, value.parse()) {
            ("", _) => Err("there is an empty value: write it as NAME=VALUE or NAME=VALUE,VALUE".to_owned()),
            (_, Ok(number)) => Ok(Scalar::Number(number)),
            (word, Err(_)) => Ok(Scalar::Word(word.to_owned())),
        };
        Ok((name.to_owned(), values.split(',').map(scalar).collect::<Result<_, _>>()?))
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

/// What a value turned out to be.
pub(super) enum Fitting {
    Number(u32),
    Word(String),
    Pages(Amount),
    Ladder(Vec<(u32, u32)>),
}

/// Reads values in one arm.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) values: &'a Environment,
    pub(super) used: &'a mut BTreeSet<String>,
    pub(super) found: &'a mut Found,
}

impl Reader<'_> {
    /// The value of a key, if it fits there and is of this kind.
    fn get<T>(&mut self, fields: &Fields, name: &str, such: impl Fn(Fitting) -> Option<T>) -> Option<T> {
        let (key, value) = fields.get(name)?;
        self.fitting(key.kind, value).and_then(such)
    }

    pub(super) fn number(&mut self, fields: &Fields, name: &str, default: u32) -> u32 {
        self.optional(fields, name).unwrap_or(default)
    }

    pub(super) fn optional(&mut self, fields: &Fields, name: &str) -> Option<u32> {
        self.get(fields, name, |fitting| if let Fitting::Number(number) = fitting { Some(number) } else { None })
    }

    pub(super) fn word(&mut self, fields: &Fields, name: &str) -> Option<String> {
        self.get(fields, name, |fitting| if let Fitting::Word(word) = fitting { Some(word) } else { None })
    }

    /// Whether a key has this word.
    pub(super) fn says(&mut self, fields: &Fields, name: &str, word: &str) -> bool {
        self.word(fields, name).is_some_and(|said| said == word)
    }

    pub(super) fn pages(&mut self, fields: &Fields) -> Option<Amount> {
        self.get(fields, "pages", |fitting| if let Fitting::Pages(amount) = fitting { Some(amount) } else { None })
    }

    /// How many pages are to be in the balloon.
    pub(super) fn balloon(&mut self, fields: &Fields) -> Option<Wanted> {
        self.get(fields, "balloon_pages", |fitting| match fitting {
            Fitting::Number(pages) => Some(Wanted::Pages(pages)),
            Fitting::Word(_) => Some(Wanted::Needed),
            _ => None,
        })
    }

    /// The iterations of an object of this many pages.
    pub(super) fn iterations_at(&mut self, fields: &Fields, pages: u32) -> Option<u32> {
        let (key, value) = fields.get("iterations_by_pages")?;
        let Fitting::Ladder(pairs) = self.fitting(key.kind, value)? else { return None };
        let fits = pairs.iter().find(|(most, _)| pages <= *most);
        if fits.is_none() {
            self.found
                .add(value.span.clone(), format!("this says nothing of {pages} pages: add a pair whose first number is larger"));
        }
        fits.map(|(_, iterations)| *iterations)
    }

    /// The value if it fits there, else a problem.
    pub(super) fn fitting(&mut self, kind: Kind, value: &Located<Value>) -> Option<Fitting> {
        let (resolved, through) = self.resolved(value)?;
        let fitting = match (kind, &resolved) {
            (Kind::Number { least, most } | Kind::NumberOr { least, most, .. }, Value::Scalar(Scalar::Number(number))) => {
                within(*number, least, most).map(Fitting::Number)
            }
            (Kind::NumberOr { word: only, .. }, Value::Scalar(Scalar::Word(word))) if word == only => {
                Some(Fitting::Word(word.clone()))
            }
            (Kind::Pages, Value::Scalar(Scalar::Number(number))) => {
                within(*number, 1, MOST_PAGES).map(|pages| Fitting::Pages(Amount::Fixed(pages)))
            }
            (Kind::Pages, Value::Cycle(all)) => return self.numbers_of_pages(all).map(|all| Fitting::Pages(Amount::Cycle(all))),
            (Kind::Pages, Value::Between(both)) => return self.between(value, both).map(Fitting::Pages),
            (Kind::Ladder, Value::Ladder(pairs)) => {
                let pair = |&(pages, iterations): &(u64, u64)| {
                    Some((within(pages, 1, MOST_PAGES)?, within(iterations, 1, MOST_ITERATIONS)?))
                };
                pairs.iter().map(pair).collect::<Option<_>>().map(Fitting::Ladder)
            }
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

    /// The value, or that of its parameter, and the beginning of a message about it.
    fn resolved(&mut self, value: &Located<Value>) -> Option<(Value, String)> {
        let Value::Parameter(name) = &value.value else { return Some((value.value.clone(), String::new())) };
        let Some(scalar) = self.values.get(name) else {
            self.found.add(value.span.clone(), no_parameter(name, self.values.keys(), "$"));
            return None;
        };
        self.used.insert(name.clone());
        Some((Value::Scalar(scalar.clone()), format!("${name} is {scalar}, and ")))
    }

    /// The numbers of a rule for page counts; what does not fit is reported at its own place.
    fn numbers_of_pages(&mut self, numbers: &[Located<Value>]) -> Option<Vec<u32>> {
        const PAGES: Kind = Kind::Number { least: 1, most: MOST_PAGES };
        // All of them, so that every mistake is reported and every parameter counts as used.
        let fitting: Vec<_> = numbers.iter().map(|number| self.fitting(PAGES, number)).collect();
        fitting.into_iter().map(|fitting| if let Some(Fitting::Number(number)) = fitting { Some(number) } else { None }).collect()
    }

    fn between(&mut self, value: &Located<Value>, both: &[Located<Value>]) -> Option<Amount> {
        let both = self.numbers_of_pages(both)?;
        let (least, most) = (both[0], both[1]);
        if least > most {
            self.found.add(value.span.clone(), format!("from {least} to {most} there is no number: write the smaller one first"));
            return None;
        }
        Some(Amount::Between(least, most))
    }
}

fn within(number: u64, least: u32, most: u32) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| (least..=most).contains(number))
}

fn is_name(word: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_number_where_it_looks_like_one_and_several_are_arms() {
        let (name, values) = Given::setting("buffer=wc,coherent").unwrap();
        assert_eq!((name.as_str(), values), ("buffer", vec![Scalar::Word("wc".into()), Scalar::Word("coherent".into())]));
        assert_eq!(Given::setting("pages=16").unwrap().1, [Scalar::Number(16)]);
        assert!(Given::setting("pages=").is_err() && Given::setting("pages=1,,2").is_err());
    }
}
