//! What is asked of a TOML file as text, before and after the parser has it: whether the parser's stack has room, and where a byte of it is.

use std::fmt;

/// Brackets within brackets.
const MOST_DEPTH: usize = 32;

/// What the parser must not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The byte at which it begins.
    pub at: usize,
    /// What it is, and what would be right.
    pub what: &'static str,
}

/// Refuses text whose brackets are nested deeper than in any file that somebody wrote. The parser recurses at each bracket, also where it is
/// only looking for the end of a mistake: where there are more of them than a stack has room for. Brackets in strings and comments do not
/// count; for that it must be known where strings end, which is with their line if not before: so those of several lines are refused too.
///
/// # Errors
/// Brackets are nested too deep, or a string has several lines.
pub fn guard(text: &str) -> Result<(), Refused> {
    let (mut depth, mut within, mut is_escaped) = (0_usize, Within::Nothing, false);
    for (at, character) in text.char_indices() {
        within = match (within, character) {
            (_, '\n') => Within::Nothing,
            (Within::Nothing, '#') => Within::Comment,
            (Within::Nothing, quote @ ('"' | '\'')) => {
                if text[at..].chars().take_while(|&next| next == quote).take(3).count() == 3 {
                    return Err(Refused { at, what: "a string of several lines: here each ends on its line, with one quote" });
                }
                Within::String(quote)
            }
            (Within::Nothing, '[' | '{') => {
                depth += 1;
                if depth > MOST_DEPTH {
                    return Err(Refused { at, what: "brackets in brackets in brackets: what belongs here is nested once" });
                }
                Within::Nothing
            }
            (Within::Nothing, ']' | '}') => {
                depth = depth.saturating_sub(1);
                Within::Nothing
            }
            (Within::String(quote), character) if character == quote && !is_escaped => Within::Nothing,
            (within, _) => within,
        };
        // A literal string has no escapes.
        is_escaped = within == Within::String('"') && character == '\\' && !is_escaped;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Comment,
    /// With this quote around it.
    String(char),
}

/// A place in a text, counted from 1 as editors do. Written as compilers write it: `3:14`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl Place {
    /// Where this byte is. Behind the end, the end.
    pub fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<&str> {
        guard(text).err().map(|refused| refused.what.split(':').next().unwrap())
    }

    #[test]
    fn brackets_are_counted_outside_of_strings_and_comments_alone() {
        let (most, more) = ("[".repeat(MOST_DEPTH), "[".repeat(MOST_DEPTH + 1));
        assert_eq!((refused(&most), refused(&more)), (None, Some("brackets in brackets in brackets")));
        let inside = [r#"a = "[" # it's one ["#, "a = [[1], [2]]", r"a = '\' # [", r#"a = "\"[""#, r#"a = "["#, r#""""#];
        inside.iter().for_each(|line| assert_eq!(refused(&format!("{line}\n").repeat(1_000)), None, "{line}"));
        let outside = [r#"a = "\"""#, r#"a = '"'"#, r#"a = "\\""#, "a = \"'\n", r"a = '\'"];
        outside.iter().for_each(|before| assert!(refused(&format!("{before}{more}")).is_some(), "{before}"));
    }

    #[test]
    fn a_string_of_several_lines_could_hide_brackets_and_is_refused() {
        for text in [r#"a = """"#, "a = '''", "a = [\"\"\"\nx\"\"\", [[["] {
            assert_eq!(refused(text), Some("a string of several lines"));
        }
        assert_eq!(refused(r#"a = "'''" # """"#), None);
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        assert_eq!(Place::of("ä\nöx", 5), Place { line: 2, column: 2 });
        assert_eq!(Place::of("ab", 99).to_string(), "1:3");
    }
}
