//! Which configuration file is read.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result};

use crate::config::read::Config;
use crate::exit::WrongUsage;
use crate::source::text;

/// More is no configuration that somebody wrote.
const MOST_BYTES: u64 = 1 << 20;

/// A file, and why it is this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub path: PathBuf,
    /// What names it.
    pub by: NamedBy,
}

/// What names a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The option `--config`.
    Option,
    /// This variable names the file itself.
    Variable(&'static str),
    /// This variable names the folder that it would be in.
    Folder(&'static str),
}

const VARIABLE: &str = "GRANTSCOPE_CONFIG";
/// XDG Base Directory Specification 0.8: below `$XDG_CONFIG_HOME` where that is an absolute path, else below `$HOME/.config`.
const FOLDER: &str = "XDG_CONFIG_HOME";
const HOME: &str = "HOME";
const BELOW: &str = "grantscope/config.toml";

impl File {
    /// The one of the option, else of the environment; `None`: not even a home is known.
    pub fn find(option: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let of_option = || option.map(Self::named);
        let of_variable = || path(VARIABLE).map(|path| Self { path, by: NamedBy::Variable(VARIABLE) });
        let below = |name, folder: &str| {
            let folder = path(name).filter(|path| path.is_absolute())?.join(folder);
            Some(Self { path: folder.join(BELOW), by: NamedBy::Folder(name) })
        };
        of_option().or_else(of_variable).or_else(|| below(FOLDER, "")).or_else(|| below(HOME, ".config"))
    }

    /// The one that the option `--config` names.
    pub fn named(path: &Path) -> Self {
        Self { path: path.to_owned(), by: NamedBy::Option }
    }
}

/// What a configuration file says.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says; of none, nothing.
    pub config: Config,
    /// The file.
    pub file: Option<File>,
    /// Whether there is one of that name.
    pub is_there: bool,
}

impl Loaded {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, has a mistake, or is not there although it was named.
    pub fn read(file: Option<File>) -> Result<Self> {
        let Some(named) = &file else { return Ok(Self { config: Config::default(), file, is_there: false }) };
        let usage = |what| Error::msg(WrongUsage(what));
        let bytes = match text::bytes(&named.path, MOST_BYTES, "no configuration that somebody wrote; see docs/configuration.md")
        {
            Ok(bytes) => bytes,
            Err(error) if is_missing(&error) && matches!(named.by, NamedBy::Folder(_)) => {
                return Ok(Self { config: Config::default(), file, is_there: false });
            }
            Err(error) => return Err(usage(format!("{error:#}{}", named.by.remedy()))),
        };
        let config = Config::parse(&bytes).map_err(|mistake| usage(format!("{}:{mistake}", named.path.display())))?;
        Ok(Self { config, file, is_there: true })
    }

    /// The name of the file that was read; `None`: there was none.
    pub fn name(&self) -> Option<String> {
        self.file.as_ref().filter(|_| self.is_there).map(|file| file.path.display().to_string())
    }
}

impl NamedBy {
    fn remedy(self) -> String {
        match self {
            Self::Option => " (--config names this file)".to_owned(),
            Self::Variable(name) | Self::Folder(name) => format!(" (${name} names this file; --config names another)"),
        }
    }
}

/// There is none, not even the folder: a home can be `/dev/null`.
fn is_missing(error: &Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    kinds.into_iter().any(|kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(option: Option<&str>, variables: &[(&str, &str)]) -> Option<(String, NamedBy)> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        File::find(option.map(Path::new), variable).map(|file| (file.path.display().to_string(), file.by))
    }

    #[test]
    fn an_option_comes_before_variables_and_a_folder_before_the_home() {
        let variables = [("GRANTSCOPE_CONFIG", "mine.toml"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")];
        let file = |path: &str, by| Some((path.to_owned(), by));
        assert_eq!(found(Some("c.toml"), &variables), file("c.toml", NamedBy::Option));
        assert_eq!(found(None, &variables), file("mine.toml", NamedBy::Variable(VARIABLE)));
        assert_eq!(found(None, &variables[1..]), file("/x/grantscope/config.toml", NamedBy::Folder(FOLDER)));
        assert_eq!(found(None, &variables[2..]), file("/h/.config/grantscope/config.toml", NamedBy::Folder(HOME)));
        assert_eq!(found(None, &[]), None);
    }

    #[test]
    fn what_is_empty_or_no_absolute_path_names_nothing() {
        let variables = [("GRANTSCOPE_CONFIG", ""), ("XDG_CONFIG_HOME", "x"), ("HOME", "/h")];
        assert_eq!(found(None, &variables).map(|(_, by)| by), Some(NamedBy::Folder(HOME)));
    }
}
