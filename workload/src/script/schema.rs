//! The published JSON schema of scenario files, made from the vocabulary: `docs/scenario.schema.json`.

use serde_json::{Map, Value, json};

use super::vocabulary::{
    ACTION, ACTIONS, Entry, HEAD, Key, Kind, LISTS, MOST_ITERATIONS, MOST_PAGES, PACE, RULES, STEPS, TABLES, WORKER,
};

/// The schema, as the file that is published.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

fn schema() -> Value {
    let mut head = properties(HEAD);
    for (name, meaning) in TABLES {
        let content = match *name {
            "workers" => json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/worker" } }),
            "arms" => json!({
                "type": "object",
                "additionalProperties": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/scalar" } }
            }),
            _ => json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/scalar" } }),
        };
        head.insert((*name).to_owned(), described(content, meaning));
    }
    let mut needed = needed(HEAD);
    needed.push("workers");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "grantscope scenario",
        "description": "What a load on Xen's grants does, step by step. Made from workload/src/script/vocabulary/.",
        "type": "object",
        "properties": head,
        "required": needed,
        "oneOf": [{ "required": ["iterations"] }, { "required": ["iterations_by_pages"] }, { "required": ["duration_s"] }],
        "additionalProperties": false,
        "$defs": {
            "scalar": { "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string" }] },
            "parameter": { "type": "string", "pattern": "^\\$" },
            "worker": worker(),
            "step": { "oneOf": STEPS.iter().map(step).collect::<Vec<_>>() },
        },
    })
}

fn worker() -> Value {
    let mut worker = with_lists(WORKER);
    let (actions, meaning) = ACTIONS;
    let action =
        json!({ "type": "object", "properties": with_lists(ACTION), "required": needed(ACTION), "additionalProperties": false });
    worker.insert(actions.to_owned(), described(json!({ "type": "array", "minItems": 1, "items": action }), meaning));
    let rates = PACE.iter().map(|key| table(&[*key], &[key.name]));
    let paces: Vec<Value> = std::iter::once(json!({ "const": "closed" })).chain(rates).collect();
    worker.insert(
        "pace".to_owned(),
        json!({ "anyOf": paces, "description": "how iterations follow each other; closed if left out" }),
    );
    let mut needed = needed(WORKER);
    needed.push("each");
    json!({ "type": "object", "properties": worker, "required": needed, "additionalProperties": false })
}

/// Plain keys, and lists of steps.
fn with_lists(keys: &[Key]) -> Map<String, Value> {
    let mut all = properties(keys);
    for (name, meaning) in LISTS {
        all.insert((*name).to_owned(), described(json!({ "type": "array", "items": { "$ref": "#/$defs/step" } }), meaning));
    }
    all
}

fn step(entry: &Entry) -> Value {
    let mut step = table(entry.keys, &needed(entry.keys));
    step["properties"][entry.name] = value(entry.value);
    step["description"] = entry.meaning.into();
    if let Some(required) = step["required"].as_array_mut() {
        required.insert(0, entry.name.into());
    }
    // A map is of a number of pages of a source, or of the references of an object.
    let has = |name: &str| entry.keys.iter().any(|key| key.name == name && !key.needed);
    if has("pages") && has("of") {
        step["oneOf"] = json!([{ "required": ["pages"] }, { "required": ["of"] }]);
    }
    step
}

fn table(keys: &[Key], needed: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties(keys), "required": needed, "additionalProperties": false })
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    keys.iter().map(|key| (key.name.to_owned(), described(value(key.kind), key.meaning))).collect()
}

fn needed<'a>(keys: &[Key]) -> Vec<&'a str> {
    keys.iter().filter(|key| key.needed).map(|key| key.name).collect()
}

fn described(mut content: Value, meaning: &str) -> Value {
    content["description"] = meaning.into();
    content
}

/// What fits where this kind of value is expected; a parameter may stand for it.
fn value(kind: Kind) -> Value {
    let parameter = json!({ "$ref": "#/$defs/parameter" });
    match kind {
        Kind::Number { least, most } => json!({ "anyOf": [number(least, most), parameter] }),
        Kind::NumberOr { least, most, word } => json!({ "anyOf": [number(least, most), { "const": word }, parameter] }),
        Kind::Ladder => {
            let pair = json!([number(1, MOST_PAGES), number(1, MOST_ITERATIONS)]);
            json!({ "type": "array", "minItems": 1, "items": { "type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2 } })
        }
        Kind::Word(words) => json!({ "anyOf": [{ "enum": words }, parameter] }),
        Kind::Name => json!({ "anyOf": [{ "type": "string", "pattern": "^[a-z][a-z0-9_-]*$" }, parameter] }),
        Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::Pages => {
            let pages = number(1, MOST_PAGES);
            let rules = RULES.iter().map(|(name, meaning)| {
                let items = json!({ "anyOf": [pages, parameter] });
                let mut numbers = json!({ "type": "array", "items": items, "minItems": 1, "description": meaning });
                if *name == "between" {
                    numbers["minItems"] = 2.into();
                    numbers["maxItems"] = 2.into();
                }
                json!({ "type": "object", "properties": { *name: numbers }, "required": [name], "additionalProperties": false })
            });
            let all: Vec<Value> = [pages.clone(), parameter.clone()].into_iter().chain(rules).collect();
            json!({ "anyOf": all })
        }
    }
}

fn number(least: u32, most: u32) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

#[cfg(test)]
mod tests {
    use super::super::{Given, Plan};
    use super::*;
    use crate::builtin::BUILTIN;

    fn schema_accepts(text: &str) -> bool {
        let published: Value = serde_json::from_str(include_str!("../../../docs/scenario.schema.json")).unwrap();
        jsonschema::validator_for(&published).unwrap().is_valid(&as_json(text))
    }

    /// The file as JSON, by TOML's own data model.
    fn as_json(text: &str) -> Value {
        use toml::de::{DeTable, DeValue};
        fn of(value: &DeValue<'_>) -> Value {
            match value {
                DeValue::String(text) => text.to_string().into(),
                DeValue::Integer(number) => number.as_str().parse::<i64>().unwrap().into(),
                DeValue::Float(number) => number.as_str().parse::<f64>().unwrap().into(),
                DeValue::Boolean(truth) => (*truth).into(),
                DeValue::Datetime(time) => time.to_string().into(),
                DeValue::Array(all) => all.iter().map(|item| of(item.get_ref())).collect(),
                DeValue::Table(table) => of_table(table),
            }
        }
        fn of_table(table: &DeTable<'_>) -> Value {
            Value::Object(table.iter().map(|(name, value)| (name.get_ref().to_string(), of(value.get_ref()))).collect())
        }
        of_table(DeTable::parse(text).unwrap().get_ref())
    }

    fn parser_accepts(text: &str) -> bool {
        Plan::read("test", text, &Given { peer: true, ..Given::default() }).is_ok()
    }

    #[test]
    fn the_published_schema_is_the_vocabularys() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario.schema.json");
        if std::env::var_os("GRANTSCOPE_WRITE_SCHEMA").is_some() {
            std::fs::write(path, text()).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == text(),
            "docs/scenario.schema.json is not what the vocabulary says: run GRANTSCOPE_WRITE_SCHEMA=1 cargo test -p grantscope-generator schema"
        );
    }

    #[test]
    fn parser_and_schema_accept_every_scenario_of_ours() {
        for builtin in BUILTIN {
            assert!(schema_accepts(builtin.text), "{}", builtin.name);
            assert!(parser_accepts(builtin.text), "{}", builtin.name);
        }
    }

    /// A scenario that is right.
    const RIGHT: &str = r#"
version = 1
name = "right"
summary = "one line"
imitates = "nobody"
iterations = 3
pause_ms = 4
balloon_pages = "needed"
[parameters]
pages = 16
[arms]
pages = [1, 16]
[[workers]]
name = "worker"
threads = 2
pace = { rate_hz = 100 }
each = [
  { map = "window", pages = "$pages", count = 2 },
  { export = "other", pages = { between = [1, 8] }, buffer = "wc" },
  { release = "other" },
  { wait = "other", limit_ms = 5 },
  { unmap = "window" },
]
"#;

    #[test]
    fn parser_and_schema_refuse_the_same_shapes() {
        assert!(schema_accepts(RIGHT) && parser_accepts(RIGHT));
        for rule in ["{ between = [1, \"$pages\"] }", "{ cycle = [\"$pages\", 3, \"$pages\"] }"] {
            let text = RIGHT.replacen("{ between = [1, 8] }", rule, 1);
            assert!(schema_accepts(&text) && parser_accepts(&text), "{rule}");
        }
        for (right, wrong) in [
            ("version = 1", "version = 2"),
            ("name = \"right\"", "name = \"Right!\""),
            ("summary = \"one line\"", ""),
            ("summary = \"one line\"", "summary = \"\""),
            ("iterations = 3", "iterations = 0"),
            ("iterations = 3", ""),
            ("iterations = 3", "iterations = 3\nduration_s = 4"),
            ("pause_ms = 4", "pause = 4"),
            ("balloon_pages = \"needed\"", "balloon_pages = \"all\""),
            ("balloon_pages = \"needed\"", "balloon_pages = 0"),
            ("pages = 16", "pages = 1.5"),
            ("pages = [1, 16]", "pages = []"),
            ("threads = 2", "threads = 65"),
            ("threads = 2", "threads = \"two\""),
            ("pace = { rate_hz = 100 }", "pace = \"open\""),
            ("pace = { rate_hz = 100 }", "pace = { rate_hz = 100, frame_rate = 60 }"),
            ("pages = \"$pages\", count = 2", "count = 2"),
            ("pages = \"$pages\", count = 2", "pages = 3, of = \"other\""),
            ("count = 2", "count = 0"),
            ("count = 2", "cuont = 2"),
            ("map = \"window\"", "mapp = \"window\""),
            ("map = \"window\"", "map = 4"),
            ("{ between = [1, 8] }", "{ between = [1, 8, 9] }"),
            ("{ between = [1, 8] }", "{ between = [1, 1.5] }"),
            ("{ between = [1, 8] }", "{ between = [\"one\", 8] }"),
            ("{ between = [1, 8] }", "{ cycle = [] }"),
            ("{ between = [1, 8] }", "{ amidst = [1, 8] }"),
            ("{ between = [1, 8] }", "70000"),
            ("buffer = \"wc\"", "buffer = \"uncached\""),
            (", limit_ms = 5", ""),
            ("{ release = \"other\" }", "{ release = \"other\", unmap = \"window\" }"),
            ("{ release = \"other\" }", "\"release\""),
        ] {
            assert!(RIGHT.contains(right), "{right}");
            let text = RIGHT.replacen(right, wrong, 1);
            assert!(!parser_accepts(&text), "the parser accepts {wrong:?} for {right:?}");
            assert!(!schema_accepts(&text), "the schema accepts {wrong:?} for {right:?}");
        }
    }
}
