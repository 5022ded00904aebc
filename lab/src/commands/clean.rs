//! `cargo xtask clean`: removes the cache, with everything that was downloaded and built for the lab.

use anyhow::{Context, Result, bail};

use crate::{cache, place};

/// Removes the cache.
///
/// # Errors
/// When the folder does not look like the cache, or cannot be removed.
pub fn run() -> Result<()> {
    let root = place::cache()?;
    if !root.exists() {
        println!("nothing to remove: there is no {}", root.display());
        return Ok(());
    }
    // A mistyped GRANTSCOPE_CACHE must not cost a home folder.
    if !["artifacts", "facts", "tmp"].iter().all(|name| root.join(name).is_dir()) {
        bail!("{} does not look like grantscope's cache, so it is left alone: remove it by hand if it is", root.display());
    }
    cache::remove_folder(&root).with_context(|| "is a build running?")?;
    println!("removed {}", root.display());
    println!("the work tree's own build products go with `cargo clean`; distribution packages stay installed");
    Ok(())
}
