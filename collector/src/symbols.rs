//! The running kernel's own list of functions: what can be hooked, under which name, in which module.
//!
//! Source: kernel/kallsyms.c, Linux v6.12, `s_show`: `address type name`, and behind a tab `[module]` for what is in one.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;

use crate::CaptureError;

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
    /// Whether the compiler has changed the function of this name: BTF then describes another one.
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

/// All that the kernel lists. There are many lines, and many look at all of them: each is taken apart once.
#[derive(Debug)]
pub struct Kallsyms {
    text: String,
    lines: Vec<Line>,
}

/// Where the words of a line lie in the text.
#[derive(Debug)]
struct Line {
    address: u64,
    is_function: bool,
    name: Range<u32>,
    /// Empty: built in.
    module: Range<u32>,
}

/// One line of it.
struct Listed<'a> {
    address: u64,
    is_function: bool,
    name: &'a str,
    module: Option<&'a str>,
}

impl Line {
    /// Takes a line apart that begins at an offset in the text.
    fn parse(line: &str, offset: u32) -> Option<Self> {
        let (address, rest) = line.split_once(' ')?;
        let (kind, rest) = rest.split_once(' ')?;
        let start = offset + (line.len() - rest.len()) as u32;
        let (name, module) = rest.split_once('\t').map_or((rest, 0..0), |(name, module)| {
            let end = start + rest.len() as u32;
            // In brackets.
            (name, end - module.len() as u32 + 1..end - 1)
        });
        Some(Self {
            address: u64::from_str_radix(address, 16).ok()?,
            is_function: matches!(kind, "t" | "T" | "w" | "W"),
            name: start..start + name.len() as u32,
            module,
        })
    }
}

impl Listed<'_> {
    fn to_symbol(&self) -> Symbol {
        Symbol { name: self.name.to_owned(), address: self.address, module: self.module.map(str::to_owned) }
    }
}

impl Kallsyms {
    /// Reads it: a large file, which the kernel makes anew for every reader.
    ///
    /// # Errors
    /// The kernel does not list its functions.
    pub fn read() -> Result<Self, CaptureError> {
        fs::read_to_string(KALLSYMS).map(Self::parse).map_err(CaptureError::NoSymbols)
    }

    /// Takes what it lists apart.
    pub fn parse(text: String) -> Self {
        let mut offset = 0;
        let parsed = text.split_inclusive('\n').filter_map(|line| {
            let start = offset;
            offset += line.len() as u32;
            Line::parse(line.trim_end(), start)
        });
        let lines = parsed.collect();
        Self { text, lines }
    }

    fn lines(&self) -> impl Iterator<Item = Listed<'_>> {
        let word = |range: &Range<u32>| &self.text[range.start as usize..range.end as usize];
        self.lines.iter().map(move |line| Listed {
            address: line.address,
            is_function: line.is_function,
            name: word(&line.name),
            module: (!line.module.is_empty()).then(|| word(&line.module)),
        })
    }

    /// Address of a built-in symbol; `None`: not there, or the kernel hides addresses.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.lines().find(|listed| listed.name == name && listed.module.is_none()).map(|listed| listed.address)
    }

    /// The function that an address lies in.
    pub fn function_at(&self, address: u64) -> Option<Symbol> {
        let before = self.lines().filter(|listed| listed.is_function && listed.address <= address && listed.address > 0);
        // Of two names for one function the first: `max_by_key` would take the last.
        let nearest = before.reduce(|best, listed| if listed.address > best.address { listed } else { best })?;
        Some(nearest.to_symbol())
    }

    /// From the start of the first of these functions, which are built in, to the end of the last.
    pub fn span(&self, names: &[&str]) -> Option<Range<u64>> {
        let built_in = || self.lines().filter(|listed| listed.is_function && listed.module.is_none() && listed.address > 0);
        let own: Vec<u64> = built_in().filter(|listed| names.contains(&stem(listed.name))).map(|listed| listed.address).collect();
        let (first, last) = own.iter().min().zip(own.iter().max())?;
        let end = built_in().map(|listed| listed.address).filter(|address| address > last).min()?;
        Some(*first..end)
    }
}

/// The requested functions, by name.
#[derive(Debug, Default)]
pub struct Symbols(HashMap<String, Vec<Symbol>>);

impl Symbols {
    /// What the kernel says of functions with these names, suffixed ones included.
    pub fn among(all: &Kallsyms, wanted: impl Iterator<Item = &'static str>) -> Self {
        let mut found: HashMap<String, Vec<Symbol>> = wanted.map(|name| (name.to_owned(), Vec::new())).collect();
        for listed in all.lines().filter(|listed| listed.is_function) {
            if let Some(list) = found.get_mut(stem(listed.name)) {
                list.push(listed.to_symbol());
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
    // Most names have no suffix at all.
    if !name.contains('.') {
        return name;
    }
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

    fn among(text: &str, name: &'static str) -> Symbols {
        Symbols::among(&Kallsyms::parse(text.to_owned()), [name].into_iter())
    }

    fn find(name: &'static str) -> Option<String> {
        among(TEXT, name).find(name).map(Symbol::to_string)
    }

    #[test]
    fn a_function_is_found_built_in_or_in_a_module() {
        assert_eq!(find("gnttab_map_refs").as_deref(), Some("gnttab_map_refs"));
        assert_eq!(find("gntdev_ioctl").as_deref(), Some("gntdev_ioctl [xen_gntdev]"));
    }

    #[test]
    fn what_the_compiler_made_of_a_function_is_found_by_the_name_in_the_source() {
        assert_eq!(find("gntdev_put_map").as_deref(), Some("gntdev_put_map.part.0 [xen_gntdev]"));
        assert!(among(TEXT, "gntdev_put_map").find("gntdev_put_map").unwrap().is_suffixed());
    }

    #[test]
    fn the_function_of_an_address_is_the_nearest_before_it_with_its_module() {
        let symbols = Kallsyms::parse(TEXT.to_owned());
        let at = |address| symbols.function_at(address).map(|symbol| symbol.to_string());
        assert_eq!(at(0xffffffc008a1b0ff).as_deref(), Some("gntdev_ioctl [xen_gntdev]"));
        assert_eq!(at(0xffffffc00801b003).as_deref(), Some("gnttab_map_refs"));
        assert_eq!(at(0xffffffc00801afff), None);
    }

    #[test]
    fn the_span_of_functions_ends_where_the_next_one_begins() {
        let symbols = Kallsyms::parse(TEXT.to_owned());
        // Not at the data between, and the suffixed part is its own.
        assert_eq!(symbols.span(&["gnttab_map_refs"]), Some(0xffffffc00801b000..0xffffffc00801b00c));
        assert_eq!(symbols.span(&["gntdev_ioctl"]), None);
        // The kernel shows zeros to those who may not know (kernel.kptr_restrict).
        assert_eq!(Kallsyms::parse("0 T gnttab_map_refs\n0 T other\n".to_owned()).span(&["gnttab_map_refs"]), None);
    }

    #[test]
    fn data_cold_parts_and_longer_names_are_no_functions_of_that_name() {
        assert_eq!(find("gnttab_free_pages"), None);
        assert_eq!(among("0 t f.cold\n0 t f.part.0.cold\n", "f").find("f"), None);
    }
}
