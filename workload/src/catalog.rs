//! Every scenario by its name: those that are programs, because they check what no list of steps can say, and those that are files.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::scenario::Scenario;
use crate::script::{Given, Plan};

/// A scenario file that is part of this program.
#[derive(Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name, which is the file's without `.toml`.
    pub name: &'static str,
    /// The file itself.
    pub text: &'static str,
}

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin { name: $name, text: include_str!(concat!("../scenarios/", $name, ".toml")) }),*]
    };
}

/// All of them, in the order in which they are listed.
pub const BUILTIN: &[Builtin] = builtin![
    "latency-1",
    "display-1080p-wc",
    "display-4k",
    "display-copy",
    "camera-4buf",
    "resize-storm",
    "churn",
    "hoarder",
    "zero-copy",
    "zero-copy-loopback",
];

/// What `--scenario` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// A program.
    Program(Scenario),
    /// A file that is part of this program.
    Builtin(&'static Builtin),
    /// A file of the user's.
    File(PathBuf),
}

impl Chosen {
    /// What a word stands for: a name, or a file's path if there is a `/` or a `.` in it.
    pub fn named(word: &str) -> Result<Self, String> {
        if word.contains(['/', '.']) {
            return Ok(Self::File(word.into()));
        }
        let builtin = BUILTIN.iter().find(|builtin| builtin.name == word).map(Self::Builtin);
        let program = Scenario::ALL.into_iter().find(|scenario| scenario.name() == word).map(Self::Program);
        program.or(builtin).ok_or_else(|| {
            let known: Vec<_> = names().collect();
            format!("there is no scenario of that name; there are: {}; or give a file, such as ./{word}.toml", known.join(", "))
        })
    }

    /// The file's name as errors call it, and its text; a program has none.
    pub fn file(&self) -> Result<Option<(String, String)>> {
        match self {
            Self::Program(_) => Ok(None),
            Self::Builtin(builtin) => Ok(Some((format!("{}.toml", builtin.name), builtin.text.to_owned()))),
            Self::File(path) => read(path).map(|text| Some((path.display().to_string(), text))),
        }
    }
}

/// A scenario file's text.
fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|cause| Error::ScenarioPath { path: path.to_owned(), cause })
}

fn names() -> impl Iterator<Item = &'static str> {
    Scenario::ALL.into_iter().map(Scenario::name).chain(BUILTIN.iter().map(|builtin| builtin.name))
}

/// The scenarios, one a line.
pub fn list() -> String {
    let programs = Scenario::ALL.into_iter().map(|scenario| (scenario.name(), scenario.summary().to_owned()));
    let files = BUILTIN.iter().map(|builtin| {
        let plan = Plan::read(builtin.name, builtin.text, &Given { peer: true, ..Given::default() });
        (builtin.name, plan.map_or_else(|problems| problems.to_string(), |plan| plan.summary))
    });
    let width = names().map(str::len).max().unwrap_or(0) + 2;
    programs.chain(files).map(|(name, summary)| format!("{name:<width$}{summary}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name_and_others_are_answered_with_the_list() {
        for name in names() {
            assert!(matches!(Chosen::named(name), Ok(Chosen::Program(_) | Chosen::Builtin(_))), "{name}");
        }
        assert_eq!(Chosen::named("./swep.toml"), Ok(Chosen::File("./swep.toml".into())));
        let error = Chosen::named("swep").unwrap_err();
        assert!(error.starts_with("there is no scenario of that name; there are: sweep, copy,"), "{error}");
        assert!(error.ends_with("; or give a file, such as ./swep.toml"), "{error}");
    }

    #[test]
    fn every_file_beside_the_program_is_part_of_it_and_makes_sense() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut files: Vec<_> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut known: Vec<_> = BUILTIN.iter().map(|builtin| format!("{}.toml", builtin.name)).collect();
        known.sort();
        assert_eq!(files, known, "add it to BUILTIN in workload/src/catalog.rs");
        for builtin in BUILTIN {
            let plan = Plan::read(builtin.name, builtin.text, &Given { peer: true, ..Given::default() });
            let plan = plan.unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(plan.name, builtin.name, "the name in the file is not the file's");
        }
    }
}
