//! The probes' object without what only a debugger reads: most of its bytes, which every recorder would have in its memory.
//!
//! They come with the BTF, which the kernel needs: the linker makes both out of the same facts.

use anyhow::{Context, Result};
use object::{
    build::elf::{Builder, SectionData},
    elf::SHT_STRTAB,
};

/// The object without DWARF.
///
/// # Errors
/// It is no ELF file.
pub fn stripped(object: &[u8]) -> Result<Vec<u8>> {
    let strip = || -> object::build::Result<Vec<u8>> {
        let mut builder = Builder::read(object)?;
        for section in &mut builder.sections {
            let name = section.name.as_slice();
            section.delete = name.starts_with(b".debug_") || name.starts_with(b".rel.debug_");
        }
        // LLVM writes the names of sections and symbols into one table, this writer into two.
        if !builder.sections.iter().any(|section| matches!(section.data, SectionData::SectionString)) {
            let names = builder.sections.add();
            (names.name, names.data, names.sh_type) = (".shstrtab".into(), SectionData::SectionString, SHT_STRTAB);
        }
        builder.delete_orphans();
        let mut bytes = Vec::new();
        builder.write(&mut bytes)?;
        Ok(bytes)
    };
    strip().context("the probes' object is no ELF file")
}

#[cfg(test)]
mod tests {
    use object::{
        Architecture, BinaryFormat, Endianness, Object, ObjectSection, SectionKind,
        write::{self, StandardSection},
    };

    use super::*;

    #[test]
    fn what_a_debugger_reads_is_gone_and_the_rest_is_as_it_was() {
        let mut with = write::Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
        let code = with.section_id(StandardSection::Text);
        with.append_section_data(code, b"programs", 8);
        for (name, bytes) in [(".debug_info", &b"dwarf"[..]), (".BTF", b"types")] {
            let section = with.add_section(Vec::new(), name.into(), SectionKind::Other);
            with.append_section_data(section, bytes, 1);
        }
        let without = stripped(&with.write().unwrap()).unwrap();
        let without = object::File::parse(&*without).unwrap();
        let data = |name| without.section_by_name(name).map(|section| section.data().unwrap());
        assert_eq!(data(".text"), Some(&b"programs"[..]));
        assert_eq!(data(".BTF"), Some(&b"types"[..]));
        assert_eq!(data(".debug_info"), None);
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        assert!(stripped(b"text").is_err());
    }
}
