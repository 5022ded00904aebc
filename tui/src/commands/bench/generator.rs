//! The load generator's program: found beside this one or in PATH, and run only from where nobody else can have put it.

use std::env;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

const NAME: &str = "grantscope-workload";

/// Permission to write for a file's group, and for everybody.
const OTHERS_WRITE: u32 = 0o022;
/// In a folder with this bit everybody renames and deletes what is his own only (`S_ISVTX`, inode(7)).
const STICKY: u32 = 0o1000;

/// The program to run. The benchmark is run as root, and so is this.
///
/// # Errors
/// There is none, or others can write where it is.
pub fn find() -> Result<PathBuf> {
    let program =
        env::current_exe().context("this program's own path cannot be read; name the load generator with --workload")?;
    found(program.parent(), env::var_os("PATH").as_deref())
}

fn found(own: Option<&Path>, path: Option<&OsStr>) -> Result<PathBuf> {
    let in_path = path.map(|path| env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    let folders = own.map(Path::to_owned).into_iter().chain(in_path);
    let program = folders.map(|folder| folder.join(NAME)).find(|program| program.metadata().is_ok_and(|kind| is_program(&kind)));
    let Some(program) = program else {
        bail!("{NAME} is neither beside this program nor in PATH; name it with --workload PROGRAM");
    };
    is_safe(&program)?;
    Ok(program)
}

fn is_program(kind: &Metadata) -> bool {
    kind.is_file() && kind.permissions().mode() & 0o111 != 0
}

/// Neither the program nor its folder is written by others, and nobody else can rename a folder above it.
fn is_safe(program: &Path) -> Result<()> {
    let unknown = || format!("{}: cannot be looked at; name the load generator with --workload PROGRAM", program.display());
    let program = program.canonicalize().with_context(unknown)?;
    for (place, path) in program.ancestors().enumerate() {
        let mode = path.metadata().with_context(unknown)?.mode();
        // Not for the folder itself: others could have made the program.
        let is_guarded = place > 1 && mode & STICKY != 0;
        if mode & OTHERS_WRITE != 0 && !is_guarded {
            bail!(
                "{}: is not run as root: others can write {} (mode {:03o}); take that away (`chmod go-w`), or name the program with \
                 --workload if you trust it",
                program.display(),
                path.display(),
                mode & 0o777,
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A folder that only its owner writes, with a program in a folder of it.
    fn installed() -> (tempfile::TempDir, PathBuf) {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("bin");
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, 0o755);
        fs::write(folder.join(NAME), "#!/bin/sh\n").unwrap();
        set_mode(&folder.join(NAME), 0o755);
        (top, folder)
    }

    #[test]
    fn a_program_is_run_from_where_only_its_owner_writes() {
        let (_top, folder) = installed();
        assert_eq!(found(Some(&folder), None).unwrap(), folder.join(NAME));
    }

    #[test]
    fn what_others_can_write_is_not_run() {
        let (top, folder) = installed();
        let program = folder.join(NAME);
        for (path, wrong) in
            [(&program, 0o757), (&program, 0o775), (&folder, 0o777), (&folder, 0o1777), (&top.path().into(), 0o777)]
        {
            let right = path.metadata().unwrap().mode();
            set_mode(path, wrong);
            let error = found(Some(&folder), None).unwrap_err().to_string();
            assert!(error.contains(&format!("others can write {}", path.canonicalize().unwrap().display())), "{error}");
            assert!(error.contains("--workload"), "{error}");
            set_mode(path, right);
            found(Some(&folder), None).unwrap();
        }
    }

    #[test]
    fn in_path_the_same_holds_and_a_link_is_judged_by_where_it_leads() {
        let (_top, folder) = installed();
        let (_other, links) = installed();
        fs::remove_file(links.join(NAME)).unwrap();
        std::os::unix::fs::symlink(folder.join(NAME), links.join(NAME)).unwrap();
        assert_eq!(found(None, Some(links.as_os_str())).unwrap(), links.join(NAME));
        set_mode(&folder, 0o777);
        assert!(found(None, Some(links.as_os_str())).is_err());
        let none = found(None, Some(OsStr::new("/nowhere"))).unwrap_err().to_string();
        assert_eq!(none, "grantscope-workload is neither beside this program nor in PATH; name it with --workload PROGRAM");
    }
}
