//! The modules of a crate: what each declares, what it imports under which name, and every path that its code mentions.

use std::{collections::BTreeMap, path::PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Item, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::tidy::{
    syntax::{attributes, is_test},
    tree::Tree,
};

/// One module, with a file of its own or in that of its parent.
#[derive(Debug, Default)]
pub struct Module {
    /// Its file.
    pub file: String,
    /// The module around it, by its number.
    pub parent: Option<usize>,
    /// Modules in it, by their numbers.
    pub children: BTreeMap<String, usize>,
    /// Other items in it, by their names.
    pub items: Vec<String>,
    /// What it imports.
    pub uses: Vec<Use>,
    /// Paths in its code.
    pub mentions: Vec<Mention>,
}

/// A name that a `use` brings in.
#[derive(Debug)]
pub struct Use {
    /// The name here; `None`: all of what the path names.
    pub name: Option<String>,
    /// Where it comes from.
    pub mention: Mention,
    /// Whether others see it here.
    pub is_public: bool,
}

/// A path as it is written, by its words.
#[derive(Debug, Clone)]
pub struct Mention {
    /// The words between the `::`.
    pub path: Vec<String>,
    /// Its line.
    pub line: usize,
}

/// Reads the modules of the crate that begins with this file; the first of them is the crate's own.
pub fn read(tree: &Tree, root: &str) -> Vec<Module> {
    let mut reader = Reader { tree, modules: Vec::new() };
    let folder = root.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    reader.file(root, None, &folder);
    reader.modules
}

struct Reader<'t> {
    tree: &'t Tree,
    modules: Vec<Module>,
}

impl Reader<'_> {
    /// Reads the module in a file, if there is one; the modules that it declares lie in `folder`.
    fn file(&mut self, path: &str, parent: Option<usize>, folder: &str) -> Option<usize> {
        let tree = self.tree;
        let (file, parsed) = tree.rust().find(|(file, _)| file.path == path)?;
        Some(self.module(&file.path, &parsed.items, parent, folder))
    }

    fn module(&mut self, file: &str, items: &[Item], parent: Option<usize>, folder: &str) -> usize {
        let number = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        let mut contents = Contents::default();
        items.iter().for_each(|item| contents.visit_item(item));
        for declared in contents.modules {
            if let Some(child) = self.declared(declared, file, number, folder) {
                self.modules[number].children.insert(declared.ident.to_string(), child);
            }
        }
        let module = &mut self.modules[number];
        (module.items, module.uses, module.mentions) = (contents.items, contents.uses, contents.mentions);
        number
    }

    /// A module that is declared in `file`: its items stand there, or it has a file of its own.
    fn declared(&mut self, declared: &ItemMod, file: &str, parent: usize, folder: &str) -> Option<usize> {
        let inner = format!("{folder}/{}", declared.ident);
        match (&declared.content, path_attribute(declared)) {
            (Some((_, items)), _) => Some(self.module(file, items, Some(parent), &inner)),
            (None, Some(path)) => self.file(&path_beside(file, &path), Some(parent), &inner),
            (None, None) => self
                .file(&format!("{inner}.rs"), Some(parent), &inner)
                .or_else(|| self.file(&format!("{inner}/mod.rs"), Some(parent), &inner)),
        }
    }
}

/// The file in `#[path = "…"]`.
fn path_attribute(module: &ItemMod) -> Option<String> {
    let value = module.attrs.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => Some(&pair.value),
        _ => None,
    })?;
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

fn path_beside(file: &str, path: &str) -> String {
    let mut place = PathBuf::from(file);
    place.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(place.pop()),
            "." => {}
            part => place.push(part),
        }
    }
    place.to_string_lossy().into_owned()
}

/// What stands in one module.
#[derive(Default)]
struct Contents<'ast> {
    modules: Vec<&'ast ItemMod>,
    items: Vec<String>,
    uses: Vec<Use>,
    mentions: Vec<Mention>,
    /// How many functions are around: what is declared in one is none of the module's names.
    depth: usize,
}

impl Contents<'_> {
    fn flatten(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.flatten(&path.tree, &before, is_public);
            }
            UseTree::Name(name) if name.ident == "self" => {
                let name_here = before.last().cloned();
                self.bring_in(name_here, before.to_vec(), name.ident.span(), is_public);
            }
            UseTree::Name(name) => {
                let word = name.ident.to_string();
                self.bring_in(Some(word.clone()), [before, &[word]].concat(), name.ident.span(), is_public);
            }
            UseTree::Rename(rename) => {
                let path = if rename.ident == "self" { before.to_vec() } else { [before, &[rename.ident.to_string()]].concat() };
                self.bring_in(Some(rename.rename.to_string()), path, rename.ident.span(), is_public);
            }
            UseTree::Glob(glob) => self.bring_in(None, before.to_vec(), glob.star_token.spans[0], is_public),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.flatten(tree, before, is_public)),
        }
    }

    fn bring_in(&mut self, name: Option<String>, path: Vec<String>, at: proc_macro2::Span, is_public: bool) {
        self.uses.push(Use { name, mention: Mention { path, line: at.start().line }, is_public });
    }

    /// Paths among tokens that only the macro can parse: words with `::` between them.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(word) if colons == 2 && !path.is_empty() => path.push(word.to_string()),
                TokenTree::Ident(word) => {
                    self.mention(std::mem::replace(&mut path, vec![word.to_string()]), line);
                    line = word.span().start().line;
                }
                TokenTree::Group(group) => {
                    self.mention(std::mem::take(&mut path), line);
                    self.scan(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.mention(std::mem::take(&mut path), line),
            }
            colons = 0;
        }
        self.mention(path, line);
    }

    fn mention(&mut self, path: Vec<String>, line: usize) {
        if !path.is_empty() {
            self.mentions.push(Mention { path, line });
        }
    }

    fn declare(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return,
        };
        self.items.push(name.to_string());
    }
}

impl<'ast> Visit<'ast> for Contents<'ast> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test(attributes(item)) {
            return;
        }
        if self.depth == 0 {
            self.declare(item);
        }
        self.depth += 1;
        visit::visit_item(self, item);
        self.depth -= 1;
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.modules.push(module);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.flatten(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.mention(words, line);
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(super)` names nothing of the parent's.
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // `#[arg(value_parser = platform::parser())]`: a derive puts it into the code.
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.scan(called.tokens.clone());
    }
}
