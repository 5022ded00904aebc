//! Follows a path to the module that has the item which it names.

use super::modules::Module;

/// The item that a path names: the number of the module that has it, and its name there; without one it is the module itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The module.
    pub module: usize,
    /// The item in it.
    pub item: Option<String>,
}

/// How many re-exports are followed: a path that leads through more leads round and round.
const DEEPEST: usize = 16;

/// Follows a path that is written in a module. `None`: it leads out of the crate, or to what is local to a function.
pub fn resolve(modules: &[Module], from: usize, path: &[String]) -> Option<Target> {
    follow(modules, from, path, DEEPEST)
}

fn follow(modules: &[Module], from: usize, path: &[String], depth: usize) -> Option<Target> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => walk(modules, 0, rest, depth),
        "self" => walk(modules, from, rest, depth),
        "super" => {
            let mut at = modules[from].parent?;
            let supers = rest.iter().take_while(|word| *word == "super").count();
            for _ in 0..supers {
                at = modules[at].parent?;
            }
            walk(modules, at, &rest[supers..], depth)
        }
        _ => lookup(modules, from, path, depth),
    }
}

/// Follows the rest of a path from a module on. What it does not have is an item that a macro makes.
fn walk(modules: &[Module], at: usize, path: &[String], depth: usize) -> Option<Target> {
    let Some(first) = path.first() else {
        return Some(Target { module: at, item: None });
    };
    lookup(modules, at, path, depth).or_else(|| Some(Target { module: at, item: Some(first.clone()) }))
}

/// Follows a path by the names that a module has.
fn lookup(modules: &[Module], at: usize, path: &[String], depth: usize) -> Option<Target> {
    let depth = depth.checked_sub(1)?;
    let (first, rest) = path.split_first()?;
    let module = &modules[at];
    if module.items.contains(first) {
        return Some(Target { module: at, item: Some(first.clone()) });
    }
    if let Some(&child) = module.children.get(first) {
        return walk(modules, child, rest, depth);
    }
    if let Some(brought) = module.uses.iter().find(|brought| brought.name.as_ref() == Some(first)) {
        // `use std::fmt;` brings in a name of another crate, and must not be looked up as itself again.
        if brought.mention.path.first() == Some(first) && !module.children.contains_key(first) {
            return None;
        }
        return follow(modules, at, &[&brought.mention.path, rest].concat(), depth);
    }
    let globs = module.uses.iter().filter(|brought| brought.name.is_none());
    globs.filter_map(|glob| follow(modules, at, &glob.mention.path, depth)).find_map(|target| match target.item {
        None if target.module != at => lookup(modules, target.module, path, depth),
        _ => None,
    })
}
