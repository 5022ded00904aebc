//! The running kernel's own list of functions: what can be hooked, under which name, in which module.
//!
//! Source: kernel/kallsyms.c, Linux v6.12, `s_show`: `address type name`, and behind a tab `[module]` for what is in one.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::{ControlFlow, Range};

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

/// One line of the list.
#[derive(Clone, Copy)]
struct Listed<'a> {
    address: u64,
    is_function: bool,
    name: &'a str,
    /// `None`: built in.
    module: Option<&'a str>,
}

impl<'a> Listed<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let (address, rest) = line.split_at(name_at(line)?);
        let [address @ .., b' ', kind, b' '] = address else { return None };
        let digit = |byte: u8| (byte as char).to_digit(16).map(u64::from);
        let address = address.iter().try_fold(0_u64, |address, &byte| Some(address << 4 | digit(byte)?))?;
        let rest = std::str::from_utf8(rest).ok()?;
        let (name, module) = rest.split_once('\t').map_or((rest, None), |(name, module)| (name, Some(module)));
        let module = module.map(|module| module.trim_matches(['[', ']']));
        // Of the letters that nm has: code, global or not, weak or not.
        Some(Self { address, is_function: matches!(kind, b't' | b'T' | b'w' | b'W'), name, module })
    }

    fn is_built_in(&self) -> bool {
        self.module.is_none()
    }

    /// Whether it is a built-in function, and the kernel shows where.
    fn is_built_in_function(&self) -> bool {
        self.is_function && self.is_built_in() && self.address > 0
    }

    fn to_symbol(self) -> Symbol {
        Symbol { name: self.name.to_owned(), address: self.address, module: self.module.map(str::to_owned) }
    }
}

/// Where the name begins: behind the address, a letter, and blanks around that.
fn name_at(line: &[u8]) -> Option<usize> {
    const DIGITS: usize = 2 * size_of::<u64>();
    let blank = if line.get(DIGITS) == Some(&b' ') { DIGITS } else { line.iter().position(|&byte| byte == b' ')? };
    (line.len() >= blank + 3).then_some(blank + 3)
}

/// Goes through the list line by line: the kernel makes it anew for every reader, and it is long, so nobody should read further than
/// needed, and nobody needs all of it at once.
fn each_line(list: impl Read, mut look: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    let mut list = BufReader::new(list);
    let mut line = Vec::new();
    while list.read_until(b'\n', &mut line)? > 0 {
        if look(line.trim_ascii_end()).is_break() {
            break;
        }
        line.clear();
    }
    Ok(())
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Functions, built in or not, by the name in the source; of the names of one, those after one that is there are not needed.
    pub functions: Vec<&'static [&'static str]>,
    /// Other symbols, built in.
    pub data: &'static [&'static str],
    /// Functions, built in, that lie together.
    pub together: &'static [&'static str],
}

/// What was found.
#[derive(Debug, Default)]
pub struct Symbols {
    functions: HashMap<&'static str, Vec<Symbol>>,
    data: HashMap<&'static str, u64>,
    together: Together,
}

impl Symbols {
    /// Looks through the kernel's list, until everything is found.
    ///
    /// # Errors
    /// The kernel does not list its functions.
    pub fn read(wanted: Wanted) -> Result<Self, CaptureError> {
        File::open(KALLSYMS).and_then(|list| Self::among(list, wanted)).map_err(CaptureError::NoSymbols)
    }

    /// The same of another list.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn among(list: impl Read, wanted: Wanted) -> io::Result<Self> {
        let functions = || wanted.functions.iter().copied().flatten();
        let prefixes = Prefixes::of(functions().chain(wanted.data).chain(wanted.together));
        let mut missing: HashSet<&str> = functions().chain(wanted.data).copied().collect();
        let functions = functions().map(|&name| (name, Vec::new())).collect();
        let mut found = Self { functions, ..Self::default() };
        each_line(list, |line| {
            let may_be_one = name_at(line).is_some_and(|name| prefixes.have(&line[name..]));
            let listed = if may_be_one || missing.is_empty() || found.together.is_open() { Listed::parse(line) } else { None };
            let Some(listed) = listed else { return ControlFlow::Continue(()) };
            if may_be_one && found.add(&listed, &wanted) {
                missing.remove(listed.name);
                for names in &wanted.functions {
                    names.iter().skip_while(|&&name| name != listed.name).for_each(|name| {
                        missing.remove(name);
                    });
                }
            }
            found.together.see(&listed, wanted.together);
            let is_over = missing.is_empty() && (wanted.together.is_empty() || found.together.is_behind(&listed));
            if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    /// Takes what is wanted; whether it has just the name that is wanted, so that no other one is better.
    fn add(&mut self, listed: &Listed<'_>, wanted: &Wanted) -> bool {
        if listed.is_function
            && let Some(list) = self.functions.get_mut(stem(listed.name))
        {
            list.push(listed.to_symbol());
            return stem(listed.name) == listed.name;
        }
        let data = wanted.data.iter().find(|&&name| listed.is_built_in() && name == listed.name);
        data.is_some_and(|name| {
            self.data.entry(name).or_insert(listed.address);
            true
        })
    }

    /// The function of this name: itself, else what the compiler made of it.
    pub fn find(&self, name: &str) -> Option<&Symbol> {
        let list = self.functions.get(name)?;
        list.iter().find(|symbol| symbol.name == name).or(list.first())
    }

    /// Address of a built-in symbol; `None`: not there.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.data.get(name).copied()
    }

    /// From the start of the first of the functions that lie together to the end of the last; `None`: they do not, or it is hidden.
    pub fn span(&self) -> Option<Range<u64>> {
        let (first, last) = self.together.ends?;
        let end = self.together.next.filter(|next| *next > last)?;
        (end - first <= LARGEST_SPAN).then_some(first..end)
    }
}

/// Functions that lie together come out of one file, of 1,700 lines in the case of the grant table. Where a linker has scattered
/// them, what lies between is not all theirs.
const LARGEST_SPAN: u64 = 64 << 10;

/// Where functions lie together.
#[derive(Debug, Default)]
struct Together {
    /// Addresses of the first and the last of them.
    ends: Option<(u64, u64)>,
    /// That of the function behind the last.
    next: Option<u64>,
}

impl Together {
    /// Whether they began, and the function behind them was not seen.
    fn is_open(&self) -> bool {
        self.ends.is_some() && self.next.is_none()
    }

    fn see(&mut self, listed: &Listed<'_>, names: &[&str]) {
        if !listed.is_built_in_function() {
            return;
        }
        let address = listed.address;
        let (first, last) = self.ends.unwrap_or((address, 0));
        if names.contains(&stem(listed.name)) {
            self.ends = Some((first.min(address), last.max(address)));
            self.next = self.next.filter(|&next| next > address);
        } else if self.ends.is_some() && address > last {
            self.next = Some(self.next.map_or(address, |next| next.min(address)));
        }
    }

    /// Whether what comes next cannot be one of them: what is built in is listed in the order of addresses (`sort_symbols` in
    /// scripts/kallsyms.c, Linux v6.12).
    fn is_behind(&self, listed: &Listed<'_>) -> bool {
        listed.is_built_in_function() && self.ends.is_some_and(|(first, _)| listed.address > first + LARGEST_SPAN)
    }
}

/// How the names begin that are wanted: tells most lines apart from them without a look at the whole name.
struct Prefixes {
    /// Of each, as many bytes as the shortest has.
    length: usize,
    all: HashSet<u64>,
    /// A bit for each first pair of bytes.
    pairs: Box<[u64; 1024]>,
}

impl Prefixes {
    fn of<'a>(names: impl Iterator<Item = &'a &'static str> + Clone) -> Self {
        let length = names.clone().map(|name| name.len()).min().unwrap_or_default().min(8);
        let mut prefixes = Self { length, all: HashSet::new(), pairs: Box::new([0; 1024]) };
        for name in names {
            let start = prefixes.start(name.as_bytes()).unwrap_or_default();
            prefixes.all.insert(start);
            let pair = start as u16 as usize;
            prefixes.pairs[pair / 64] |= 1 << (pair % 64);
        }
        prefixes
    }

    /// As a number; `None`: it is shorter than all of them.
    fn start(&self, name: &[u8]) -> Option<u64> {
        let start = name.get(..self.length)?;
        Some(start.iter().rev().fold(0, |start, &byte| start << 8 | u64::from(byte)))
    }

    fn have(&self, name: &[u8]) -> bool {
        let (Some(&first), second) = (name.first(), name.get(1).copied().unwrap_or_default()) else { return false };
        let pair = u16::from_le_bytes([first, second]) as usize;
        // Wanted names of one letter alone would have no second byte in their pair, and there are none.
        self.pairs[pair / 64] >> (pair % 64) & 1 != 0 && self.start(name).is_some_and(|start| self.all.contains(&start))
    }
}

/// Whether the kernel shows this process where functions lie; `None`: it lists none.
pub fn shows_addresses() -> Option<bool> {
    shows_addresses_in(File::open(KALLSYMS).ok()?)
}

/// It hides all of them, or none.
fn shows_addresses_in(list: impl Read) -> Option<bool> {
    let mut shown = None;
    let read = each_line(list, |line| match Listed::parse(line).filter(|listed| listed.is_function) {
        Some(function) => {
            shown = Some(function.address > 0);
            ControlFlow::Break(())
        }
        None => ControlFlow::Continue(()),
    });
    read.ok().and(shown)
}

/// The function that an address lies in, by the kernel's list as it is now.
pub fn function_at(address: u64) -> Option<Symbol> {
    function_at_among(File::open(KALLSYMS).ok()?, address)
}

/// The nearest before it. Of two names for one function the first.
fn function_at_among(list: impl Read, address: u64) -> Option<Symbol> {
    let mut nearest: Option<Symbol> = None;
    let read = each_line(list, |line| {
        let Some(listed) = Listed::parse(line).filter(|listed| listed.is_function && listed.address > 0) else {
            return ControlFlow::Continue(());
        };
        if listed.address > address {
            // Between two built-in functions there is nothing of a module.
            let is_between = listed.is_built_in() && nearest.as_ref().is_some_and(|nearest| nearest.module.is_none());
            return if is_between { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        if nearest.as_ref().is_none_or(|nearest| listed.address > nearest.address) {
            nearest = Some(listed.to_symbol());
        }
        ControlFlow::Continue(())
    });
    read.ok()?;
    nearest
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
        let names: &'static [&'static str] = Box::leak(Box::new([name]));
        Symbols::among(text.as_bytes(), Wanted { functions: vec![names], ..Wanted::default() }).unwrap()
    }

    #[test]
    fn the_first_function_says_whether_addresses_are_shown() {
        let shown = |text: &str| shows_addresses_in(text.as_bytes());
        // x86-64 has a processor's own data at 0.
        assert_eq!(shown("0000000000000000 A fixed_percpu_data\nffffffff81000000 T _text\n"), Some(true));
        assert_eq!(shown("0000000000000000 A fixed_percpu_data\n0000000000000000 T _text\n"), Some(false));
        assert_eq!(shown("ffffffff82000000 D data\n"), None);
    }

    fn span(text: &str, together: &'static [&'static str]) -> Option<Range<u64>> {
        Symbols::among(text.as_bytes(), Wanted { together, ..Wanted::default() }).unwrap().span()
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
        let at = |address| function_at_among(TEXT.as_bytes(), address).map(|symbol| symbol.to_string());
        assert_eq!(at(0xffffffc008a1b0ff).as_deref(), Some("gntdev_ioctl [xen_gntdev]"));
        assert_eq!(at(0xffffffc00801b003).as_deref(), Some("gnttab_map_refs"));
        assert_eq!(at(0xffffffc00801afff), None);
    }

    #[test]
    fn the_span_of_functions_ends_where_the_next_one_begins() {
        // Not at the data between, and the suffixed part is its own.
        assert_eq!(span(TEXT, &["gnttab_map_refs"]), Some(0xffffffc00801b000..0xffffffc00801b00c));
        assert_eq!(span(TEXT, &["gntdev_ioctl"]), None);
        // The kernel shows zeros to those who may not know (kernel.kptr_restrict).
        assert_eq!(span("0 T gnttab_map_refs\n0 T other\n", &["gnttab_map_refs"]), None);
    }

    #[test]
    fn functions_that_are_scattered_span_nothing() {
        assert_eq!(
            span("1000 T a_first\n1100 t between\n1200 t a_last\n1300 t other\n", &["a_first", "a_last"]),
            Some(0x1000..0x1300)
        );
        assert_eq!(span("1000 T a_first\n1100 t between\n91200 t a_last\n91300 t other\n", &["a_first", "a_last"]), None);
    }

    #[test]
    fn the_list_is_read_no_further_than_needed() {
        struct Endless(usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(self.0 < 10, "nobody stopped reading");
                let text = format!("{:016x} T function_{}\n", 0x1000 + 0x8000 * self.0, self.0);
                self.0 += 1;
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                Ok(text.len())
            }
        }
        let wanted = Wanted {
            functions: vec![&["function_3", "function_of_another_machine"]],
            together: &["function_1"],
            ..Wanted::default()
        };
        let symbols = Symbols::among(Endless(0), wanted).unwrap();
        assert_eq!(
            (symbols.find("function_3").map(|symbol| symbol.address), symbols.span()),
            (Some(0x19000), Some(0x9000..0x11000))
        );
        assert_eq!(function_at_among(Endless(0), 0x11234).map(|symbol| symbol.name), Some("function_2".to_owned()));
    }

    #[test]
    fn data_is_found_by_its_own_name_where_it_is_built_in() {
        let wanted = Wanted { data: &["__per_cpu_offset"], ..Wanted::default() };
        let text = "10 d __per_cpu_offset\t[module]\n20 D __per_cpu_offset_too\n30 D __per_cpu_offset\n";
        assert_eq!(Symbols::among(text.as_bytes(), wanted).unwrap().address("__per_cpu_offset"), Some(0x30));
    }

    #[test]
    fn data_cold_parts_and_longer_names_are_no_functions_of_that_name() {
        assert_eq!(find("gnttab_free_pages"), None);
        assert_eq!(among("0 t f.cold\n0 t f.part.0.cold\n", "f").find("f"), None);
    }
}
