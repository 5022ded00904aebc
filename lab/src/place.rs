//! Places: the work tree that this program was built from, and the cache outside it.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The work tree's top folder.
pub fn work_tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the lab's crate lies in a folder of the work tree")
}

/// The cache's folder: `$GRANTSCOPE_CACHE`, else `$XDG_CACHE_HOME/grantscope`, else `~/.cache/grantscope`.
///
/// # Errors
/// When none of the variables is set.
pub fn cache() -> Result<PathBuf> {
    choose_cache(|name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn choose_cache(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    variable("GRANTSCOPE_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("grantscope")))
        .or_else(|| Some(variable("HOME")?.join(".cache/grantscope")))
        .context("no place for the cache: set HOME, XDG_CACHE_HOME or GRANTSCOPE_CACHE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)]) -> Option<PathBuf> {
        choose_cache(|name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some(PathBuf::from(value))
        })
        .ok()
    }

    #[test]
    fn the_caches_own_variable_wins_over_xdg_and_home() {
        let all = [("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("GRANTSCOPE_CACHE", "/g")];
        assert_eq!(check(&all), Some("/g".into()));
        assert_eq!(check(&all[..2]), Some("/x/grantscope".into()));
        assert_eq!(check(&all[..1]), Some("/h/.cache/grantscope".into()));
        assert_eq!(check(&[]), None);
    }
}
