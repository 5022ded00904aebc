//! Downloads Debian packages of other suites and architectures by private apt configurations, which leave the system's alone.
//!
//! The mirror is the one that this machine's own apt uses. Signatures are checked against Debian's keyring, which every Debian has.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cache::{Cache, remove_folder},
    command,
};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Overrides the mirror, for machines whose own apt knows no Debian.
const MIRROR_VARIABLE: &str = "GRANTSCOPE_DEBIAN_MIRROR";

/// A place where apt finds packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The repository's address.
    pub address: String,
    /// The suite.
    pub suite: String,
}

/// The Debian repositories in this machine's own apt configuration.
///
/// # Errors
/// When apt cannot be asked, or knows no Debian repository.
pub fn machine_sources(cache: &Cache) -> Result<Vec<Source>> {
    let known = targets(&[])?;
    if !known.is_empty() {
        return Ok(known);
    }
    // Nothing is known before the first `apt-get update`: ask with the machine's sources, but lists of our own.
    let state = cache.root().join("apt/machine");
    fs::create_dir_all(state.join("lists/partial"))?;
    let options = [format!("Dir::State::lists={}", state.join("lists").display())];
    let mut update = Command::new("apt-get");
    add_options(&mut update, &options);
    command::output(update.arg("update")).context("cannot read the lists of this machine's apt sources")?;
    let known = targets(&options)?;
    ensure!(
        !known.is_empty(),
        "this machine's apt knows no Debian repository: the lab's kernel source and hypervisor come from Debian's packages. \
         Set {MIRROR_VARIABLE} to the address of a Debian mirror, and install the debian-archive-keyring package"
    );
    Ok(known)
}

fn targets(options: &[String]) -> Result<Vec<Source>> {
    let mut ask = Command::new("apt-get");
    add_options(&mut ask, options);
    ask.args(["indextargets", "--format", "$(CREATED_BY) $(ORIGIN) $(REPO_URI) $(RELEASE)"]);
    let text = command::output(&mut ask).context("cannot ask apt for its sources: the lab is built on Debian")?;
    Ok(parse_targets(&text))
}

fn parse_targets(text: &str) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some("Packages"), Some("Debian"), Some(address), Some(suite), None) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let source = Source { address: address.into(), suite: suite.into() };
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources
}

/// The address of the main Debian archive: not the one with security updates, which holds only those.
///
/// # Errors
/// When the machine's apt does not have it.
pub fn main_archive(cache: &Cache) -> Result<String> {
    if let Some(address) = std::env::var_os(MIRROR_VARIABLE) {
        return address.into_string().ok().with_context(|| format!("{MIRROR_VARIABLE} is not UTF-8"));
    }
    let sources = machine_sources(cache)?;
    let main = sources.iter().find(|source| !source.suite.contains("security"));
    let main = main.context("this machine's apt has only Debian's security updates: add the main archive to its sources")?;
    Ok(main.address.clone())
}

/// An apt of our own, for some suites and one architecture.
#[derive(Debug)]
pub struct PrivateApt {
    folder: PathBuf,
    options: Vec<String>,
}

impl PrivateApt {
    /// Sets one up in the cache and reads its package lists, unless that was done before.
    ///
    /// # Errors
    /// When the package lists cannot be read.
    pub fn open(cache: &Cache, name: &str, architecture: &str, sources: &[Source]) -> Result<Self> {
        let folder = cache.root().join("apt").join(name);
        let apt = Self { options: options(&folder, architecture), folder };
        let list = source_list(sources);
        let list_path = apt.folder.join("sources.list");
        let complete = apt.folder.join("complete");
        if fs::read_to_string(&complete).is_ok_and(|done_with| done_with == list) {
            return Ok(apt);
        }
        ensure!(
            Path::new(KEYRING).exists(),
            "{KEYRING} is missing, so package signatures cannot be checked: apt-get install debian-archive-keyring"
        );
        for part in ["lists/partial", "archives/partial", "parts"] {
            let path = apt.folder.join(part);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {path:?}"))?;
        }
        fs::write(&list_path, &list).with_context(|| format!("cannot write {list_path:?}"))?;
        fs::write(apt.folder.join("status"), "")?;
        command::output(apt.get().args(["-o", "APT::Update::Error-Mode=any", "update"]))
            .with_context(|| format!("cannot read the package lists of {architecture}: {}", list.trim()))?;
        fs::write(&complete, &list).with_context(|| format!("cannot write {complete:?}"))?;
        Ok(apt)
    }

    /// The newest version of a package, if the suites have it.
    ///
    /// # Errors
    /// When apt cannot be asked.
    pub fn version(&self, package: &str) -> Result<Option<String>> {
        let mut ask = Command::new("apt-cache");
        add_options(&mut ask, &self.options);
        let text = command::output(ask.args(["policy", package]))?;
        let candidate = text.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
        Ok(candidate.filter(|&version| version != "(none)").map(str::to_owned))
    }

    /// What a package depends on directly, in its own words.
    ///
    /// # Errors
    /// When apt cannot be asked, or does not know the package.
    pub fn depends(&self, package: &str) -> Result<Vec<String>> {
        let mut ask = Command::new("apt-cache");
        add_options(&mut ask, &self.options);
        let text = command::output(ask.args(["depends", package]))?;
        Ok(text.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")).map(str::to_owned).collect())
    }

    /// Everything that packages need, they included.
    ///
    /// # Errors
    /// When apt cannot find a way to install them.
    pub fn closure(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut ask = self.get();
        ask.args(["--print-uris", "--yes", "--no-install-recommends", "install"]).args(packages);
        Ok(parse_uris(&command::output(&mut ask)?))
    }

    /// Downloads packages and unpacks their files under `into`.
    ///
    /// # Errors
    /// When one cannot be downloaded or unpacked.
    pub fn unpack(&self, packages: &[String], into: &Path) -> Result<()> {
        let downloads = self.folder.join("downloads");
        remove_folder(&downloads)?;
        fs::create_dir_all(&downloads).with_context(|| format!("cannot make {downloads:?}"))?;
        let mut download = self.get();
        download.current_dir(&downloads).arg("download").args(packages);
        command::output(&mut download)?;
        for entry in fs::read_dir(&downloads)? {
            let package = entry?.path();
            command::output(Command::new("dpkg").arg("-x").args([&package, into]))?;
        }
        remove_folder(&downloads)
    }

    fn get(&self) -> Command {
        let mut command = Command::new("apt-get");
        add_options(&mut command, &self.options);
        command
    }
}

fn add_options(command: &mut Command, options: &[String]) {
    // Locale settings would translate what is parsed here.
    command.env("LC_ALL", "C");
    for option in options {
        command.args(["-o", option]);
    }
}

fn options(folder: &Path, architecture: &str) -> Vec<String> {
    let at = |part: &str| folder.join(part).display().to_string();
    let mut options = vec![
        format!("Dir::Etc::sourcelist={}", at("sources.list")),
        format!("Dir::Etc::sourceparts={}", at("parts")),
        format!("Dir::Etc::preferencesparts={}", at("parts")),
        format!("Dir::State::lists={}", at("lists")),
        format!("Dir::State::status={}", at("status")),
        format!("Dir::State::extended_states={}", at("extended_states")),
        format!("Dir::Cache={}", folder.display()),
        format!("APT::Architecture={architecture}"),
        format!("APT::Architectures::={architecture}"),
        "APT::Get::List-Cleanup=true".into(),
        "Acquire::Languages=none".into(),
    ];
    if nix::unistd::geteuid().is_root() {
        // Root's apt would become a user that cannot write to root's cache.
        options.push("APT::Sandbox::User=root".into());
    }
    options
}

fn source_list(sources: &[Source]) -> String {
    sources.iter().map(|source| format!("deb [signed-by={KEYRING}] {} {} main\n", source.address, source.suite)).collect()
}

/// The package names in what `apt-get --print-uris` says: `'http://…/name_1.2_amd64.deb' name_1.2_amd64.deb 123 SHA256:…`.
fn parse_uris(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with('\''));
    let file_names = lines.filter_map(|line| line.split_whitespace().nth(1));
    file_names.filter_map(|file| Some(file.split_once('_')?.0.to_owned())).collect()
}

/// The sources of this machine, for another architecture of the same release.
///
/// # Errors
/// When the machine's sources are not known, or the package lists cannot be read.
pub fn machine_apt(cache: &Cache, architecture: &str) -> Result<PrivateApt> {
    let sources = machine_sources(cache)?;
    PrivateApt::open(cache, &format!("machine-{architecture}"), architecture, &sources)
}

/// One suite of the main archive.
///
/// # Errors
/// When the mirror is not known, or the package lists cannot be read.
pub fn suite_apt(cache: &Cache, suite: &str, architecture: &str) -> Result<PrivateApt> {
    let source = Source { address: main_archive(cache)?, suite: suite.into() };
    PrivateApt::open(cache, &format!("{suite}-{architecture}"), architecture, &[source])
}

/// The architecture that this machine's dpkg installs packages of.
///
/// # Errors
/// When dpkg cannot be asked.
pub fn machine_architecture() -> Result<String> {
    let text = command::output(Command::new("dpkg").arg("--print-architecture"))
        .context("cannot ask dpkg: the lab is built on Debian")?;
    match text.trim() {
        "" => bail!("dpkg names no architecture"),
        name => Ok(name.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debians_package_lists_count_as_sources_and_each_once() {
        let text = "\
Packages Debian http://mirror/debian/ bookworm
Translations Debian http://mirror/debian/ bookworm
Packages Debian http://mirror/debian/ bookworm
Packages Debian http://mirror/debian-security/ bookworm-security
Packages Someone Else http://other/ stable
Packages Node http://other/ nodistro
";
        let suites: Vec<_> = parse_targets(text).into_iter().map(|source| source.suite).collect();
        assert_eq!(suites, ["bookworm", "bookworm-security"]);
    }

    #[test]
    fn every_source_is_bound_to_debians_keyring() {
        let source = Source { address: "http://mirror/debian".into(), suite: "trixie".into() };
        assert_eq!(
            source_list(&[source]),
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror/debian trixie main\n"
        );
    }

    #[test]
    fn package_names_are_read_from_what_apt_would_fetch() {
        let text = "Reading package lists...\n'http://m/q_1%3a7.2_amd64.deb' q_1%3a7.2_amd64.deb 12 SHA256:00\n";
        assert_eq!(parse_uris(text), ["q"]);
    }
}
