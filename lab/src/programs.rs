//! Compiles our own programs: the probes for the kernel's BPF machine, the rest for the lab's domains or for this machine.

mod stripped;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use nix::fcntl::Flock;

use crate::{cache::Cache, command, place, platform::Architecture, progress::Step, setup::Compilers};

/// What the lab's dom0 and dom1 get.
#[derive(Debug, Clone)]
pub struct ForLab {
    /// The recorder.
    pub grantscope: PathBuf,
    /// The generator, for both sides.
    pub workload: PathBuf,
}

/// Builds everything that the domains of a platform of this architecture run.
///
/// # Errors
/// When one does not compile.
pub fn for_lab(compilers: &Compilers, architecture: Architecture) -> Result<ForLab> {
    let probes = probes(compilers, architecture.probes())?;
    for_lab_with(compilers, architecture, &probes, architecture.name())
}

/// The same with a recorder whose programs do nothing: what hooking alone costs.
///
/// # Errors
/// When one does not compile.
pub fn for_lab_with_empty_programs(compilers: &Compilers, architecture: Architecture) -> Result<ForLab> {
    let probes = probes_with(compilers, architecture.probes(), "-empty", "empty")?;
    for_lab_with(compilers, architecture, &probes, &format!("{}-empty", architecture.name()))
}

/// `own` is the folder of this work tree that gets the programs.
fn for_lab_with(compilers: &Compilers, architecture: Architecture, probes: &Path, own: &str) -> Result<ForLab> {
    let (name, target) = (architecture.name(), architecture.rust_target());
    let cargo = || compilers.rust.cargo_for(architecture);
    let (folder, _lock) = compiled(name, cargo, &["--release", "--target", target])?;
    let build = |package: &str, features: &[&str]| -> Result<PathBuf> {
        let mut cargo = cargo();
        cargo.env("GRANTSCOPE_PROBES", probes).env("CARGO_TARGET_DIR", &folder);
        cargo.args(["build", "--release", "--target", target, "--package", package]).args(features);
        compile(&format!("{package} for {name}"), &mut cargo)?;
        take(&folder.join(target).join("release").join(package), own)
    };
    Ok(ForLab { grantscope: build("grantscope", &["--features", "capture"])?, workload: build("grantscope-workload", &[])? })
}

/// Builds everything for this machine, and gives the folder with the programs.
///
/// # Errors
/// When one does not compile.
pub fn native(compilers: &Compilers) -> Result<PathBuf> {
    let probes = probes(compilers, std::env::consts::ARCH)?;
    let folder = target_folder("native");
    let mut cargo = stable_cargo();
    cargo.env("GRANTSCOPE_PROBES", &probes).env("CARGO_TARGET_DIR", &folder);
    cargo.args(["build", "--release", "--package", "grantscope", "--package", "grantscope-workload"]);
    cargo.args(["--features", "grantscope/capture"]);
    compile("grantscope for this machine", &mut cargo)?;
    Ok(folder.join("release"))
}

/// Builds the viewer, which needs no more than stable Rust.
///
/// # Errors
/// When it does not compile.
pub fn viewer() -> Result<PathBuf> {
    let mut cargo = stable_cargo();
    // Also where the person's own settings put build products elsewhere: the program is looked for here.
    cargo.env("CARGO_TARGET_DIR", place::work_tree().join("target"));
    cargo.args(["build", "--release", "--package", "grantscope"]);
    compile("the viewer", &mut cargo)?;
    Ok(target_folder("release").join("grantscope"))
}

/// Builds the fuzzer, so that it counts where an input gets.
///
/// # Errors
/// When it does not compile.
pub fn fuzzer() -> Result<PathBuf> {
    let (folder, _lock) = compiled("fuzz", stable_cargo, &["--profile", "fuzz"])?;
    let mut cargo = stable_cargo();
    // Programs that only take part in the build count too, and would leave files where they run.
    cargo.env("CARGO_TARGET_DIR", &folder).env("LLVM_PROFILE_FILE", "/dev/null");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Cinstrument-coverage");
    cargo.args(["build", "--profile", "fuzz", "--package", "grantscope-fuzz"]);
    compile("the fuzzer", &mut cargo)?;
    take(&folder.join("fuzz/grantscope-fuzz"), "fuzz")
}

/// What makes the man pages and completions, for this machine. It lies in the cache as long as this is held.
pub struct Manual {
    /// The program.
    pub program: PathBuf,
    _lock: Flock<File>,
}

/// Builds it.
///
/// # Errors
/// When it does not compile.
pub fn manual() -> Result<Manual> {
    manual_of(&["--package", "grantscope-manual"])
}

/// The same where unit tests were built: with a test beside it, the libraries beneath it are those of the tests, which are there already.
///
/// # Errors
/// When it, or that test, does not compile.
pub fn manual_beside_tests() -> Result<Manual> {
    manual_of(&["--workspace", "--bin", "grantscope-manual", "--test", "cli"])
}

fn manual_of(what: &[&str]) -> Result<Manual> {
    let (folder, lock) = compiled("checks", stable_cargo, &[])?;
    let mut cargo = stable_cargo();
    cargo.env("CARGO_TARGET_DIR", &folder).arg("build").args(what);
    compile("the writer of man pages", &mut cargo)?;
    Ok(Manual { program: folder.join("debug/grantscope-manual"), _lock: lock })
}

/// Builds the probes for a kernel of this architecture, and gives the folder with their objects.
///
/// # Errors
/// When they do not compile.
pub fn probes(compilers: &Compilers, architecture: &str) -> Result<PathBuf> {
    probes_with(compilers, architecture, "", "")
}

/// The objects: for most kernels, and for those that lack what the programs are written with. With the feature of each, and its name for
/// people. collector/build.rs has their files' names too.
const OBJECTS: [(&str, &str, &str); 2] =
    [("grantscope-probes", "", "the probes"), ("grantscope-probes-early", "early", "the probes for kernels before 5.18")];

fn probes_with(compilers: &Compilers, architecture: &str, suffix: &str, features: &str) -> Result<PathBuf> {
    // The folder is the architecture's own: the flags differ, and each change of flags would compile everything anew.
    let name = format!("probes-{architecture}{suffix}");
    let cargo_for_probes = || {
        let mut cargo = compilers.rust.cargo();
        cargo.current_dir(place::work_tree().join("probes"));
        cargo
    };
    let (folder, _lock) = compiled(&name, cargo_for_probes, &["--release", "--target", "bpfel-unknown-none"])?;
    let built = folder.join("bpfel-unknown-none/release/grantscope-probes");
    for (object, feature, name_of_object) in OBJECTS {
        let mut cargo = cargo_for_probes();
        cargo
            .env("CARGO_TARGET_DIR", &folder)
            // -Z is unstable; the compiler is a stable one, whose LLVM the linker's matches.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", probe_flags(&compilers.bpf_linker, architecture).join("\x1f"));
        cargo.args(["build", "--release", "--target", "bpfel-unknown-none", "-Z", "build-std=core"]);
        cargo.args(["--features", &format!("{features} {feature}")]);
        compile(name_of_object, &mut cargo)?;
        ensure!(built.is_file(), "the build left no {built:?}");
        put(&stripped::stripped(&read(&built)?)?, Path::new(object), &name)?;
    }
    Ok(target_folder(&name))
}

/// The cargo for lints and unit tests, with the probes if they could be compiled: what they compile of libraries lies in the cache, and
/// serves every work tree too. The lock is held as long as this work tree's own tests lie there.
///
/// # Errors
/// When the folder in the cache cannot be used.
pub fn cargo_for_checks(probes: Option<&Path>) -> Result<(Command, Flock<File>)> {
    let (folder, lock) = compiled("checks", stable_cargo, &[])?;
    let mut cargo = stable_cargo();
    cargo.env("CARGO_TARGET_DIR", folder);
    if let Some(probes) = probes {
        cargo.env("GRANTSCOPE_PROBES", probes);
    }
    Ok((cargo, lock))
}

/// The folder in the cache where something is compiled: the libraries in it serve every work tree. The lock is held as long as
/// this work tree's own programs lie there.
fn compiled(name: &str, cargo: impl Fn() -> Command, clean_options: &[&str]) -> Result<(PathBuf, Flock<File>)> {
    let cache = Cache::open()?;
    let lock = cache.lock(&format!("compile-{name}"))?;
    let folder = cache.root().join("compiled").join(name);
    forget_another_trees_programs(&folder, cargo, clean_options)?;
    Ok((folder, lock))
}

/// Cargo decides what is fresh by the time of a file, not by the work tree that it lies in: what another work tree compiled
/// after ours was last changed would pass for ours.
fn forget_another_trees_programs(folder: &Path, cargo: impl Fn() -> Command, clean_options: &[&str]) -> Result<()> {
    let stamp = folder.join("work-tree");
    let tree = place::work_tree();
    let ours = tree.as_os_str().as_encoded_bytes();
    if fs::read(&stamp).is_ok_and(|owner| owner == ours) {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {folder:?}"))?;
    let mut clean = cargo();
    if clean.get_current_dir().is_none() {
        clean.current_dir(tree);
    }
    clean.env("CARGO_TARGET_DIR", folder);
    // The wire types are no member of the probes' workspace.
    command::output(clean.arg("clean").args(clean_options).args(["--workspace", "--package", "grantscope-wire"]))?;
    fs::write(&stamp, ours).with_context(|| format!("cannot write {stamp:?}"))
}

/// Copies a program out of the cache, where another work tree's will take its place. An equal one is left as it is, for those
/// who build upon it.
fn take(program: &Path, folder: &str) -> Result<PathBuf> {
    let own = put(&read(program)?, program, folder)?;
    let permissions = fs::metadata(program).with_context(|| format!("cannot read {program:?}"))?.permissions();
    fs::set_permissions(&own, permissions).with_context(|| format!("cannot write {own:?}"))?;
    Ok(own)
}

fn read(program: &Path) -> Result<Vec<u8>> {
    fs::read(program).with_context(|| format!("cannot read {program:?}"))
}

fn put(bytes: &[u8], program: &Path, folder: &str) -> Result<PathBuf> {
    let folder = target_folder(folder);
    let own = folder.join(program.file_name().context("a program has a name")?);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
    if fs::read(&own).is_ok_and(|before| before == bytes) {
        return Ok(own);
    }
    fs::write(&own, bytes).with_context(|| format!("cannot write {own:?}"))?;
    Ok(own)
}

fn probe_flags(bpf_linker: &Path, architecture: &str) -> Vec<String> {
    vec![
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // Else a few zero stores become a call of memset, which the kernel's BPF machine does not have.
        "-Clink-arg=--disable-expand-memcpy-in-order".into(),
        // BTF names every source file, and one object should be the same in all work trees; a prefix of its own would be another flag in each.
        "-Zremap-cwd-prefix=.".into(),
        format!("-Clinker={}", bpf_linker.display()),
        format!("--cfg=bpf_target_arch=\"{architecture}\""),
    ]
}

/// The cargo that runs this program, without what it has set for us.
pub fn stable_cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(place::work_tree());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST") {
            cargo.env_remove(&*name);
        }
    }
    cargo
}

fn target_folder(name: &str) -> PathBuf {
    place::work_tree().join("target").join(name)
}

fn compile(what: &str, cargo: &mut Command) -> Result<()> {
    let step = Step::start(what);
    if cargo.get_current_dir().is_none() {
        cargo.current_dir(place::work_tree());
    }
    command::lines(cargo, |line| step.note(line)).with_context(|| format!("cannot build {what}"))?;
    step.done("built");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probes_are_linked_by_our_linker_for_the_kernels_architecture() {
        let flags = probe_flags(Path::new("/c/bpf-linker"), "aarch64");
        assert!(flags.contains(&"-Clinker=/c/bpf-linker".to_owned()));
        assert!(flags.contains(&"--cfg=bpf_target_arch=\"aarch64\"".to_owned()));
    }
}
