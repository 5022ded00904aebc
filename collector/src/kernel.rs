//! What the probes have to know of the running kernel, found out: the table is in `probes/wire/src/kernel.rs`.

use std::ops::Range;

use grantscope_wire::Kernel;
use grantscope_wire::kernel::{Member, Members, Need};

use crate::btf::{GNTDEV_BTF, KernelTypes};
use crate::symbols::{Symbols, Wanted};
use crate::{CaptureError, addresses, host, pids};

/// Functions by whose address a file or a dma-buf of ours is known.
const GNTDEV_IOCTL: &str = "gntdev_ioctl";
const DMA_BUF_IOCTL: &str = "dma_buf_ioctl";
const DMABUF_EXP_OPS_RELEASE: &str = "dmabuf_exp_ops_release";

/// Where the kernel counts the interrupts that it is in, if that is not a part of the task; see `preempt_count`.
const PREEMPT_COUNT: [&str; 3] = ["__preempt_count", "pcpu_hot", "__per_cpu_offset"];

/// gntdev's own structure, described or not.
const MAP: &str = "gntdev_grant_map";

/// The findings, and what was not found.
pub struct KernelFacts {
    /// What the probes have to know.
    pub kernel: Kernel,
    missing: Vec<Missing>,
    has_map: bool,
}

/// The symbols that the findings need. Those of a part of the kernel's data stand far behind its functions, so they are left out
/// where its types say enough.
pub fn wanted(types: &KernelTypes) -> Wanted {
    let is_in_task = types.place("task_struct", "thread_info.preempt_count").is_ok();
    Wanted {
        functions: vec![&[GNTDEV_IOCTL], &[DMA_BUF_IOCTL], &[DMABUF_EXP_OPS_RELEASE]],
        data: if is_in_task { &[] } else { &PREEMPT_COUNT },
        together: &[],
    }
}

/// A member that the kernel's BTF does not describe.
struct Missing {
    member: &'static Member,
    has_structure: bool,
    problem: String,
}

impl KernelFacts {
    /// Looks it up in the kernel's types, and in its symbols as far as they were [`wanted`]. The grant table's functions lie where
    /// `grant_table` says.
    pub fn find(types: &KernelTypes, symbols: &Symbols, grant_table: &Range<u64>) -> Self {
        let mut missing = Vec::new();
        let members = Members::find(|member| {
            let place = types.place(member.structure, member.member);
            place
                .map_err(|problem| {
                    missing.push(Missing { member, has_structure: types.has_structure(member.structure), problem })
                })
                .ok()
        });
        let address = |name: &str| symbols.find(name).map_or(Kernel::NO_ADDRESS, |symbol| symbol.address);
        let preempt_count = members.preempt_count.get().is_none().then(|| preempt_count(types, symbols)).flatten();
        let (preempt_count_in_processor, processor_offsets) = preempt_count.unwrap_or_default();
        let kernel = Kernel {
            members,
            grant_table_start: grant_table.start,
            grant_table_end: grant_table.end,
            preempt_count_in_processor,
            processor_offsets,
            gntdev_ioctl: address(GNTDEV_IOCTL),
            dma_buf_ioctl: address(DMA_BUF_IOCTL),
            dmabuf_exp_ops_release: address(DMABUF_EXP_OPS_RELEASE),
            page_shift: host::page_size().trailing_zeros().into(),
            pv_domain: host::is_pv_domain().into(),
        };
        Self { kernel, missing, has_map: types.has_structure(MAP) }
    }

    /// Whether the hooks can work with it.
    ///
    /// # Errors
    /// A member is missing that they cannot do without.
    pub fn suffice_for_hooks(&self) -> Result<(), CaptureError> {
        self.missing(|member| member.hooks)
    }

    /// Whether live maps can be listed with it.
    ///
    /// # Errors
    /// Why this kernel's maps cannot be listed.
    pub fn suffice_for_census(&self) -> Result<(), CaptureError> {
        if pids::are_namespaced() {
            let why =
                "this PID namespace hides the processes outside of it: run grantscope in the initial one, outside the container";
            return Err(CaptureError::NoCensus(why.to_owned()));
        }
        match self.kernel.gntdev_ioctl {
            Kernel::NO_ADDRESS => return Err(CaptureError::NoCensus("the kernel does not list gntdev_ioctl".to_owned())),
            0 => {
                let hidden = addresses::hidden().map(|hidden| format!("{}; to do: {}", hidden.fact, hidden.remedy));
                return Err(CaptureError::NoCensus(hidden.unwrap_or_else(|| "the kernel hides addresses".to_owned())));
            }
            _ => {}
        }
        if !self.has_map {
            let why =
                format!("gntdev is a module, and {GNTDEV_BTF} does not describe its structures (CONFIG_DEBUG_INFO_BTF_MODULES)");
            return Err(CaptureError::NoCensus(why));
        }
        self.missing(|member| member.census).map_err(|error| CaptureError::NoCensus(error.to_string()))
    }

    /// The first member that is missing and must not be.
    fn missing(&self, need: impl Fn(&Member) -> Need) -> Result<(), CaptureError> {
        let must_be_there = |missing: &&Missing| match need(missing.member) {
            Need::Required => true,
            Need::WithStructure => missing.has_structure,
            Need::Optional | Need::Unread => false,
        };
        match self.missing.iter().find(must_be_there) {
            Some(missing) => Err(CaptureError::NoField { field: missing.member.path, problem: missing.problem.clone() }),
            None => Ok(()),
        }
    }
}

/// Where the kernel counts the interrupts that it is in, if that is not a part of the task: its place within what is a processor's own,
/// and the array that says where that starts. `probes/src/op/context.rs` says what it is good for.
fn preempt_count(types: &KernelTypes, symbols: &Symbols) -> Option<(u64, u64)> {
    let [own, hot, offsets] = PREEMPT_COUNT.map(|name| symbols.address(name));
    let in_hot = || Some(hot? + u64::from(types.place("pcpu_hot", "preempt_count").ok()?));
    Some((own.or_else(in_hot)?, offsets?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use grantscope_wire::kernel::MEMBERS;

    use super::*;
    use crate::btf::made::{ENUM, INTEGER, Made, STRUCTURE};

    /// Structures of kernels that the lab boots. `-`: that kernel does not have the member.
    const KERNELS: [&str; 4] = [
        include_str!("structures/linux-6.12-arm64.txt"),
        include_str!("structures/linux-6.12-arm64-16k.txt"),
        include_str!("structures/linux-6.1-arm64.txt"),
        include_str!("structures/linux-5.10-arm64.txt"),
    ];
    const SYMBOLS: &str = "ffff800080000000 t gntdev_ioctl\n";

    /// Offsets by structure and member; an enum's name begins with `enum`.
    type Structures = BTreeMap<String, BTreeMap<String, u32>>;

    fn lines(text: &str) -> impl Iterator<Item = (&str, &str, Option<u32>)> {
        text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (path, offset) = line.rsplit_once(' ').expect("a path and an offset");
            let (structure, member) = path.split_once('.').expect("a structure and a member");
            (structure, member, offset.parse().ok())
        })
    }

    fn structures(text: &str) -> Structures {
        let mut structures = Structures::new();
        for (structure, member, offset) in lines(text) {
            if let Some(offset) = offset {
                structures.entry(structure.to_owned()).or_default().insert(member.to_owned(), offset);
            }
        }
        structures
    }

    /// The BTF of such a kernel.
    fn types(structures: &Structures) -> KernelTypes {
        const NUMBER: u32 = 1;
        let mut made = Made::default().add(INTEGER, "int", 0, 4, &[1 << 24 | 32]);
        let mut last = NUMBER;
        for (name, members) in structures {
            let mut rest = Vec::new();
            for (path, offset) in members {
                let mut parts: Vec<_> = path.split('.').collect();
                let outermost = parts.remove(0);
                let mut inside = NUMBER;
                // The structures inside, innermost first.
                for part in parts.into_iter().rev() {
                    let member = made.string(part);
                    made = made.add(STRUCTURE, "", 1, 8, &[member, inside, 0]);
                    last += 1;
                    inside = last;
                }
                let member = made.string(outermost);
                rest.extend(if name.starts_with("enum ") { vec![member, *offset] } else { vec![member, inside, offset * 8] });
            }
            made = match name.strip_prefix("enum ") {
                Some(name) => made.add(ENUM, name, members.len() as u32, 4, &rest),
                None => made.add(STRUCTURE, name, members.len() as u32, 4096, &rest),
            };
            last += 1;
        }
        made.types()
    }

    fn facts(structures: &Structures) -> KernelFacts {
        let types = types(structures);
        let symbols = Symbols::among(SYMBOLS.as_bytes(), wanted(&types)).expect("it is in memory");
        KernelFacts::find(&types, &symbols, &(0..0))
    }

    fn without(structure: &str, member: &str) -> KernelFacts {
        let mut structures = structures(KERNELS[0]);
        let members = structures.get_mut(structure).expect("a structure of that kernel");
        members.remove(member).expect("a member of that structure");
        facts(&structures)
    }

    #[test]
    fn every_member_of_the_table_is_one_of_the_kernels() {
        for text in KERNELS {
            let types = types(&structures(text));
            let known: BTreeMap<_, _> = lines(text)
                .map(|(structure, member, offset)| (format!("{}.{member}", structure.trim_start_matches("enum ")), offset))
                .collect();
            for member in MEMBERS {
                let offset = known.get(member.path).unwrap_or_else(|| panic!("no kernel has {}", member.path));
                assert_eq!(types.place(member.structure, member.member).ok(), *offset, "{}", member.path);
            }
        }
    }

    #[test]
    fn the_kernels_have_what_the_hooks_and_the_census_need() {
        for text in KERNELS {
            let facts = facts(&structures(text));
            facts.suffice_for_hooks().expect("all that the hooks need");
            facts.suffice_for_census().expect("all that the census needs");
        }
    }

    #[test]
    fn a_required_member_that_is_missing_is_named() {
        let error = without("vm_area_struct", "vm_pgoff").suffice_for_hooks().expect_err("a hook reads it").to_string();
        assert!(error.contains("vm_area_struct.vm_pgoff"), "{error}");
        assert!(without("vm_area_struct", "vm_pgoff").suffice_for_census().is_ok());
        assert!(without("task_struct", "comm").suffice_for_census().is_err());
        assert!(without("task_struct", "comm").suffice_for_hooks().is_ok());
    }

    #[test]
    fn an_optional_member_may_be_missing_and_is_then_not_taken_for_one_at_offset_0() {
        let facts = without("gntdev_grant_map", "in_use");
        assert!(facts.suffice_for_census().is_ok());
        assert_eq!(facts.kernel.members.map_in_use.at(0x1000), None);
    }

    #[test]
    fn a_kernel_without_dma_bufs_has_none_of_their_structures_but_not_half_of_one() {
        let mut structures = structures(KERNELS[0]);
        for structure in ["dma_buf", "dma_buf_attachment", "dma_buf_ops", "gntdev_dmabuf"] {
            structures.remove(structure);
        }
        let facts = facts(&structures);
        assert!(facts.suffice_for_hooks().is_ok() && facts.suffice_for_census().is_ok());
        assert!(without("dma_buf", "ops").suffice_for_census().is_err());
    }

    #[test]
    fn a_gntdev_that_describes_nothing_leaves_the_hooks_at_work_and_the_census_without_its_maps() {
        let mut structures = structures(KERNELS[0]);
        structures.retain(|name, _| !name.starts_with("gntdev_"));
        let facts = facts(&structures);
        assert!(facts.suffice_for_hooks().is_ok());
        let error = facts.suffice_for_census().expect_err("there are no maps to read").to_string();
        assert!(error.contains("gntdev is a module"), "{error}");
    }
}
