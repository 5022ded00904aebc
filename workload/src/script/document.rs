//! A scenario file as it is written: its tables, keys and steps by the vocabulary, each with its place, nothing resolved yet.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Found, nearest};
use super::vocabulary::{ACTION, ACTIONS, Entry, HEAD, Key, Kind, LISTS, PACE, RULES, STEPS, TABLES, WORKER};

/// Something, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// Bytes of the file.
    pub span: Range<usize>,
    /// What is there.
    pub value: T,
}

impl<T> Located<T> {
    fn new(span: Range<usize>, value: T) -> Self {
        Self { span, value }
    }
}

/// A number or a word: the value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A number.
    Number(u64),
    /// A word.
    Word(String),
}

/// What stands where a value is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The thing itself.
    Scalar(Scalar),
    /// `"$name"`.
    Parameter(String),
    /// `{ cycle = […] }`: each a scalar or a parameter.
    Cycle(Vec<Located<Value>>),
    /// `{ between = [a, b] }`: likewise, and two of them.
    Between(Vec<Located<Value>>),
    /// `[[a, b], …]`.
    Ladder(Vec<(u64, u64)>),
}

impl Value {
    fn mentions(&self, parameter: &str) -> bool {
        match self {
            Self::Parameter(name) => name == parameter,
            Self::Cycle(all) | Self::Between(all) => all.iter().any(|one| one.value.mentions(parameter)),
            Self::Scalar(_) | Self::Ladder(_) => false,
        }
    }
}

/// The keys of a table that are in the vocabulary, with what is behind them.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(&'static Key, Located<Value>)>);

impl Fields {
    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<(&'static Key, &Located<Value>)> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(key, value)| (*key, value))
    }

    /// The plain word behind a key, and where it is.
    pub fn word(&self, name: &str) -> Option<(&str, Range<usize>)> {
        match self.get(name)?.1 {
            Located { value: Value::Scalar(Scalar::Word(word)), span } => Some((word, span.clone())),
            _ => None,
        }
    }

    fn mentions(&self, parameter: &str) -> bool {
        self.iter().any(|(_, value)| value.value.mentions(parameter))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Key, &Located<Value>)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }
}

/// A step.
#[derive(Clone, Debug)]
pub struct StepText {
    /// All of it.
    pub span: Range<usize>,
    /// What it does.
    pub entry: &'static Entry,
    /// The value of the verb's key.
    pub value: Located<Value>,
    /// Further keys.
    pub fields: Fields,
}

/// How a worker's iterations follow each other.
#[derive(Clone, Debug)]
pub enum PaceText {
    /// One after the other.
    Closed,
    /// At a rate.
    Open(Fields),
}

/// A worker, or one of its actions.
#[derive(Clone, Debug)]
pub struct WorkerText {
    /// Where it begins.
    pub span: Range<usize>,
    /// Its plain keys.
    pub fields: Fields,
    /// Its pace; none: closed.
    pub pace: Option<Located<PaceText>>,
    /// Its steps: start, each, end.
    pub steps: [Vec<StepText>; 3],
    /// Its actions, which have none.
    pub actions: Vec<WorkerText>,
}

impl WorkerText {
    /// All steps, those of its actions among them.
    pub fn all_steps(&self) -> impl Iterator<Item = &StepText> {
        self.steps.iter().chain(self.actions.iter().flat_map(|action| &action.steps)).flatten()
    }

    /// Whether a parameter stands anywhere in it.
    pub fn mentions(&self, parameter: &str) -> bool {
        let in_steps = |step: &StepText| step.fields.mentions(parameter) || step.value.value.mentions(parameter);
        let in_pace = matches!(&self.pace, Some(Located { value: PaceText::Open(fields), .. }) if fields.mentions(parameter));
        let in_fields = self.fields.mentions(parameter) || self.actions.iter().any(|action| action.fields.mentions(parameter));
        in_fields || in_pace || self.all_steps().any(in_steps)
    }
}

/// The whole file.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The head's plain keys.
    pub head: Fields,
    /// Parameters, with their defaults.
    pub parameters: Vec<(Located<String>, Scalar)>,
    /// Arms, with their values.
    pub arms: Vec<(Located<String>, Vec<Located<Scalar>>)>,
    /// Workers.
    pub workers: Vec<WorkerText>,
}

impl Document {
    /// Reads a file's text. What cannot be used is in `found` and nowhere else.
    pub fn read(text: &str, found: &mut Found) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            found.add(error.span().unwrap_or(0..0), format!("this is no TOML: {}", error.message().replace('\n', ", ")));
        }
        if !errors.is_empty() {
            return Self::default();
        }
        Self::of_table(&table, found)
    }

    fn of_table(table: &Spanned<DeTable<'_>>, found: &mut Found) -> Self {
        let others: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        let mut document = Self { head: fields(table, "at the head of a scenario", HEAD, &others, found), ..Self::default() };
        for (key, value) in table.get_ref().iter() {
            match (&**key.get_ref(), value.get_ref()) {
                ("parameters", DeValue::Table(table)) => document.parameters = parameters(table, found),
                ("arms", DeValue::Table(table)) => document.arms = arms(table, found),
                ("workers", DeValue::Array(workers)) => {
                    document.workers = workers.iter().filter_map(|worker| worker_text(worker, found)).collect();
                }
                ("parameters", _) => {
                    found.add(value.span(), "parameters is a table: write [parameters], and under it a line such as pages = 16")
                }
                ("arms", _) => {
                    found.add(value.span(), "arms is a table: write [arms], and under it a line such as pages = [1, 16]")
                }
                ("workers", _) => found.add(value.span(), "workers is a list of tables: write [[workers]] for each"),
                _ => {}
            }
        }
        if document.workers.is_empty() && found.is_empty() {
            found.add(0..0, "there is no worker: write [[workers]] with a name and each = [ … ]");
        }
        document
    }
}

fn parameters(table: &DeTable<'_>, found: &mut Found) -> Vec<(Located<String>, Scalar)> {
    let mut parameters = Vec::new();
    for (key, value) in table.iter() {
        match scalar(value) {
            Some(scalar) => parameters.push((Located::new(key.span(), key.get_ref().to_string()), scalar)),
            None => found.add(value.span(), "a parameter's default is a number or a word in quotes, such as 16 or \"wc\""),
        }
    }
    parameters
}

fn arms(table: &DeTable<'_>, found: &mut Found) -> Vec<(Located<String>, Vec<Located<Scalar>>)> {
    let mut arms = Vec::new();
    for (key, value) in table.iter() {
        let values = match value.get_ref() {
            DeValue::Array(values) => values
                .iter()
                .map(|value| scalar(value).map(|scalar| Located::new(value.span(), scalar)))
                .collect::<Option<Vec<_>>>()
                .filter(|values| !values.is_empty()),
            _ => None,
        };
        match values {
            Some(values) => arms.push((Located::new(key.span(), key.get_ref().to_string()), values)),
            None => found.add(value.span(), "an arm is a list of numbers or words, such as [1, 16] or [\"wc\", \"coherent\"]"),
        }
    }
    arms
}

fn worker_text(worker: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<WorkerText> {
    let DeValue::Table(table) = worker.get_ref() else {
        found.add(worker.span(), "a worker is a table: write [[workers]]");
        return None;
    };
    let mut read = does_steps(worker.span(), table, ("of a worker", WORKER, &["pace", ACTIONS.0]), found);
    for (key, value) in table.iter() {
        match (&**key.get_ref(), value.get_ref()) {
            ("pace", _) => read.pace = pace_text(value, found),
            (name, DeValue::Array(actions)) if name == ACTIONS.0 => {
                read.actions = actions.iter().filter_map(|action| action_text(action, found)).collect();
            }
            (name, _) if name == ACTIONS.0 => {
                found.add(value.span(), "actions is a list of tables: write [[workers.actions]] for each");
            }
            _ => {}
        }
    }
    Some(read)
}

fn action_text(action: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<WorkerText> {
    let DeValue::Table(table) = action.get_ref() else {
        found.add(action.span(), "an action is a table: write [[workers.actions]]");
        return None;
    };
    Some(does_steps(action.span(), table, ("of an action", ACTION, &[]), found))
}

/// What a worker and an action have in common: plain keys, and lists of steps. Its other keys are read elsewhere.
fn does_steps(
    span: Range<usize>,
    table: &DeTable<'_>,
    (place, keys, elsewhere): (&str, &'static [Key], &[&'static str]),
    found: &mut Found,
) -> WorkerText {
    let others: Vec<&str> = LISTS.iter().map(|(name, _)| *name).chain(elsewhere.iter().copied()).collect();
    let fields = fields(&Spanned::new(span.clone(), table.clone()), place, keys, &others, found);
    let mut steps = [vec![], vec![], vec![]];
    for (key, value) in table.iter() {
        let Some(list) = LISTS.iter().position(|(name, _)| *name == &**key.get_ref()) else { continue };
        match value.get_ref() {
            DeValue::Array(array) => steps[list] = array.iter().filter_map(|step| step_text(step, found)).collect(),
            _ => found.add(
                value.span(),
                format!("{} is a list of steps: write {0} = [ {{ map = \"window\", pages = 16 }}, … ]", key.get_ref()),
            ),
        }
    }
    WorkerText { span, fields, pace: None, steps, actions: vec![] }
}

fn pace_text(value: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<Located<PaceText>> {
    const ADVICE: &str = "a pace is \"closed\", { rate_hz = 100 } or { frame_rate = 60 }";
    let pace = match value.get_ref() {
        DeValue::String(word) if &**word == "closed" => PaceText::Closed,
        DeValue::Table(table) if table.len() == 1 => {
            PaceText::Open(fields(&Spanned::new(value.span(), table.clone()), "of a pace", PACE, &[], found))
        }
        _ => {
            found.add(value.span(), ADVICE);
            return None;
        }
    };
    Some(Located::new(value.span(), pace))
}

fn step_text(step: &Spanned<DeValue<'_>>, found: &mut Found) -> Option<StepText> {
    let DeValue::Table(table) = step.get_ref() else {
        found.add(step.span(), "a step is a table: write { map = \"window\", pages = 16 }");
        return None;
    };
    let verbs: Vec<_> = table
        .iter()
        .filter_map(|(key, value)| {
            let entry = STEPS.iter().find(|entry| entry.name == &**key.get_ref())?;
            Some((entry, key, value))
        })
        .collect();
    let [(entry, _, value)] = verbs[..] else {
        found.add(step.span(), which_verb(table, verbs.len()));
        return None;
    };
    let place = format!("of the step {}", entry.name);
    let fields = fields(&Spanned::new(step.span(), table.clone()), &place, entry.keys, &[entry.name], found);
    let value = Located::new(value.span(), value_of(value, entry.value, found)?);
    Some(StepText { span: step.span(), entry, value, fields })
}

fn which_verb(table: &DeTable<'_>, verbs: usize) -> String {
    if verbs > 1 {
        return "a step does one thing: make a step of each verb".to_owned();
    }
    let names = || STEPS.iter().map(|entry| entry.name);
    let known = |word: &str| STEPS.iter().flat_map(|entry| entry.keys).any(|key| key.name == word);
    let meant =
        table.keys().filter(|key| !known(key.get_ref())).find_map(|key| Some((key.get_ref(), nearest(key.get_ref(), names())?)));
    match meant {
        Some((wrong, verb)) => format!("there is no verb {wrong}: write {verb}"),
        None => format!("this step has no verb: write one of {}", names().collect::<Vec<_>>().join(", ")),
    }
}

/// Reads the keys of a table that are in the vocabulary; `others` are read elsewhere.
fn fields(table: &Spanned<DeTable<'_>>, place: &str, keys: &'static [Key], others: &[&str], found: &mut Found) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in table.get_ref().iter() {
        let word: &str = name.get_ref();
        match keys.iter().find(|key| key.name == word) {
            Some(key) => {
                if let Some(read) = value_of(value, key.kind, found) {
                    fields.0.push((key, Located::new(value.span(), read)));
                }
            }
            None if others.contains(&word) => {}
            None => found.add(name.span(), unknown(word, place, keys, others)),
        }
    }
    for key in keys.iter().filter(|key| key.needed) {
        if !table.get_ref().contains_key(key.name) {
            found.add(
                table.span(),
                format!("the key {} {place} is missing: {} (write {})", key.name, key.meaning, key.kind.describe()),
            );
        }
    }
    fields
}

fn unknown(word: &str, place: &str, keys: &'static [Key], others: &[&str]) -> String {
    let names: Vec<&str> = keys.iter().map(|key| key.name).chain(others.iter().copied()).collect();
    match nearest(word, names.iter().copied()) {
        Some(meant) => format!("there is no key {word} {place}: write {meant}"),
        None if names.is_empty() => format!("there is no key {word} {place}: leave it out"),
        None => format!("there is no key {word} {place}: leave it out, or write one of {}", names.join(", ")),
    }
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Option<Scalar> {
    match value.get_ref() {
        DeValue::String(word) => Some(Scalar::Word(word.to_string())),
        DeValue::Integer(_) => number(value).map(Scalar::Number),
        _ => None,
    }
}

fn number(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    let DeValue::Integer(integer) = value.get_ref() else { return None };
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn value_of(value: &Spanned<DeValue<'_>>, kind: Kind, found: &mut Found) -> Option<Value> {
    if kind == Kind::Ladder {
        let ladder = ladder(value);
        if ladder.is_none() {
            found.add(value.span(), format!("this does not fit here: write {}", kind.describe()));
        }
        return ladder.map(Value::Ladder);
    }
    let read = match value.get_ref() {
        DeValue::Table(table) => rule(table),
        _ => plain(value),
    };
    if read.is_none() {
        let rules = RULES.iter().map(|(name, _)| format!("{{ {name} = [1, 16] }}")).collect::<Vec<_>>().join(" or ");
        found.add(
            value.span(),
            format!("write a whole number, a word in quotes, \"$name\" of a parameter, or for page counts {rules}"),
        );
    }
    read
}

/// Pairs of numbers, of which the first ones rise.
fn ladder(value: &Spanned<DeValue<'_>>) -> Option<Vec<(u64, u64)>> {
    let DeValue::Array(pairs) = value.get_ref() else { return None };
    let pair = |pair: &Spanned<DeValue<'_>>| match pair.get_ref() {
        DeValue::Array(both) => match &both[..] {
            [first, second] => Some((number(first)?, number(second)?)),
            _ => None,
        },
        _ => None,
    };
    let pairs = pairs.iter().map(pair).collect::<Option<Vec<_>>>()?;
    pairs.windows(2).all(|two| two[0].0 < two[1].0).then_some(pairs).filter(|pairs| !pairs.is_empty())
}

/// A scalar, or a parameter.
fn plain(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    scalar(value).map(|scalar| match scalar {
        Scalar::Word(word) if word.starts_with('$') => Value::Parameter(word[1..].to_owned()),
        scalar => Value::Scalar(scalar),
    })
}

fn rule(table: &DeTable<'_>) -> Option<Value> {
    let (key, value) = table.iter().next().filter(|_| table.len() == 1)?;
    let DeValue::Array(array) = value.get_ref() else { return None };
    let numbers =
        array.iter().map(|value| plain(value).map(|number| Located::new(value.span(), number))).collect::<Option<Vec<_>>>()?;
    match &**key.get_ref() {
        "cycle" if !numbers.is_empty() => Some(Value::Cycle(numbers)),
        "between" if numbers.len() == 2 => Some(Value::Between(numbers)),
        _ => None,
    }
}
