//! Limits in a file, for a pipeline: docs/limits.schema.json says what is in it.

use serde::Deserialize;
use toml::Spanned;

use super::Rule;
use super::remark::Remark;
use crate::toml_text::{self, Place};

/// The one version there is.
const VERSION: u32 = 1;

/// What a file of limits says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitsFile {
    /// What is judged.
    pub rules: Vec<Rule>,
    /// Remarks that are allowed.
    pub allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Spanned<u32>,
    #[serde(default)]
    limits: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
}

impl LimitsFile {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, with its line and column, and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml_text::guard(text).map_err(|refused| format!("{}: {}", place(text, refused.at), refused.what))?;
        let document: Document = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("{}: {}; it needs version = 1 and limits = [\"export.* p99=5%\"]", place(text, at), error.message())
        })?;
        let said = |value: &Spanned<_>, what: String| format!("{}: {what}", place(text, value.span().start));
        if *document.version.get_ref() != VERSION {
            let at = place(text, document.version.span().start);
            return Err(format!("{at}: this program knows version {VERSION} of these files, not {}", document.version.get_ref()));
        }
        let rule = |line: &Spanned<String>| {
            Rule::parse(line.get_ref()).map_err(|problem| {
                // The quote is before it.
                format!("{}: {problem}", place(text, line.span().start + 1 + problem.at))
            })
        };
        let allowed = |name: &Spanned<String>| {
            if Remark::can_be_allowed(name.get_ref()) {
                return Ok(name.get_ref().clone());
            }
            Err(said(
                name,
                format!(
                    "`{}` is nothing that can be allowed; there are {}, and tags by their columns, as in tag_branch",
                    name.get_ref(),
                    Remark::names().join(", ")
                ),
            ))
        };
        Ok(Self {
            rules: document.limits.iter().map(rule).collect::<Result<_, _>>()?,
            allow: document.allow.iter().map(allowed).collect::<Result<_, _>>()?,
        })
    }
}

/// `line 3, column 14`.
fn place(text: &str, at: usize) -> String {
    let Place { line, column } = Place::of(text, at);
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_what_is_allowed() {
        let file =
            LimitsFile::parse("version = 1\nallow = [\"kernel\"]\nlimits = [\n  \"export.* p99=5%\",\n  \"map p50=1us\",\n]\n")
                .unwrap();
        assert_eq!((file.rules.len(), file.allow), (2, vec!["kernel".to_owned()]));
    }

    #[test]
    fn a_tag_is_allowed_by_its_column() {
        let allow = |name: &str| LimitsFile::parse(&format!("version = 1\nallow = [\"{name}\"]\n")).map(|file| file.allow);
        assert_eq!(allow("tag_branch"), Ok(vec!["tag_branch".to_owned()]));
        for wrong in ["branch", "tag_"] {
            assert!(allow(wrong).unwrap_err().contains("tags by their columns, as in tag_branch"), "{wrong}");
        }
    }

    #[test]
    fn brackets_that_do_not_end_are_refused_and_take_no_stack() {
        let behind_a_quote = format!(r#"allow = ["\"", {}"#, "[".repeat(100_000));
        for text in ["allow ={[\"kernel\"]\n".repeat(100_000), "[".repeat(1 << 20), "limits = [{".repeat(50_000), behind_a_quote]
        {
            let error = LimitsFile::parse(&text).unwrap_err();
            assert!(error.contains("brackets in brackets"), "{error}");
        }
        let quoted = format!("version = 1\nlimits = [{}]\n", "\"export.*[pages>=1] p50=5%\", ".repeat(1_000));
        assert_eq!(LimitsFile::parse(&quoted).unwrap().rules.len(), 1_000);
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (text, words) in [
            ("version = 1\nlimits = [\n  \"exprot p99=5%\",\n]\n", "line 3, column 4: `exprot` is no operation"),
            ("version = 1\nlimits = [\"export.wc p99=fast\"]\n", "line 2, column 26: `fast` is no limit"),
            (
                "version = 1\nallow = [\"kernle\"]\n",
                "line 2, column 10: `kernle` is nothing that can be allowed; there are kernel",
            ),
            ("version = 2\n", "line 1, column 11: this program knows version 1"),
            ("limits = []\n", "missing field `version`"),
            ("version = 1\nlimit = []\n", "line 2, column 1: unknown field `limit`"),
            ("version = 1\nlimits = [", "line 2"),
        ] {
            let error = LimitsFile::parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
