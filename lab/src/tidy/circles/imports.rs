//! Which file takes which items from which other one.

use std::collections::BTreeMap;

use super::{
    modules::{Mention, Module, Use},
    names::{self, Target},
};

/// Items with the line where each is taken first.
pub type Items = BTreeMap<String, usize>;

/// The imports of a crate.
#[derive(Debug, Default)]
pub struct Imports {
    /// From a file to another one: what it takes.
    pub arrows: BTreeMap<(String, String), Items>,
}

impl Imports {
    /// Finds them.
    pub fn of(modules: &[Module]) -> Self {
        let mut imports = Self::default();
        for (number, module) in modules.iter().enumerate() {
            for brought in &module.uses {
                imports.by_use(modules, number, brought);
            }
            for mention in &module.mentions {
                // A name alone is declared here, or was brought in by a `use`, which counts itself; or it comes from a glob.
                let is_brought =
                    mention.path.len() == 1 && module.uses.iter().any(|brought| brought.name == Some(mention.path[0].clone()));
                let is_module = mention.path.len() == 1 && module.children.contains_key(&mention.path[0]);
                if !is_brought && !is_module {
                    imports.add(modules, number, mention);
                }
            }
        }
        imports
    }

    fn by_use(&mut self, modules: &[Module], number: usize, brought: &Use) {
        if brought.name.is_none() {
            // What a glob brings in counts where it is mentioned.
            return;
        }
        match names::resolve(modules, number, &brought.mention.path) {
            Some(target) if brought.is_public && is_inside(modules, target.module, number) => {}
            _ => self.add(modules, number, &brought.mention),
        }
    }

    fn add(&mut self, modules: &[Module], number: usize, mention: &Mention) {
        let Some(Target { module, item: Some(item) }) = names::resolve(modules, number, &mention.path) else { return };
        let (from, to) = (&modules[number].file, &modules[module].file);
        if from != to {
            let items = self.arrows.entry((from.clone(), to.clone())).or_default();
            let line = items.entry(item).or_insert(mention.line);
            *line = mention.line.min(*line);
        }
    }
}

/// Whether a module is another one's child, or a child's child.
fn is_inside(modules: &[Module], module: usize, outer: usize) -> bool {
    std::iter::successors(Some(module), |&module| modules[module].parent).any(|module| module == outer)
}
