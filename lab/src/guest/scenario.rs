//! The workload with a scenario, as a command for dom0. A wrong scenario is refused before anything boots.

use anyhow::{Result, anyhow, ensure};
use grantscope_workload::{
    catalog::Chosen,
    script::{Given, Plan},
};

use super::job::Command;
use crate::platform::Platform;

/// The name of the host's scenario file in dom0's /job.
const SCENARIO_FILE: &str = "scenario.toml";

/// The workload with a scenario, on another domain's pages if the platform has one that grants.
///
/// # Errors
/// When there is no such scenario, or it makes no sense on this platform.
pub fn command(platform: &Platform, scenario: &str) -> Result<Command> {
    with_settings(platform, scenario, &[])
}

/// The same, with other values for parameters of a scenario file. What is wrong with them is said here, by the workload's own check.
///
/// # Errors
/// When there is no such scenario, or it makes no sense on this platform with these values.
pub fn with_settings(platform: &Platform, scenario: &str, set: &[String]) -> Result<Command> {
    let chosen = Chosen::named(scenario).map_err(|error| anyhow!("--scenario {scenario}: {error}"))?;
    let settings = set.iter().map(|setting| Given::setting(setting).map_err(|error| anyhow!("--set {setting}: {error}")));
    let set_to = settings.collect::<Result<Vec<_>>>()?;
    match chosen.file()? {
        Some((name, text)) => {
            let given = Given { set: set_to, peer: platform.domains.have_frontend(), ..Given::default() };
            Plan::read(&name, &text, &given)?;
        }
        None => ensure!(set.is_empty(), "--set is for scenario files, and {scenario} is a program"),
    }
    let in_dom0 = format!("/job/{SCENARIO_FILE}");
    let (named, files) = match chosen {
        Chosen::File(path) => (in_dom0.as_str(), vec![(SCENARIO_FILE.to_owned(), path)]),
        Chosen::Test(_) | Chosen::Builtin(_) => (scenario, vec![]),
    };
    let set: Vec<&str> = set.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
    let arguments = [&["run", "--scenario", named], platform.domains.source(), &set, &["--truth", "/out/truth.json"]].concat();
    Ok(Command { files, ..Command::inside("/bin/grantscope-workload", &arguments) })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::platform::MAIN;

    #[test]
    fn a_scenario_that_makes_no_sense_is_refused_before_anything_boots() {
        let refused = |name: &str, set: &[String]| format!("{:#}", with_settings(MAIN, name, set).unwrap_err());
        assert!(refused("swep", &[]).contains("there is no scenario of that name"));
        assert!(refused("./no-such-file.toml", &[]).contains("cannot read the scenario ./no-such-file.toml"));
        assert!(refused("faults", &["pages=1".into()]).contains("faults is a program"));
        assert!(refused("latency-1", &["page=1".into()]).contains("write pages"));
        let file = std::env::temp_dir().join(format!("grantscope-bad-{}.toml", std::process::id()));
        fs::write(&file, "version = 1\nname = 4\n").unwrap();
        let problems = refused(file.to_str().unwrap(), &[]);
        fs::remove_file(&file).unwrap();
        assert!(problems.contains(".toml:1:1: the key summary at the head of a scenario is missing"), "{problems}");
    }

    #[test]
    fn a_file_goes_to_dom0_with_the_job() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../workload/scenarios/latency-1.toml");
        let with_arms = with_settings(MAIN, file, &["pages=1,16".into()]).unwrap();
        assert_eq!(with_arms.files, [("scenario.toml".to_owned(), PathBuf::from(file))]);
        assert_eq!(
            with_arms.arguments,
            ["run", "--scenario", "/job/scenario.toml", "--peer", "1", "--set", "pages=1,16", "--truth", "/out/truth.json"]
        );
        assert_eq!(command(MAIN, "latency-1").unwrap().files, []);
    }
}
