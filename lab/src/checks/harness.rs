//! What the checks share: labs that are ready to boot, our programs, and a run that has to go well.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};

use crate::{
    boot::{console_watch::End, run::Outcome},
    cache::{Cache, remove_folder},
    fetch::Consent,
    guest::{in_c, job::Job},
    lab::Lab,
    place,
    platform::{self, Architecture, Clock, Platform},
    programs::{self, ForLab},
    setup::{self, Compilers},
};

/// How long a guest may be silent: two run at a time, on a machine that may have other work, and some read a whole kernel's types.
pub const TIMEOUT: Duration = Duration::from_secs(240);

/// What the checks share: a lab of busybox alone, and one with our programs that is built when first asked for.
/// Several checks may run at a time.
pub struct Harness {
    bare: Lab,
    full: OnceLock<Lab>,
    compilers: OnceLock<Compilers>,
    /// Locked while one check builds or sets up what others may want too.
    ours: Mutex<Vec<(Architecture, ForLab)>>,
    /// Locked while one check compiles one of the programs in C.
    in_c: Mutex<()>,
    /// Locked while that run of the default sweep is made.
    pub(super) sweeps: [Mutex<()>; 2],
    cache: Cache,
    consent: Consent,
    folder: PathBuf,
}

impl Harness {
    /// Sets the lab up; compilers that are there already need not be looked for again.
    ///
    /// # Errors
    /// When the main platform cannot be provided.
    pub fn new(consent: Consent, compilers: Option<Compilers>) -> Result<Self> {
        let cache = Cache::open()?;
        Ok(Self {
            bare: Lab::new(setup::parts(&cache, consent, platform::MAIN)?, None)?,
            full: OnceLock::new(),
            compilers: compilers.map_or_else(OnceLock::new, OnceLock::from),
            ours: Mutex::default(),
            in_c: Mutex::default(),
            sweeps: Default::default(),
            folder: fresh_folder()?,
            cache,
            consent,
        })
    }

    /// The lab of busybox alone.
    pub fn bare(&self) -> &Lab {
        &self.bare
    }

    /// The compilers of our programs; who asks holds the lock.
    fn compilers(&self) -> Result<&Compilers> {
        if let Some(compilers) = self.compilers.get() {
            return Ok(compilers);
        }
        let compilers = setup::compilers(&self.cache, self.consent, &[platform::MAIN])?;
        Ok(self.compilers.get_or_init(|| compilers))
    }

    /// The lab with our programs.
    ///
    /// # Errors
    /// When our programs cannot be built, or the platform cannot be provided.
    pub fn full(&self) -> Result<&Lab> {
        if let Some(lab) = self.full.get() {
            return Ok(lab);
        }
        let lab = self.lab(platform::MAIN)?;
        Ok(self.full.get_or_init(|| lab))
    }

    /// A platform's lab, with our programs.
    ///
    /// # Errors
    /// When our programs cannot be built, or the platform cannot be provided.
    pub fn lab(&self, platform: &'static Platform) -> Result<Lab> {
        let mut building = self.building();
        let ours = self.programs(&mut building, platform.architecture)?;
        Lab::new(setup::parts(&self.cache, self.consent, platform)?, Some(&ours))
    }

    /// Our programs for an architecture, for those who do not boot them in a lab of their own.
    ///
    /// # Errors
    /// When they cannot be built.
    pub fn programs_for(&self, architecture: Architecture) -> Result<ForLab> {
        self.programs(&mut self.building(), architecture)
    }

    /// Our programs, built once for each architecture.
    fn programs(&self, built: &mut Vec<(Architecture, ForLab)>, architecture: Architecture) -> Result<ForLab> {
        if let Some((_, ours)) = built.iter().find(|(known, _)| *known == architecture) {
            return Ok(ours.clone());
        }
        let ours = programs::for_lab(self.compilers()?, architecture)?;
        built.push((architecture, ours.clone()));
        Ok(ours)
    }

    fn building(&self) -> MutexGuard<'_, Vec<(Architecture, ForLab)>> {
        // What is in it is whole, whatever happened to the thread that held it.
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A program in C of workload/tests/, compiled for a platform's dom0.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn program_in_c(&self, name: &str, architecture: Architecture) -> Result<PathBuf> {
        let _alone = self.in_c.lock().unwrap_or_else(PoisonError::into_inner);
        // By a name that no check's folder has.
        let program = self.out(&format!("{name}.{}", architecture.name()));
        if !program.exists() {
            let source = place::work_tree().join("workload/tests").join(name).with_extension("c");
            in_c::compile(architecture, &source, &program)?;
        }
        Ok(program)
    }

    /// A folder for what a check leaves. It stays until the next time, for those who look into a failure.
    pub fn out(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs a shell script in dom0 of the bare lab, on the counted clock.
    ///
    /// # Errors
    /// When QEMU cannot be started, or what comes out of it cannot be stored.
    pub fn script(&self, name: &str, script: &str) -> Result<Outcome> {
        self.script_with_timeout(name, script, TIMEOUT)
    }

    /// The same, for a check of the timeout itself.
    ///
    /// # Errors
    /// When QEMU cannot be started, or what comes out of it cannot be stored.
    pub fn script_with_timeout(&self, name: &str, script: &str, timeout: Duration) -> Result<Outcome> {
        let job = Job::Script(script.into());
        self.bare.run(&job, Clock::Counted, timeout, &self.out(name), &mut ()).with_context(|| format!("the run {name}"))
    }

    /// A run that has to end well.
    ///
    /// # Errors
    /// When the verdict is any other than pass.
    pub fn passes(&self, lab: &Lab, name: &str, job: &Job, clock: Clock) -> Result<Outcome> {
        let outcome = lab.run(job, clock, TIMEOUT, &self.out(name), &mut ())?;
        ensure!(outcome.end == End::Pass, self.unexpected(name, &outcome));
        Ok(outcome)
    }

    /// The same, and the kernel has to have nothing to complain of.
    ///
    /// # Errors
    /// When the verdict is any other than pass, or the kernel complained.
    pub fn passes_in_peace(&self, lab: &Lab, name: &str, job: &Job, clock: Clock) -> Result<Outcome> {
        let outcome = self.passes(lab, name, job, clock)?;
        ensure!(outcome.warnings.is_empty(), "the kernel complained: {:?}", outcome.warnings);
        Ok(outcome)
    }

    /// The error of a run that did not end well.
    pub fn unexpected(&self, name: &str, outcome: &Outcome) -> anyhow::Error {
        let said = outcome.text("stderr").unwrap_or_default();
        let report = outcome.error(&self.out(name).join("console.log"));
        anyhow!("{said}{report:#}")
    }
}

fn fresh_folder() -> Result<PathBuf> {
    let folder = place::work_tree().join("target/lab-checks");
    remove_folder(&folder)?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
    Ok(folder)
}
