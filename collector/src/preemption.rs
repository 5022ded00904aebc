//! Whether the kernel is preempted at any time, which decides what fentry loses.
//!
//! While a program of fentry runs, the kernel keeps its task on the processor, but lets others run there, and skips the program for all of
//! them: `__bpf_prog_enter_recur` in kernel/bpf/trampoline.c disables migration, not preemption (Linux v6.12). A program of a kprobe is run
//! with preemption disabled (`kprobe_ftrace_handler` in arch/x86/kernel/kprobes/ftrace.c; on arm64 within an exception).

use std::fs;

use crate::configuration::Configuration;

/// The running kernel's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preemption {
    /// The kernel's word for it.
    pub model: String,
    /// Whether a task is preempted while it is in the kernel. `None`: that cannot be seen.
    pub is_at_any_time: Option<bool>,
}

/// Where a kernel that can change its way says which one it is in: in parentheses (`sched_dynamic_show`, kernel/sched/debug.c, v6.12).
const CHOSEN: &str = "/sys/kernel/debug/sched/preempt";

impl Preemption {
    /// Asks the kernel.
    pub fn find() -> Self {
        let version = nix::sys::utsname::uname().map(|uname| uname.version().to_string_lossy().into_owned()).unwrap_or_default();
        let read = |path| fs::read_to_string(path).ok();
        Self::of(&version, || read(CHOSEN), || read("/proc/cmdline"), Configuration::read)
    }

    /// Of what `uname -v` says (`scripts/mkcompile_h` and init/Makefile, v6.12), and for kernels that can change it: of what debugfs says;
    /// of what they were started with; of what they were configured with, where nothing else was asked for. Each is read only where those
    /// before it leave it open: the configuration has to be unpacked.
    fn of(
        version: &str,
        chosen: impl FnOnce() -> Option<String>,
        command_line: impl FnOnce() -> Option<String>,
        configuration: impl FnOnce() -> Option<Configuration>,
    ) -> Self {
        let named = version.split_whitespace().rfind(|word| word.starts_with("PREEMPT"));
        match named {
            None if version.is_empty() => Self { model: "unknown".to_owned(), is_at_any_time: None },
            None => Self { model: "none or voluntary".to_owned(), is_at_any_time: Some(false) },
            Some("PREEMPT_DYNAMIC") => {
                let model = chosen()
                    .and_then(|text| in_parentheses(&text).map(str::to_owned))
                    .or_else(|| asked_for(&command_line()?).map(str::to_owned))
                    .or_else(|| configured(&configuration()?).map(str::to_owned));
                let is_at_any_time = model.as_deref().map(|model| !["none", "voluntary"].contains(&model));
                Self { model: model.unwrap_or_else(|| "dynamic".to_owned()), is_at_any_time }
            }
            Some(model) => Self { model: model.to_owned(), is_at_any_time: Some(true) },
        }
    }
}

/// `none voluntary (full)`
fn in_parentheses(text: &str) -> Option<&str> {
    Some(text.split_once('(')?.1.split_once(')')?.0)
}

/// The last `preempt=` that the kernel knows (`setup_preempt_mode`, kernel/sched/core.c, v6.12).
fn asked_for(command_line: &str) -> Option<&str> {
    let mut asked = command_line.split_whitespace().filter_map(|word| word.strip_prefix("preempt="));
    asked.rfind(|model| ["none", "voluntary", "full", "lazy"].contains(model))
}

/// `preempt_dynamic_init` in kernel/sched/core.c, v6.12, and `lazy` of v6.13.
fn configured(configuration: &Configuration) -> Option<&'static str> {
    let options = [
        ("CONFIG_PREEMPT_NONE", "none"),
        ("CONFIG_PREEMPT_VOLUNTARY", "voluntary"),
        ("CONFIG_PREEMPT_LAZY", "lazy"),
        ("CONFIG_PREEMPT", "full"),
    ];
    options.iter().find(|(option, _)| configuration.has(option)).map(|(_, model)| *model)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DYNAMIC: &str = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1 (2026-01-01)";

    fn of(version: &str, chosen: Option<&str>, command_line: &str, configuration: Option<&str>) -> (String, Option<bool>) {
        let (chosen, command_line) = (|| chosen.map(str::to_owned), || Some(command_line.to_owned()));
        let found = Preemption::of(version, chosen, command_line, || configuration.map(Configuration::from));
        (found.model, found.is_at_any_time)
    }

    #[test]
    fn a_kernel_that_cannot_change_it_names_it_in_its_version() {
        let model = |version: &str| of(version, None, "preempt=full", None);
        assert_eq!(model("#1 SMP Debian 6.1.158-1"), ("none or voluntary".to_owned(), Some(false)));
        for named in ["PREEMPT", "PREEMPT_RT", "PREEMPT_LAZY"] {
            assert_eq!(model(&format!("#1 SMP {named} Debian 6.12.117-1")), (named.to_owned(), Some(true)));
        }
    }

    #[test]
    fn of_one_that_can_what_is_in_force_counts_before_what_was_asked_for_and_that_before_the_configuration() {
        let configuration = Some("CONFIG_PREEMPT_VOLUNTARY=y\nCONFIG_PREEMPT_DYNAMIC=y\n");
        let model = |chosen, command_line| of(DYNAMIC, chosen, command_line, configuration);
        assert_eq!(model(Some("none voluntary (full)\n"), "preempt=none"), ("full".to_owned(), Some(true)));
        assert_eq!(model(Some("none (voluntary) full lazy\n"), "preempt=full"), ("voluntary".to_owned(), Some(false)));
        assert_eq!(model(None, "quiet preempt=none preempt=lazy"), ("lazy".to_owned(), Some(true)));
        assert_eq!(model(None, "preempt=sometimes"), ("voluntary".to_owned(), Some(false)));
    }

    #[test]
    fn what_cannot_be_seen_is_unknown() {
        assert_eq!(of(DYNAMIC, None, "", None), ("dynamic".to_owned(), None));
        assert_eq!(of("", None, "", None), ("unknown".to_owned(), None));
    }
}
