//! Takes the kernel proper out of x86-64's self-unpacking image: Xen would unpack it too, but under emulation that takes seconds.
//!
//! The layout is that of Documentation/arch/x86/boot.rst (Linux 6.12), "The Real-Mode Kernel Header".

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::command;

const SETUP_SECTORS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
/// The version that has the payload's place.
const OLDEST: u16 = 0x0208;

/// Writes the kernel's ELF file.
///
/// # Errors
/// When the image has another layout, or a file cannot be written.
pub fn unpack(image: &Path, elf: &Path) -> Result<()> {
    let bytes = fs::read(image).with_context(|| format!("cannot read {image:?}"))?;
    let (packing, payload) = payload(&bytes).with_context(|| format!("{image:?} is not a bzImage that the lab can unpack"))?;
    let packed = elf.with_extension(packing.program);
    fs::write(&packed, payload).with_context(|| format!("cannot write {packed:?}"))?;
    let file = File::create(elf).with_context(|| format!("cannot make {elf:?}"))?;
    let mut unpack = Command::new(packing.program);
    let input = File::open(&packed).with_context(|| format!("cannot open {packed:?}"))?;
    unpack.args(["--decompress", "--stdout"]).stdin(Stdio::from(input)).stdout(Stdio::from(file));
    command::run(&mut unpack)?;
    fs::remove_file(&packed).with_context(|| format!("cannot remove {packed:?}"))
}

/// How a kernel is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packing {
    /// The program that unpacks it.
    program: &'static str,
    /// The bytes that it begins with.
    magic: &'static [u8],
    /// Bytes that stand behind it, which its program would take for damage: its unpacked size (`size_append` in scripts/Makefile.lib, Linux
    /// v6.12). gzip's own format ends in it.
    behind: usize,
}

/// Debian's ways, xz, and zstd since Debian 13; and what Linux does where nothing is chosen.
const PACKINGS: [Packing; 3] = [
    Packing { program: "xz", magic: b"\xfd7zXZ\0", behind: 4 },
    Packing { program: "zstd", magic: b"\x28\xb5\x2f\xfd", behind: 4 },
    Packing { program: "gzip", magic: b"\x1f\x8b\x08", behind: 0 },
];

/// The compressed kernel.
fn payload(bytes: &[u8]) -> Result<(Packing, &[u8])> {
    let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    ensure!(bytes.get(MAGIC..MAGIC + 4) == Some(b"HdrS"), "it has no boot header");
    ensure!(half(VERSION).is_some_and(|version| version >= OLDEST), "its boot header is older than version {OLDEST:#x}");
    let (Some(offset), Some(length)) = (word(PAYLOAD_OFFSET), word(PAYLOAD_LENGTH)) else {
        anyhow::bail!("its boot header is cut off");
    };
    // A count of 0 stands for 4; one more sector is the boot sector.
    let sectors = match usize::from(bytes[SETUP_SECTORS]) {
        0 => 4,
        count => count,
    };
    let start = 512 * (sectors + 1) + offset;
    let payload = bytes.get(start..start + length).context("it is cut off")?;
    let packing = PACKINGS.into_iter().find(|packing| payload.starts_with(packing.magic));
    let packing = packing.with_context(|| {
        format!("it is compressed with none of {}: give its vmlinux", PACKINGS.map(|packing| packing.program).join(", "))
    })?;
    Ok((packing, &payload[..length.saturating_sub(packing.behind)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(magic: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 3 * 512 + 16];
        bytes[SETUP_SECTORS] = 2;
        bytes[MAGIC..MAGIC + 4].copy_from_slice(magic);
        bytes[VERSION..VERSION + 2].copy_from_slice(&0x020f_u16.to_le_bytes());
        bytes[PAYLOAD_OFFSET..PAYLOAD_OFFSET + 4].copy_from_slice(&16_u32.to_le_bytes());
        bytes[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn the_payload_lies_behind_the_setup_sectors_where_the_header_says() {
        for packing in PACKINGS {
            let kernel = &[packing.magic, b"kernel"].concat()[..];
            let with_size = [kernel, &[0, 0, 0, 1][..packing.behind]].concat();
            assert_eq!(payload(&image(b"HdrS", &with_size)).unwrap(), (packing, kernel));
        }
    }

    #[test]
    fn what_is_no_such_image_is_refused_with_the_reason() {
        let refusal = |bytes: &[u8]| payload(bytes).unwrap_err().to_string();
        assert_eq!(refusal(&image(b"none", b"")), "it has no boot header");
        assert_eq!(refusal(&image(b"HdrS", b"BZh9")), "it is compressed with none of xz, zstd, gzip: give its vmlinux");
        let whole = image(b"HdrS", b"\xfd7zXZ\0kernel");
        assert_eq!(refusal(&whole[..whole.len() - 1]), "it is cut off");
    }
}
