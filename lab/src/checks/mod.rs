//! The lab's checks: each boots the lab, or a part of it, and compares it with what is expected.
//!
//! To add one: a file here with a function from [`Harness`] to a result, and a line in [`ALL`].

#[macro_use]
pub mod notes;

mod afar;
mod allocators;
mod allocators_table;
mod attach_modes;
mod baseline;
mod channels;
mod crash;
mod decisions;
mod doctor;
mod endings;
mod faults;
mod files;
mod filter;
mod hang;
mod harness;
mod hooks_document;
mod hostile;
mod importer;
mod importer_table;
mod init;
mod kernel_users;
mod ledger;
pub mod modules;
mod named;
mod overhead;
mod own_kernel;
mod package;
mod pids;
mod platforms;
pub mod platforms_document;
mod preemption;
mod profile;
mod profiled_guest;
mod program;
mod pv_exports;
pub mod recorded;
mod refusals;
mod release_orders;
mod repeated;
mod scenarios;
mod teardown;
mod traced;
mod translated;
mod undo;
mod verdict;

use anyhow::Result;

pub use harness::Harness;

/// One check.
pub struct Check {
    /// What it shows, as a sentence.
    pub name: &'static str,
    /// Shows it, or says what is wrong.
    pub run: fn(&Harness) -> Result<()>,
}

/// All checks, quick ones first.
pub const ALL: &[Check] = &[
    Check { name: "busybox's shell can read init", run: init::busybox_reads_it },
    Check { name: "both domains boot and the verdict is pass", run: verdict::both_domains_boot },
    Check { name: "what a domain measures with is there", run: verdict::instruments_are_there },
    Check { name: "a job that fails is a verdict of failure", run: verdict::failing_job },
    Check { name: "a program's status, output and files come back", run: program::comes_back },
    Check { name: "what a program writes to the stream becomes the recording", run: program::stream_is_recorded },
    Check { name: "the default sweep is profiled exactly as it was", run: profile::sweep_is_exact },
    Check {
        name: "set-up and warm-up of the sweep are told apart from what is measured, and its names for times are kept",
        run: profile::only_what_is_measured_is_counted,
    },
    Check { name: "the recorder says what it uses, and stays small", run: profile::the_recorder_stays_small },
    Check { name: "two counted runs give the same medians", run: profile::two_runs_repeat },
    Check { name: "nothing is slower than in the baseline", run: baseline::nothing_became_slower },
    Check { name: "every hook passes the verifier and attaches", run: profile::every_hook_attaches },
    Check { name: "recording is as cheap as documented", run: overhead::recording_is_as_cheap_as_documented },
    Check { name: "every program is as small as documented", run: overhead::programs_are_as_small_as_documented },
    Check { name: "times are those of calls without a recorder", run: overhead::times_are_true },
    Check { name: "refused calls and copies are profiled as exactly", run: profile::refusals_and_copies_are_exact },
    Check { name: "faults are explained: cause and grant statuses beneath every errno", run: faults::are_explained },
    Check { name: "every scenario file is profiled exactly as it was", run: scenarios::files_are_exact },
    Check { name: "scenarios repeat from their seeds", run: scenarios::seeds_repeat },
    Check {
        name: "a run that is refused, interrupted or killed leaves nothing, and can pin the balloon",
        run: undo::nothing_is_left,
    },
    Check {
        name: "full tables of Xen's are distinguished: no grant left, no room for a mapping",
        run: faults::full_tables_are_distinguished,
    },
    Check { name: "what is lost is counted", run: profile::losses_are_counted },
    Check { name: "files of the user's stay, and nobody else steers what root does", run: files::are_safe },
    Check { name: "a recording ends when it is told to, and says how", run: endings::come_when_they_are_told },
    Check { name: "viewers from afar see what is recorded, and hold nobody", run: afar::viewers_see_what_is_recorded },
    Check { name: "a peer that breaks the rules holds nobody", run: hostile::peers_hold_nobody },
    Check { name: "a slower kernel path is found, and nothing else", run: decisions::hold },
    Check { name: "a benchmark is repeated until it decides", run: repeated::hold },
    Check { name: "obstacles are named, and recorded data is kept", run: refusals::obstacles_are_named },
    Check { name: "a filter lets pass what was asked for, and counts the rest", run: filter::filters_are_exact },
    Check { name: "a process is found from within a PID namespace", run: pids::are_translated },
    Check { name: "a teardown is followed to its true end, in every order of release", run: teardown::ends_are_seen },
    Check { name: "the ledger is what is held", run: ledger::is_what_is_held },
    Check { name: "the ledger never joins two maps, and is empty after the sweep", run: ledger::never_joins_two_maps },
    Check { name: "the ledger with pages of 16 KiB, of a module", run: ledger::of_large_pages },
    Check { name: "DMA memory is taken apart, and its allocator is known", run: allocators::are_told_apart },
    Check { name: "kprobes alone profile as exactly", run: attach_modes::kprobes_are_exact },
    Check { name: "what kretprobes miss is counted", run: attach_modes::missed_returns_are_counted },
    Check { name: "whatever is watched, operations are profiled as exactly", run: attach_modes::every_way_is_exact },
    Check { name: "a program that is not ours is profiled as exactly", run: profile::third_party_client_is_exact },
    Check { name: "a crowd, and every order of release, is profiled as exactly", run: profile::crowd_is_exact },
    Check { name: "the doctor finds everything in our kernel, and nothing without gntdev", run: doctor::our_kernel_is_ready },
    Check { name: "a package is all that a bare dom0 needs", run: package::is_all_that_is_needed },
    Check { name: "packages are small, and the same whenever they are made", run: package::are_the_same_each_time },
    Check { name: "a kernel that is given as a file is examined", run: own_kernel::is_examined },
    Check { name: "the platform x86-pv works", run: platforms::x86_pv },
    Check { name: "the platform arm64-stock-5.10 works", run: platforms::arm64_oldest },
    Check { name: "the platform arm64-16k works", run: platforms::arm64_16k },
    Check { name: "functions of modules are hooked as the kernel's own, on arm64-16k", run: modules::on_arm64 },
    Check { name: "the platform toolstack works", run: platforms::toolstack },
    Check { name: "nothing is lost on the preemptible platform x86-pv-preempt", run: preemption::x86_loses_nothing },
    Check { name: "in-kernel users are profiled exactly on two processors", run: kernel_users::on_two_processors },
    Check { name: "a panicking guest is reported quickly", run: crash::panic_is_reported },
    Check { name: "a guest that writes a second verdict is reported", run: verdict::two_verdicts },
    Check { name: "a guest that powers off without a verdict is reported", run: verdict::no_verdict },
    Check { name: "a silent guest is reported as hung", run: hang::silence_is_reported },
];

/// Checks of platforms whose kernels are built for them alone, and those that differ from one of the others by the kernel's version or by the
/// way hooks are attached: run with --all-platforms.
pub const ON_DEMAND: &[Check] = &[
    Check { name: "the platform arm64-stock-6.1 works", run: platforms::arm64_stock },
    Check { name: "functions of modules are hooked as the kernel's own, on x86-pv", run: modules::on_x86 },
    Check { name: "in-kernel users are profiled exactly by kprobes alone", run: kernel_users::by_kprobes },
    Check { name: "the platform arm64-64k works", run: platforms::arm64_64k },
    Check { name: "the platform arm64-ours-5.10 works", run: platforms::arm64_ours_oldest },
    Check { name: "faults are explained on arm64-ours-5.10", run: faults::are_explained_on_the_oldest },
    Check { name: "the ledger on arm64-ours-5.10 is what is held since it began", run: ledger::on_the_oldest },
    Check { name: "the platform arm64-newest works", run: platforms::arm64_newest },
    Check { name: "the platform arm64-stock-newest works", run: platforms::arm64_stock_newest },
    Check { name: "the platform x86-pv-newest works", run: platforms::x86_pv_newest },
    Check { name: "every export is refused on the platform x86-pv-ours, with the cause", run: pv_exports::are_refused },
    Check { name: "the platform x86-pvh works", run: platforms::x86_pvh },
    Check { name: "the platform x86-pvh-guest works", run: platforms::x86_pvh_guest },
    Check {
        name: "a guest of x86-pvh-guest that panics, is gone, or speaks too early is reported",
        run: profiled_guest::ends_are_reported,
    },
    Check {
        name: "an importer with a device is profiled exactly on the platform arm64-device",
        run: importer::is_profiled_exactly,
    },
    Check { name: "nothing is lost on the real-time platform arm64-rt", run: preemption::arm64_loses_nothing },
];
