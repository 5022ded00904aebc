//! What a kernel's file is, by its bytes.

use anyhow::{Result, bail, ensure};
use memchr::memmem;
use object::{
    FileKind, LittleEndian,
    elf::{EM_386, EM_X86_64, FileHeader32, FileHeader64},
    read::elf::FileHeader as _,
};

use crate::platform::{Architecture, Platform};

/// A kernel's file that the lab knows how to boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    /// arm64's image, which says what pages it has (Documentation/arch/arm64/booting.rst, Linux 6.12).
    Arm64 {
        /// Bytes of a page, if it says.
        page_size: Option<u32>,
    },
    /// x86-64's image, which unpacks itself.
    SelfUnpacking,
    /// x86-64's kernel proper.
    Proper,
}

const ARM64_MAGIC: (usize, &[u8]) = (56, b"ARM\x64");
const ARM64_FLAGS: usize = 24;
const BZIMAGE_MAGIC: (usize, &[u8]) = (0x202, b"HdrS");

/// Files that boot loaders take instead, each by its place and magic, with what to give.
const WRAPPED: [(usize, &[u8], &str); 5] = [
    (4, b"zimg", "it is an EFI image that unpacks itself (CONFIG_EFI_ZBOOT): give arch/arm64/boot/Image of the same build"),
    (0, b"\x27\x05\x19\x56", "it is U-Boot's uImage: give the Image that it was made of"),
    (0, b"\xd0\x0d\xfe\xed", "it is a FIT image or a device tree: give the Image that it was made of"),
    (0x24, b"\x18\x28\x6f\x01", "it is a zImage of 32-bit Arm, which the lab has no machine for"),
    (0, b"\x28\xb5\x2f\xfd", "it is compressed with zstd: unpack it first, with `unzstd`"),
];

impl Image {
    /// What these bytes are.
    ///
    /// # Errors
    /// When they are no kernel that the lab can boot.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let has = |(at, magic): (usize, &[u8])| bytes.get(at..at + magic.len()) == Some(magic);
        if let Some((_, _, advice)) = WRAPPED.iter().find(|(at, magic, _)| has((*at, magic))) {
            bail!("{advice}");
        }
        if has(ARM64_MAGIC) {
            let page_size = match (bytes[ARM64_FLAGS] >> 1) & 3 {
                1 => Some(4096),
                2 => Some(16_384),
                3 => Some(65_536),
                _ => None,
            };
            return Ok(Self::Arm64 { page_size });
        }
        if has(BZIMAGE_MAGIC) {
            return Ok(Self::SelfUnpacking);
        }
        match elf_machine(bytes) {
            Some(EM_X86_64) => Ok(Self::Proper),
            Some(machine) => bail!(
                "it is an ELF file (machine {machine}), and not what boots: give arch/arm64/boot/Image, or x86-64's arch/x86/boot/bzImage"
            ),
            None => bail!("it is not a kernel: give arch/arm64/boot/Image (or Image.gz), or x86-64's arch/x86/boot/bzImage"),
        }
    }

    /// Whether the platform's machine can boot it.
    ///
    /// # Errors
    /// When it is of another architecture, or the machine has no such pages.
    pub fn fits(self, platform: &Platform) -> Result<()> {
        let architecture = match self {
            Self::Arm64 { .. } => Architecture::Arm64,
            Self::SelfUnpacking | Self::Proper => Architecture::X86_64,
        };
        let other = match architecture {
            Architecture::Arm64 => "arm64",
            Architecture::X86_64 => "x86-pv",
        };
        ensure!(
            architecture == platform.architecture,
            "it is a kernel for {}, and that machine is {}: add --platform {other}",
            architecture.name(),
            platform.architecture.name()
        );
        // The Cortex-A57 has no pages of 16 KiB.
        let unfit = self == Self::Arm64 { page_size: Some(16_384) } && platform.processor.starts_with("cortex-a57");
        ensure!(!unfit, "its pages are of 16 KiB, which that machine's processor does not have: add --platform arm64-16k");
        Ok(())
    }
}

fn elf_machine(bytes: &[u8]) -> Option<u16> {
    match FileKind::parse(bytes).ok()? {
        FileKind::Elf64 => Some(FileHeader64::<LittleEndian>::parse(bytes).ok()?.e_machine(LittleEndian)),
        FileKind::Elf32 => Some(FileHeader32::<LittleEndian>::parse(bytes).ok()?.e_machine(LittleEndian)),
        _ => None,
    }
}

/// Whether a kernel, unpacked, was built for Xen: it has the name that it looks for in the device tree (arch/arm/xen/enlighten.c), or the
/// note that Xen looks for (arch/x86/xen/xen-head.S; both Linux 6.12).
///
/// # Errors
/// When it was not.
pub fn knows_xen(kernel: &[u8], architecture: Architecture) -> Result<()> {
    let (mark, options): (&[u8], _) = match architecture {
        Architecture::Arm64 => (b"xen,xen\0", "CONFIG_XEN=y"),
        Architecture::X86_64 => (b"xen-3.0\0", "CONFIG_XEN=y, CONFIG_XEN_PV=y and CONFIG_XEN_DOM0=y"),
    };
    ensure!(
        contains(kernel, mark),
        "this kernel was built without support for Xen, and would say nothing as dom0: build it with {options} (docs/lab.md, \"A kernel of your own\")"
    );
    Ok(())
}

/// Whether these bytes are Xen, for this architecture.
///
/// # Errors
/// When they are something else.
pub fn is_xen(bytes: &[u8], architecture: Architecture) -> Result<()> {
    let (at, magic) = ARM64_MAGIC;
    let built_for = match elf_machine(bytes) {
        // x86-64's is wrapped as a 32-bit ELF file, as multiboot wants it.
        Some(EM_386 | EM_X86_64) => Some(Architecture::X86_64),
        _ if bytes.get(at..at + magic.len()) == Some(magic) => Some(Architecture::Arm64),
        _ => None,
    };
    let is_xen = contains(bytes, b"Xen version %d.%d");
    let Some(built_for) = built_for.filter(|_| is_xen) else {
        bail!("it is not Xen: give xen/xen of Xen's build (arm64), or xen.gz (x86-64); without --xen the lab has its own");
    };
    ensure!(
        built_for == architecture,
        "it is Xen for {}, and the platform's machine is {}: name another --platform",
        built_for.name(),
        architecture.name()
    );
    Ok(())
}

/// The version in a kernel's banner, `Linux version 6.12.117-grantscope (…`.
pub fn version(kernel: &[u8]) -> Option<&str> {
    const BANNER: &[u8] = b"Linux version ";
    let starts = memmem::find_iter(kernel, BANNER);
    let versions = starts.filter_map(|at| kernel[at + BANNER.len()..].split(|byte| *byte == b' ').next());
    // The format string of the same message has none.
    versions
        .filter(|version| version.first().is_some_and(u8::is_ascii_digit))
        .find_map(|version| std::str::from_utf8(version).ok())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memmem::find(bytes, wanted).is_some()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::platform::{MAIN, named};

    /// arm64's header with this field of the flags, and what a kernel for Xen has.
    pub fn arm64(pages: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[ARM64_FLAGS] = pages << 1;
        bytes[56..60].copy_from_slice(b"ARM\x64");
        bytes.extend_from_slice(b"xen,xen\0Linux version %s\0Linux version 5.10.41-board (me@here)\0");
        bytes
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_kernel_says_its_pages_and_its_version() {
        assert_eq!(Image::of(&arm64(1)).unwrap(), Image::Arm64 { page_size: Some(4096) });
        assert_eq!(version(&arm64(1)), Some("5.10.41-board"));
        assert_eq!(version(b"Linux version %s"), None);
    }

    #[test]
    fn a_kernel_that_the_machine_cannot_boot_is_refused_with_the_platform_that_can() {
        let large = Image::of(&arm64(2)).unwrap();
        assert!(refusal(large.fits(MAIN)).contains("--platform arm64-16k"));
        large.fits(named("arm64-16k").unwrap()).unwrap();
        assert!(refusal(large.fits(named("x86-pv").unwrap())).contains("a kernel for arm64, and that machine is x86-64"));
        assert!(refusal(Image::SelfUnpacking.fits(MAIN)).contains("--platform x86-pv"));
    }

    #[test]
    fn what_a_boot_loader_takes_is_refused_with_what_to_give() {
        for (at, magic, advice) in WRAPPED {
            let mut bytes = vec![0; at];
            bytes.extend_from_slice(magic);
            assert_eq!(refusal(Image::of(&bytes)), advice);
        }
    }

    #[test]
    fn a_kernel_without_xen_is_refused_and_its_option_named() {
        knows_xen(&arm64(1), Architecture::Arm64).unwrap();
        assert!(refusal(knows_xen(b"xen,xen-", Architecture::Arm64)).contains("CONFIG_XEN=y"));
        assert!(refusal(knows_xen(&arm64(1), Architecture::X86_64)).contains("CONFIG_XEN_PV=y"));
    }

    #[test]
    fn a_kernel_is_not_xen_and_xen_has_an_architecture() {
        assert!(refusal(is_xen(&arm64(1), Architecture::Arm64)).starts_with("it is not Xen"));
        let xen = [arm64(0), b"Xen version %d.%d%s".to_vec()].concat();
        is_xen(&xen, Architecture::Arm64).unwrap();
        assert!(refusal(is_xen(&xen, Architecture::X86_64)).contains("it is Xen for arm64"));
    }
}
