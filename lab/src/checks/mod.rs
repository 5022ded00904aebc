//! The lab's checks: each boots the lab, or looks at a part of it, and says whether it is as it should be.
//!
//! To add one: a file here with a function from [`Bench`] to a result, and a line in [`ALL`].

#[macro_use]
pub mod tell;

mod benches;
mod capture;
mod channels;
mod crash;
mod doctor;
mod faults;
mod filter;
mod hang;
mod hooks_document;
mod init;
mod kernel_users;
mod ledger;
mod left;
mod means;
mod profile;
mod program;
mod refusals;
mod release_orders;
mod scenarios;
mod teardown;
mod verdict;

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};

use crate::{
    architecture::Architecture,
    bench::{self, BenchSpec},
    boot::run::Outcome,
    cache::{Cache, remove_folder},
    clock::Clock,
    guest::{in_c, job::Job},
    lab::Lab,
    place,
    programs::{self, ForLab},
    setup::{self, Compilers, Consent},
};

/// How long a guest may be silent: two run at a time, on a machine that may have other work, and some read a whole kernel's types.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// One check.
pub struct Check {
    /// What it shows, as a sentence.
    pub name: &'static str,
    /// Shows it, or says what is wrong.
    pub run: fn(&Bench) -> Result<()>,
}

/// All checks, quick ones first.
pub const ALL: &[Check] = &[
    Check { name: "what captures is free of lints", run: capture::is_free_of_lints },
    Check { name: "what captures passes its unit tests", run: capture::unit_tests_pass },
    Check { name: "busybox's shell can read init", run: init::busybox_reads_it },
    Check { name: "both domains boot and the verdict is pass", run: verdict::both_domains_boot },
    Check { name: "what a domain measures with is there", run: verdict::instruments_are_there },
    Check { name: "a job that fails is a verdict of failure", run: verdict::failing_job },
    Check { name: "a program's status, output and files come back", run: program::comes_back },
    Check { name: "what a program writes to the stream becomes the recording", run: program::stream_is_recorded },
    Check { name: "the default sweep is profiled exactly as it was", run: profile::sweep_is_exact },
    Check { name: "two counted runs give the same medians", run: profile::two_runs_repeat },
    Check { name: "every hook passes the verifier and attaches", run: profile::every_hook_attaches },
    Check { name: "refused calls and copies are profiled as exactly", run: profile::refusals_and_copies_are_exact },
    Check { name: "faults are explained: cause and grant statuses beneath every errno", run: faults::are_explained },
    Check { name: "every scenario file is profiled exactly as it was", run: scenarios::files_are_exact },
    Check { name: "scenarios repeat from their seeds", run: scenarios::seeds_repeat },
    Check {
        name: "a run that is refused, interrupted or killed leaves nothing, and can pin the balloon",
        run: left::nothing_is_left,
    },
    Check {
        name: "full tables of Xen's are told apart: no grant left, no room to note a mapping",
        run: faults::full_tables_are_told,
    },
    Check { name: "what is lost is counted", run: profile::losses_are_counted },
    Check { name: "what stands in the way is named, and what was recorded stays", run: refusals::obstacles_are_named },
    Check { name: "a filter lets pass what was asked for, and counts the rest", run: filter::filters_are_exact },
    Check { name: "a teardown is followed to its true end, in every order of letting go", run: teardown::ends_are_seen },
    Check { name: "the ledger is what is held", run: ledger::is_what_is_held },
    Check { name: "the ledger never joins two maps, and is empty after the sweep", run: ledger::never_joins_two_maps },
    Check { name: "the ledger with pages of 16 KiB, of a module", run: ledger::of_large_pages },
    Check { name: "kprobes alone profile as exactly", run: means::kprobes_are_exact },
    Check { name: "a program that is not ours is profiled as exactly", run: profile::stranger_is_exact },
    Check { name: "a crowd, and every order of letting go, is profiled as exactly", run: profile::crowd_is_exact },
    Check { name: "the doctor finds everything in our kernel, and nothing without gntdev", run: doctor::our_kernel_is_ready },
    Check { name: "the bench x86-pv works", run: benches::x86_pv },
    Check { name: "the bench arm64-stock-6.1 works", run: benches::arm64_stock },
    Check { name: "the bench arm64-16k works", run: benches::arm64_16k },
    Check { name: "the bench toolstack works", run: benches::toolstack },
    Check { name: "in-kernel users are profiled exactly on two processors", run: kernel_users::on_two_processors },
    Check { name: "in-kernel users are profiled exactly by kprobes alone", run: kernel_users::by_kprobes },
    Check { name: "a panicking guest is reported quickly", run: crash::panic_is_reported },
    Check { name: "a guest that writes a second verdict is reported", run: verdict::two_verdicts },
    Check { name: "a guest that powers off without a verdict is reported", run: verdict::no_verdict },
    Check { name: "a silent guest is reported as hung", run: hang::silence_is_reported },
];

/// Checks of benches whose kernels are built for them alone: run with --all-benches.
pub const ON_DEMAND: &[Check] = &[Check { name: "the bench arm64-64k works", run: benches::arm64_64k }];

/// What the checks share: a lab of busybox alone, and one with our programs that is built when first asked for.
/// Several checks may run at a time.
pub struct Bench {
    bare: Lab,
    full: OnceLock<Lab>,
    compilers: OnceLock<Compilers>,
    /// Locked while one check builds or sets up what others may want too.
    ours: Mutex<Vec<(Architecture, ForLab)>>,
    /// Locked while one check compiles one of the programs in C.
    in_c: Mutex<()>,
    /// Locked while that run of the default sweep is made.
    sweeps: [Mutex<()>; 2],
    cache: Cache,
    consent: Consent,
    folder: PathBuf,
}

impl Bench {
    /// Sets the lab up.
    pub fn new(consent: Consent) -> Result<Self> {
        let cache = Cache::open()?;
        Ok(Self {
            bare: Lab::new(setup::bench(&cache, consent, bench::MAIN)?, None)?,
            full: OnceLock::new(),
            compilers: OnceLock::new(),
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

    /// The compilers of our programs.
    pub fn compilers(&self) -> Result<&Compilers> {
        let _building = self.building();
        self.compilers_alone()
    }

    /// The same, for who holds the lock.
    fn compilers_alone(&self) -> Result<&Compilers> {
        if let Some(compilers) = self.compilers.get() {
            return Ok(compilers);
        }
        let compilers = setup::compilers(&self.cache, self.consent, &[bench::MAIN])?;
        Ok(self.compilers.get_or_init(|| compilers))
    }

    /// The lab with our programs.
    pub fn full(&self) -> Result<&Lab> {
        if let Some(lab) = self.full.get() {
            return Ok(lab);
        }
        let lab = self.lab(bench::MAIN)?;
        Ok(self.full.get_or_init(|| lab))
    }

    /// A bench's lab, with our programs.
    pub fn lab(&self, spec: &'static BenchSpec) -> Result<Lab> {
        let mut building = self.building();
        let ours = self.programs(&mut building, spec.architecture)?;
        Lab::new(setup::bench(&self.cache, self.consent, spec)?, Some(&ours))
    }

    /// Our programs, built once for each architecture.
    fn programs(&self, built: &mut Vec<(Architecture, ForLab)>, architecture: Architecture) -> Result<ForLab> {
        if let Some((_, ours)) = built.iter().find(|(known, _)| *known == architecture) {
            return Ok(ours.clone());
        }
        let ours = programs::for_lab(self.compilers_alone()?, architecture)?;
        built.push((architecture, ours.clone()));
        Ok(ours)
    }

    fn building(&self) -> MutexGuard<'_, Vec<(Architecture, ForLab)>> {
        // What is in it is whole, whatever happened to the thread that held it.
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A program in C of workload/tests/, compiled for a bench's dom0.
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
    pub fn script(&self, name: &str, script: &str) -> Result<Outcome> {
        self.script_with_patience(name, script, PATIENCE)
    }

    /// The same, for a check that is about patience.
    pub fn script_with_patience(&self, name: &str, script: &str, patience: Duration) -> Result<Outcome> {
        let job = Job::Script(script.into());
        self.bare.run(&job, Clock::Counted, patience, &self.out(name), &mut ()).with_context(|| format!("the run {name}"))
    }

    /// The error that a run which should have gone well gives.
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
