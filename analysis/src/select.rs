//! The language that says which series are meant: `export.wc[pages>=256 outcome=ok]`.
//!
//! An operation and a buffer kind, with `*` for any and for any part of a word; in brackets, what else has to hold. The terms alone are a
//! selector too, with brackets or without: `op=export pages>=256`.

use std::borrow::Cow;
use std::fmt;

use grantscope_wire::{Buffer, Cause, Op};

use crate::model::Outcome;
use crate::series::SeriesKey;

/// Which series are meant. As it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    field: Field,
    relation: Relation,
    value: String,
}

/// What is known of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Op,
    Buffer,
    Pages,
    Domid,
    Outcome,
    StartedBy,
    Cause,
    Caller,
}

const FIELDS: [(&str, Field); 8] = [
    ("op", Field::Op),
    ("buffer", Field::Buffer),
    ("pages", Field::Pages),
    ("domid", Field::Domid),
    ("outcome", Field::Outcome),
    ("started_by", Field::StartedBy),
    ("cause", Field::Cause),
    ("caller", Field::Caller),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Is,
    IsNot,
    AtLeast,
    AtMost,
    More,
    Less,
}

/// Longer signs first: `>=` begins with `>`.
const RELATIONS: [(&str, Relation); 6] = [
    ("!=", Relation::IsNot),
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    (">", Relation::More),
    ("<", Relation::Less),
    ("=", Relation::Is),
];

/// What is wrong, and where: bytes from the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: usize,
    /// What is there, and what was expected.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Selector {
    /// All series.
    pub fn all() -> Self {
        Self { text: "*".to_owned(), terms: Vec::new() }
    }

    /// Reads one.
    ///
    /// # Errors
    /// It names what there is not, or is not written as selectors are.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (name, terms, terms_at) = match text.split_once('[') {
            Some((name, rest)) => (name, rest.strip_suffix(']').unwrap_or(rest), name.len() + 1),
            None if text.contains(['=', '<', '>']) => ("*", text, 0),
            None => (text, "", text.len()),
        };
        // The terms in brackets are about everything.
        let name = if name.is_empty() && terms_at == 1 { "*" } else { name };
        let mut all = name_terms(name)?;
        for word in words(terms) {
            all.push(term(word, terms_at + offset(terms, word))?);
        }
        // After the mistakes before it: whoever types has not come to its end yet.
        if text.contains('[') && !text.ends_with(']') {
            return Err(problem(text.len(), "a `[` without its `]` at the end"));
        }
        Ok(Self { text: text.to_owned(), terms: all })
    }

    /// Whether a series is meant. That of a stage is where its operation's is.
    pub fn selects(&self, key: &SeriesKey) -> bool {
        self.terms.iter().all(|term| term.holds(key))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A series as a selector that means it: `export.wc[pages=256]`. What is not known is left out, and so is that it did not fail.
pub fn written(key: &SeriesKey, with_domain: bool) -> String {
    let number = |name: &str, number: Option<u32>| number.map(|number| format!("{name}={number}"));
    let word = |field: Field, name: &str| words_of(field, key).map(|word| format!("{name}={word}"));
    // A kernel function's module is in brackets, which end a selector.
    let caller = key.caller.as_ref().map(|caller| format!("caller={}*", caller.split(' ').next().unwrap_or_default()));
    let terms = [
        number("pages", key.pages),
        key.page_range.map(|range| format!("pages>={} pages<={}", range.ends().0, range.ends().1)),
        number("domid", key.domid.filter(|_| with_domain).map(u32::from)),
        word(Field::Outcome, "outcome").filter(|_| key.outcome != Outcome::Ok),
        word(Field::Cause, "cause"),
        word(Field::StartedBy, "started_by"),
        caller,
    ];
    let terms: Vec<_> = terms.into_iter().flatten().collect();
    let buffer = key.buffer.map(|buffer| format!(".{}", buffer.name())).unwrap_or_default();
    let terms = if terms.is_empty() { String::new() } else { format!("[{}]", terms.join(" ")) };
    format!("{}{buffer}{terms}", key.op.name())
}

/// `export.wc`, `export`, `*`.
fn name_terms(name: &str) -> Result<Vec<Term>, Problem> {
    let (op, buffer) = name.split_once('.').map_or((name, "*"), |(op, buffer)| (op, buffer));
    let known = |word: &str, at: usize, what: &str, names: Vec<&str>| {
        if names.iter().any(|name| is_like(name, word)) {
            return Ok(());
        }
        if let Some(meant) = meant(word).filter(|_| name == word) {
            return Err(problem(at, &format!("`{word}` alone is no {what}: write {meant}")));
        }
        Err(problem(at, &format!("`{word}` is no {what}; there are {}", names.join(", "))))
    };
    known(op, 0, "operation", Op::ALL.iter().map(|op| op.name()).collect())?;
    known(buffer, op.len() + 1, "buffer kind", Buffer::ALL.iter().map(|buffer| buffer.name()).collect())?;
    let of = |field, value: &str| Term { field, relation: Relation::Is, value: value.to_owned() };
    let named = [of(Field::Op, op), of(Field::Buffer, buffer)];
    // An operation that is of no kind is meant by `*`, which has no term.
    Ok(named.into_iter().filter(|term| term.value != "*").collect())
}

/// The term that a value alone is meant as; `None`: it is no value.
fn meant(word: &str) -> Option<String> {
    let is_outcome = || {
        word == Outcome::Ok.name()
            || (word.len() > 1
                && word.starts_with('E')
                && word.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit()))
    };
    let field = match word {
        _ if Buffer::ALL.iter().any(|buffer| buffer.name() == word) => "buffer",
        _ if Cause::ALL.iter().any(|cause| cause.name() == word) => "cause",
        _ if word.parse::<u32>().is_ok() => "pages",
        _ if is_outcome() => "outcome",
        _ => return None,
    };
    Some(format!("{field}={word}"))
}

fn words(terms: &str) -> impl Iterator<Item = &str> {
    terms.split([' ', ',', '\t']).filter(|word| !word.is_empty())
}

fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn term(word: &str, at: usize) -> Result<Term, Problem> {
    let sign = word.find(['=', '<', '>', '!']).unwrap_or(word.len());
    let (name, rest) = word.split_at(sign);
    let names = || FIELDS.map(|(name, _)| name).join(", ");
    let field = FIELDS.iter().find(|(known, _)| *known == name).map(|&(_, field)| field);
    let field = field.ok_or_else(|| problem(at, &format!("`{name}` is nothing that a series has; it has {}", names())))?;
    let found = RELATIONS.iter().find_map(|&(sign, relation)| Some((relation, rest.strip_prefix(sign)?)));
    let (relation, value) =
        found.ok_or_else(|| problem(at + sign, "expected =, !=, >, <, >= or <= and a value, as in pages>=256"))?;
    let value_at = at + word.len() - value.len();
    let is_number = matches!(field, Field::Pages | Field::Domid);
    if value.is_empty() || (is_number && value.parse::<u32>().is_err()) {
        return Err(problem(
            value_at,
            &format!("`{name}` needs {}, not `{value}`", if is_number { "a number" } else { "a value" }),
        ));
    }
    if !is_number && !matches!(relation, Relation::Is | Relation::IsNot) {
        return Err(problem(at + sign, &format!("`{name}` is no number: it can be = or != something")));
    }
    Ok(Term { field, relation, value: value.to_owned() })
}

fn problem(at: usize, what: &str) -> Problem {
    Problem { at, what: what.to_owned() }
}

impl Term {
    fn holds(&self, key: &SeriesKey) -> bool {
        match self.field {
            Field::Pages => self.holds_of(key.pages.map(u64::from)),
            Field::Domid => self.holds_of(key.domid.map(u64::from)),
            field => {
                let is = words_of(field, key).is_some_and(|words| is_like(&words, &self.value));
                is == (self.relation == Relation::Is)
            }
        }
    }

    /// What is not known is neither more nor less than anything.
    fn holds_of(&self, number: Option<u64>) -> bool {
        let wanted = self.value.parse().ok();
        match (number, wanted) {
            (Some(number), Some(wanted)) => match self.relation {
                Relation::Is => number == wanted,
                Relation::IsNot => number != wanted,
                Relation::AtLeast => number >= wanted,
                Relation::AtMost => number <= wanted,
                Relation::More => number > wanted,
                Relation::Less => number < wanted,
            },
            _ => self.relation == Relation::IsNot,
        }
    }
}

fn words_of(field: Field, key: &SeriesKey) -> Option<Cow<'_, str>> {
    match field {
        Field::Op => Some(key.op.name().into()),
        Field::Buffer => key.buffer.map(|buffer| buffer.name().into()),
        Field::Outcome => Some(key.outcome.name()),
        Field::StartedBy => key.started_by.map(|op| op.name().into()),
        Field::Cause => key.cause.map(|cause| cause.name().into()),
        Field::Caller => key.caller.as_ref().map(|caller| AsRef::<str>::as_ref(caller).into()),
        Field::Pages | Field::Domid => None,
    }
}

/// Whether a word is as a pattern says, in which `*` is any part of it.
fn is_like(word: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => word == pattern,
        Some((begin, rest)) => word.strip_prefix(begin).is_some_and(|after| {
            // Each place where the rest could begin; a pattern has few stars.
            after.char_indices().map(|(at, _)| at).chain([after.len()]).any(|at| is_like(&after[at..], rest))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::export;

    fn key() -> SeriesKey {
        SeriesKey { pages: Some(256), outcome: Outcome::Ok, ..SeriesKey::total(&export(Buffer::Wc, 1), None) }
    }

    #[test]
    fn a_selector_means_what_it_says() {
        let selects = |text: &str| Selector::parse(text).unwrap().selects(&key());
        for text in [
            "*",
            "export",
            "export.*",
            "export.wc",
            "ex*.w*",
            "*.wc[pages>=256,outcome=ok]",
            "pages=256 buffer!=pages",
            "[buffer=wc pages>=256 outcome=ok]",
            "export[domid!=77]",
        ] {
            assert!(selects(text), "{text}");
        }
        for text in ["map", "export.pages", "export[pages<256]", "outcome!=ok", "export.wc[caller=xen*]"] {
            assert!(!selects(text), "{text}");
        }
    }

    #[test]
    fn a_series_is_written_as_the_selector_that_means_it() {
        let failed = SeriesKey { outcome: Outcome::Errno(22), domid: Some(3), started_by: Some(Op::Close), ..key() };
        for (key, text) in
            [(key(), "export.wc[pages=256]"), (failed, "export.wc[pages=256 domid=3 outcome=EINVAL started_by=close]")]
        {
            assert_eq!(written(&key, key.domid == Some(3)), text);
            assert!(Selector::parse(text).unwrap().selects(&key));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, at, words) in [
            ("exprot.wc", 0, "there are map, mmap"),
            ("export.wx", 7, "no buffer kind"),
            ("wc", 0, "`wc` alone is no operation: write buffer=wc"),
            ("grants_refused", 0, "write cause=grants_refused"),
            ("256", 0, "write pages=256"),
            ("EINVAL", 0, "write outcome=EINVAL"),
            ("ok", 0, "write outcome=ok"),
            ("export[pages=256", 16, "without its `]`"),
            ("export[sides", 7, "it has op, buffer, pages"),
            ("export[sides=256]", 7, "it has op, buffer, pages"),
            ("export[pages>=many]", 14, "needs a number, not `many`"),
            ("export[outcome>ok]", 14, "can be = or !="),
            ("export[outcome=ok pages]", 23, "expected =, !="),
        ] {
            let problem = Selector::parse(text).unwrap_err();
            assert!(problem.at == at && problem.what.contains(words), "{text}: {problem:?}");
        }
    }
}
