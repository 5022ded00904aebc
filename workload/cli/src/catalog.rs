//! Every scenario by its name: those that are files, and the conformance tests, which check what no list of steps can say.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use grantscope_conformance::Test;
pub use grantscope_generator::builtin::{BUILTIN, Builtin};
use grantscope_generator::script::bounds::MOST_BYTES;
use grantscope_generator::script::{Given, Plan};
use grantscope_output::FileId;

/// What `--scenario` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// A conformance test.
    Test(Test),
    /// A file that is part of this program.
    Builtin(&'static Builtin),
    /// A file of the user's.
    File(PathBuf),
}

impl Chosen {
    /// The meaning of a word: a name, or a file's path if there is a `/` or a `.` in it.
    ///
    /// # Errors
    /// No scenario has this name; the text lists those that there are.
    pub fn named(word: impl AsRef<OsStr>) -> Result<Self, String> {
        let path = word.as_ref();
        // A name that is not UTF-8 is none of ours.
        let Some(word) = path.to_str().filter(|word| !word.contains(['/', '.'])) else { return Ok(Self::File(path.into())) };
        let builtin = BUILTIN.iter().find(|builtin| builtin.name == word).map(Self::Builtin);
        let test = Test::ALL.into_iter().find(|test| test.name() == word).map(Self::Test);
        builtin.or(test).ok_or_else(|| {
            let known: Vec<_> = names().collect();
            format!("there is no scenario of that name; there are: {}; or give a file, such as ./{word}.toml", known.join(", "))
        })
    }

    /// Refuses to write the truth over the scenario's own file.
    ///
    /// # Errors
    /// They are one file.
    pub fn is_not(&self, truth: &Path) -> Result<()> {
        match self {
            Self::File(path) if FileId::at(path).is_some_and(|file| FileId::at(truth) == Some(file)) => {
                bail!("{}: is the scenario, and would be overwritten by the truth; give --truth another file", truth.display())
            }
            _ => Ok(()),
        }
    }

    /// The file's name as errors call it, and its text; a program has none.
    ///
    /// # Errors
    /// A file of the user's cannot be read.
    pub fn file(&self) -> Result<Option<(String, String)>> {
        match self {
            Self::Test(_) => Ok(None),
            Self::Builtin(builtin) => Ok(Some((format!("{}.toml", builtin.name), builtin.text.to_owned()))),
            Self::File(path) => read(path).map(|text| Some((path.display().to_string(), text))),
        }
    }
}

/// A scenario file's text.
fn read(path: &Path) -> Result<String> {
    let unreadable =
        |cause| anyhow!("cannot read the scenario {}: {cause}; `list` names those that need no file", path.display());
    let file = File::open(path).map_err(unreadable)?;
    if FileId::of(&file).is_some_and(|file| FileId::of(io::stdout()) == Some(file)) {
        bail!("{}: is also where standard output goes, which would write over it; redirect that to another file", path.display());
    }
    // One byte more than there may be: the plan says so then, with the place.
    io::read_to_string(file.take(MOST_BYTES as u64 + 1)).map_err(unreadable)
}

fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|builtin| builtin.name).chain(Test::ALL.into_iter().map(Test::name))
}

/// The scenarios, one a line.
pub fn list() -> String {
    let tests = Test::ALL.into_iter().map(|test| (test.name(), test.summary().to_owned()));
    let files = BUILTIN.iter().map(|builtin| {
        let plan = Plan::read(builtin.name, builtin.text, &Given { peer: true, ..Given::default() });
        (builtin.name, plan.map_or_else(|problems| problems.to_string(), |plan| plan.summary))
    });
    let width = names().map(str::len).max().unwrap_or(0) + 2;
    files.chain(tests).map(|(name, summary)| format!("{name:<width$}{summary}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name_and_others_are_answered_with_the_list() {
        for name in names() {
            assert!(matches!(Chosen::named(name), Ok(Chosen::Test(_) | Chosen::Builtin(_))), "{name}");
        }
        assert_eq!(Chosen::named("./swep.toml"), Ok(Chosen::File("./swep.toml".into())));
        let error = Chosen::named("swep").unwrap_err();
        assert!(error.starts_with("there is no scenario of that name; there are: sweep, copy,"), "{error}");
        assert!(error.ends_with("; or give a file, such as ./swep.toml"), "{error}");
    }

    #[test]
    fn every_file_beside_the_program_is_part_of_it_and_makes_sense() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        let mut files: Vec<_> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut known: Vec<_> = BUILTIN.iter().map(|builtin| format!("{}.toml", builtin.name)).collect();
        known.sort();
        assert_eq!(files, known, "add it to BUILTIN in workload/src/builtin.rs");
        for builtin in BUILTIN {
            let plan = Plan::read(builtin.name, builtin.text, &Given { peer: true, ..Given::default() });
            let plan = plan.unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(plan.name, builtin.name, "the name in the file is not the file's");
        }
    }
}
