//! Finds the example commands in README.md, CONTRIBUTING.md and docs/*.md, and has a program's own command line parse them.
//!
//! Not a document: three tests compile it (`#[path]`), one for each program, so that no example is out of date unnoticed.
//! In a block of code every line has to be a whole command. In running text a command may be a fragment: required arguments may
//! be missing, and a value may be a placeholder in capitals.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A command line that a reader finds.
pub struct Example {
    /// File and line.
    pub place: String,
    /// The program's name and its arguments; of `cargo xtask`, what follows.
    pub words: Vec<String>,
    /// Whether it is a line of a block of code.
    pub in_block: bool,
}

/// Checks all examples of a program; returns them for further checks.
///
/// # Panics
///
/// If the program has no example, or if one is not a command line of it.
pub fn check(program: &str, parse: impl Fn(&[String]) -> Result<(), clap::Error>) -> Vec<Example> {
    let examples = examples_of(program);
    assert!(!examples.is_empty(), "no document has an example of {program}");
    let problems: Vec<_> = examples.iter().filter_map(|example| problem(example, parse(&example.words).err()?)).collect();
    assert!(problems.is_empty(), "examples that {program} refuses:\n\n{}", problems.join("\n"));
    examples
}

fn problem(example: &Example, error: clap::Error) -> Option<String> {
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !example.in_block,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidSubcommand => {
            !example.in_block && is_placeholder(&error)
        }
        _ => false,
    };
    (!is_fine).then(|| format!("{}: {}\n{error}", example.place, example.words.join(" ")))
}

fn is_placeholder(error: &clap::Error) -> bool {
    let value = error.get(ContextKind::InvalidValue).or_else(|| error.get(ContextKind::InvalidSubcommand));
    matches!(value, Some(ContextValue::String(value)) if value.chars().all(|letter| letter.is_ascii_uppercase()))
}

fn examples_of(program: &str) -> Vec<Example> {
    documents().iter().flat_map(|path| examples_in(path, program)).collect()
}

/// The paths of all documents.
pub fn documents() -> Vec<PathBuf> {
    let docs = root().join("docs");
    let listed = fs::read_dir(&docs).expect("docs/ can be listed").map(|entry| entry.expect("docs/ can be listed").path());
    let mut paths: Vec<_> = listed.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    paths.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    paths.sort();
    paths
}

/// The work tree: the package that compiles this file lies in a folder of it.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let has_readme = |folder: &&Path| folder.join("README.md").is_file() && folder.join("docs").is_dir();
    package.ancestors().find(has_readme).expect("README.md and docs/ are above the package").to_owned()
}

fn examples_in(path: &Path, program: &str) -> Vec<Example> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let mut block = None;
    let mut examples = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = if block.is_none() { Some(language) } else { None };
            continue;
        }
        let in_block = block.is_some();
        let codes = match block {
            None => inline_codes(line),
            // What explains a command follows it after two spaces.
            Some("" | "sh") => vec![line.trim_start().split("  ").next().unwrap_or_default()],
            // Output, a file.
            Some(_) => vec![],
        };
        let commands = codes.into_iter().flat_map(|code| commands_in(code, program));
        examples.extend(commands.map(|words| Example { place: format!("{name}:{}", number + 1), words, in_block }));
    }
    examples
}

fn inline_codes(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The program's command lines among those of a line of shell.
fn commands_in(code: &str, program: &str) -> Vec<Vec<String>> {
    let words: Vec<String> = shlex::Shlex::new(code).collect();
    let commands = words.split(|word| matches!(word.as_str(), "|" | "&&" | "||" | ">" | "2>" | ";"));
    commands.filter_map(|words| command_of(words, program)).collect()
}

fn command_of(words: &[String], program: &str) -> Option<Vec<String>> {
    let words = without_prefixes(words);
    let first = Path::new(words.first()?).file_name()?.to_str()?;
    let second = words.get(1).map(String::as_str);
    if first == program {
        return Some(words.to_vec());
    }
    if (first, second) == ("cargo", Some(program)) {
        return Some(words[1..].to_vec());
    }
    // `cargo run -p PROGRAM -- ARGUMENTS`
    let is_run = (first, second) == ("cargo", Some("run")) && words.windows(2).any(|pair| pair == ["-p", program]);
    let start = words.iter().position(|word| word == "--").filter(|_| is_run)?;
    Some([&[program.to_owned()], &words[start + 1..]].concat())
}

/// What may stand before a command: `sudo`, `ssh HOST`, `NAME=VALUE`.
fn without_prefixes(words: &[String]) -> &[String] {
    match words {
        [first, rest @ ..] if first == "sudo" => without_prefixes(rest),
        [first, _, rest @ ..] if first == "ssh" => without_prefixes(rest),
        [first, rest @ ..] if is_assignment(first) => without_prefixes(rest),
        words => words,
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'))
}
