//! The kernels' options: an architecture's tinyconfig, with those of lab/kernel/ on top of it, and a check that every option was taken.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::build::Tree;
use crate::{command, platform::Architecture};

/// The options on top of tinyconfig; and what x86-64 has on top of those.
const OPTIONS: &str = include_str!("../../kernel/arm64.config");
const OF_X86_64: &str = include_str!("../../kernel/x86-64.config");

/// The options of a kernel on top of tinyconfig. Of those with the same name, the last counts.
pub fn options(architecture: Architecture, further: &str) -> String {
    match architecture {
        Architecture::Arm64 => format!("{OPTIONS}{further}"),
        Architecture::X86_64 => format!("{OPTIONS}{OF_X86_64}{further}"),
    }
}

/// Configures the tree with options on top of tinyconfig. Those that this version of Linux `lacks` need not be taken.
///
/// # Errors
/// When make fails, another option was not taken, or one was that this version is said to lack.
pub fn apply(tree: &Tree, options: &str, lacks: &[(&str, &str)]) -> Result<()> {
    command::output(tree.make().arg("tinyconfig"))?;
    let path = tree.objects().join(".config");
    let tiny = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    // A later line wins over an earlier one; olddefconfig then settles what depends on what.
    fs::write(&path, format!("{tiny}\n{options}")).with_context(|| format!("cannot write {path:?}"))?;
    command::output(tree.make().arg("olddefconfig"))?;
    let settled = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    check_lost(options, &lost(options, &settled), lacks)
}

/// What was not taken is what this version lacks.
fn check_lost(options: &str, lost: &[&str], lacks: &[(&str, &str)]) -> Result<()> {
    let is_lacking = |option: &str| lacks.iter().any(|(lacking, _)| *lacking == option);
    let unexpected: Vec<_> = lost.iter().filter(|option| !is_lacking(option)).copied().collect();
    ensure!(
        unexpected.is_empty(),
        "the kernel's configuration did not take these options of lab/kernel/ or of the platform: {}",
        unexpected.join(" ")
    );
    let wanted = |option: &str| last_of_each(options).contains(&option);
    let taken: Vec<_> =
        lacks.iter().map(|(option, _)| *option).filter(|option| wanted(option) && !lost.contains(option)).collect();
    ensure!(
        taken.is_empty(),
        "the kernel's configuration took options that lab/src/platform/sources.rs says it lacks: {}; take them off that list",
        taken.join(" ")
    );
    Ok(())
}

/// The options of a configuration; of those with the same name, the last counts.
fn last_of_each(options: &str) -> Vec<&str> {
    let options: Vec<_> = options.lines().filter(|line| line.starts_with("CONFIG_")).collect();
    let name = |place: usize| options[place].split('=').next();
    let is_last = |place: &usize| (place + 1..options.len()).all(|later| name(later) != name(*place));
    (0..options.len()).filter(is_last).map(|place| options[place]).collect()
}

/// The options that a settled configuration does not have.
fn lost<'a>(options: &'a str, settled: &str) -> Vec<&'a str> {
    last_of_each(options)
        .into_iter()
        .filter(|option| match option.strip_suffix("=n") {
            Some(name) => settled.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))),
            None => !settled.lines().any(|line| line == *option),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_was_not_taken_is_named() {
        let settled = "CONFIG_A=y\nCONFIG_B=\"x\"\n# CONFIG_C is not set\nCONFIG_D=y\n";
        let options = "# why\nCONFIG_A=y\nCONFIG_B=\"x\"\nCONFIG_C=y\nCONFIG_D=n\nCONFIG_E=n\n";
        assert_eq!(lost(options, settled), ["CONFIG_C=y", "CONFIG_D=n"]);
        // What a platform adds.
        assert_eq!(lost(&format!("{options}CONFIG_C=n\nCONFIG_A=n\n"), settled), ["CONFIG_D=n", "CONFIG_A=n"]);
    }

    #[test]
    fn what_a_version_lacks_is_no_loss_and_what_it_has_after_all_is_an_error() {
        let options = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_B=n\n";
        let lacks =
            [("CONFIG_A=y", "gone"), ("CONFIG_B=y", "not asked for in the end"), ("CONFIG_C=y", "of another architecture")];
        check_lost(options, &["CONFIG_A=y"], &lacks).unwrap();
        let refused = |lost: &[&str], lacks: &[_]| check_lost(options, lost, lacks).unwrap_err().to_string();
        assert!(
            refused(&["CONFIG_A=y"], &[]).contains("did not take these options of lab/kernel/ or of the platform: CONFIG_A=y")
        );
        assert!(refused(&[], &lacks).contains("it lacks: CONFIG_A=y;"));
    }

    #[test]
    fn no_option_is_set_twice_in_a_file() {
        for options in [OPTIONS, OF_X86_64] {
            let names = options.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
            let mut names: Vec<_> = names.collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
