//! The running kernel's own list of functions: what can be hooked, under which name, in which module.
//!
//! Source: kernel/kallsyms.c, Linux v6.12, `s_show`: `address type name`, and behind a tab `[module]` for what is in one.

use std::collections::HashMap;
use std::fs;

/// Where the kernel lists them.
const KALLSYMS: &str = "/proc/kallsyms";

/// What a compiler appends to the name of a function that it has split, specialised or stripped of arguments.
/// A `.cold` part is missing: it is entered in the middle, and not by every call.
const SUFFIXES: [&str; 3] = [".part.", ".constprop.", ".isra."];

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name, with the compiler's suffix if it has one.
    pub name: String,
    /// Where it lies; 0 where the kernel hides that.
    pub address: u64,
    /// The module that it is in; `None`: built in.
    pub module: Option<String>,
}

impl Symbol {
    /// Whether the compiler has changed what the name stands for: BTF then describes another function.
    pub fn is_suffixed(&self) -> bool {
        self.name.contains('.')
    }
}

impl std::fmt::Display for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.module {
            None => f.write_str(&self.name),
            Some(module) => write!(f, "{} [{module}]", self.name),
        }
    }
}

/// Functions by name, those that somebody asked for.
#[derive(Debug, Default)]
pub struct Symbols(HashMap<String, Vec<Symbol>>);

impl Symbols {
    /// Reads what the kernel says of functions with these names, suffixed ones included.
    pub fn read(wanted: impl Iterator<Item = &'static str>) -> std::io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string(KALLSYMS)?, wanted))
    }

    fn parse(text: &str, wanted: impl Iterator<Item = &'static str>) -> Self {
        let mut found: HashMap<String, Vec<Symbol>> = wanted.map(|name| (name.to_owned(), Vec::new())).collect();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), Some("t" | "T" | "w" | "W"), Some(name)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if let Some(list) = found.get_mut(stem(name)) {
                let module = words.next().map(|module| module.trim_matches(['[', ']']).to_owned());
                let address = u64::from_str_radix(address, 16).unwrap_or(0);
                list.push(Symbol { name: name.to_owned(), address, module });
            }
        }
        Self(found)
    }

    /// The function of this name: itself, else what the compiler made of it.
    pub fn find(&self, name: &str) -> Option<&Symbol> {
        let list = self.0.get(name)?;
        list.iter().find(|symbol| symbol.name == name).or(list.first())
    }
}

/// The name in the source.
fn stem(name: &str) -> &str {
    let ends = SUFFIXES.iter().filter_map(|suffix| name.find(suffix));
    let stem = ends.min().map_or(name, |end| &name[..end]);
    // `f.part.0.cold` is the cold part of `f.part.0`.
    if name.ends_with(".cold") { name } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
ffffffc008a1b2c0 t gntdev_put_map.part.0\t[xen_gntdev]
ffffffc008a1b000 t gntdev_ioctl\t[xen_gntdev]
ffffffc008a1b100 t gntdev_ioctl.cold\t[xen_gntdev]
ffffffc00801b000 T gnttab_map_refs
ffffffc00801b004 t gnttab_map_refs.part.0
ffffffc00801b008 d gnttab_free_pages
ffffffc00801b00c t xgnttab_free_pages
";

    fn find(name: &'static str) -> Option<String> {
        Symbols::parse(TEXT, [name].into_iter()).find(name).map(Symbol::to_string)
    }

    #[test]
    fn a_function_is_found_built_in_or_in_a_module() {
        assert_eq!(find("gnttab_map_refs").as_deref(), Some("gnttab_map_refs"));
        assert_eq!(find("gntdev_ioctl").as_deref(), Some("gntdev_ioctl [xen_gntdev]"));
    }

    #[test]
    fn what_the_compiler_made_of_a_function_is_found_by_the_name_in_the_source() {
        assert_eq!(find("gntdev_put_map").as_deref(), Some("gntdev_put_map.part.0 [xen_gntdev]"));
        assert!(Symbols::parse(TEXT, ["gntdev_put_map"].into_iter()).find("gntdev_put_map").unwrap().is_suffixed());
    }

    #[test]
    fn data_cold_parts_and_longer_names_are_no_functions_of_that_name() {
        assert_eq!(find("gnttab_free_pages"), None);
        assert_eq!(Symbols::parse("0 t f.cold\n0 t f.part.0.cold\n", ["f"].into_iter()).find("f"), None);
    }
}
