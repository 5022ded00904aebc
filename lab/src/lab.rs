//! One run in the lab, from a job to its outcome; `lab run`, `demo` and the lab's checks share it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    boot::{
        machine::Files,
        run::{Boot, Follower, Outcome, Scratch},
    },
    command,
    guest::{
        image::{self, Programs},
        job::Job,
    },
    platform::{Clock, Domains},
    programs::ForLab,
    setup::Parts,
};

/// A lab that is ready to boot.
#[derive(Debug)]
pub struct Lab {
    parts: Parts,
    common: Vec<u8>,
}

/// A file system image with the folder that it lies in, which is removed with this value.
pub struct Images {
    /// The files for QEMU.
    pub files: Files,
    _folder: Scratch,
}

impl Lab {
    /// Puts a lab together. Without programs of ours it has little more than busybox, which is enough to check the lab itself.
    ///
    /// # Errors
    /// When a program or a module cannot be read.
    pub fn new(parts: Parts, ours: Option<&ForLab>) -> Result<Self> {
        let mut programs = ours.map_or(Vec::new(), |ours| {
            vec![("grantscope", ours.grantscope.clone()), ("grantscope-workload", ours.workload.clone())]
        });
        programs.extend(parts.toolstack.iter().flat_map(|toolstack| toolstack.programs.clone()));
        let programs = Programs { busybox: parts.busybox.clone(), programs, modules: parts.kernel.modules.clone() };
        let common = image::pack_common(&programs)?;
        Ok(Self { parts, common })
    }

    /// What the lab boots.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Packs the images of both domains.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn images(&self, job: &Job) -> Result<Images> {
        let folder = Scratch::new()?;
        let [dom0_image, dom1_image] = ["dom0.cpio", "dom1.cpio"].map(|name| folder.0.join(name));
        let mut dom0 = self.common.clone();
        let job = packed_small(image::pack_job(job)?, &folder.0)?;
        let guest_is_profiled = self.parts.platform.domains == Domains::Guest;
        if let Some(toolstack) = &self.parts.toolstack {
            let mut guest = self.common.clone();
            if guest_is_profiled {
                guest.extend(&job);
            }
            dom0.extend(image::pack_guest(&toolstack.tree, &self.parts.kernel.image, &guest, self.parts.platform)?);
        }
        if !guest_is_profiled {
            dom0.extend(&job);
        }
        write(&dom0_image, &dom0)?;
        let xen_starts_dom1 = self.parts.platform.domains == Domains::Frontend;
        if xen_starts_dom1 {
            write(&dom1_image, &self.common)?;
        }
        let files = Files {
            hypervisor: self.parts.hypervisor.clone(),
            kernel: self.parts.kernel.image.clone(),
            dom0_image,
            dom1_image: xen_starts_dom1.then_some(dom1_image),
        };
        Ok(Images { files, _folder: folder })
    }

    /// Runs a job to its end; `console.log` and `recording.gsr` go to `out`, and so does every file of the guest's /out.
    ///
    /// # Errors
    /// When QEMU cannot be started, or what comes out of it cannot be stored.
    pub fn run(&self, job: &Job, clock: Clock, timeout: Duration, out: &Path, follower: &mut dyn Follower) -> Result<Outcome> {
        fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
        let images = self.images(job)?;
        let boot = Boot { parts: &self.parts, clock, files: &images.files, timeout, out };
        let outcome = boot.run(follower)?;
        for file in &outcome.files {
            let path = within(out, &file.path)?;
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
            }
            write(&path, &file.data)?;
        }
        Ok(outcome)
    }
}

/// A job with large files is compressed: the machine has no room for it otherwise. Linux unpacks archives of both kinds one behind the
/// other (Documentation/driver-api/early-userspace/buffer-format.rst, v6.12).
fn packed_small(archive: Vec<u8>, folder: &Path) -> Result<Vec<u8>> {
    const LARGE: usize = 32 << 20;
    if archive.len() < LARGE {
        return Ok(archive);
    }
    let path = folder.join("job.cpio");
    write(&path, &archive)?;
    command::run(Command::new("gzip").arg("-1").arg(&path))?;
    let path = path.with_extension("cpio.gz");
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// The place of a file that the guest named; the guest is not trusted to stay inside `folder`.
fn within(folder: &Path, name: &str) -> Result<PathBuf> {
    let safe = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    anyhow::ensure!(safe, "the guest sent a file with the path {name:?}, which is outside of the run's folder");
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_cannot_write_outside_the_runs_folder() {
        let out = Path::new("/r");
        assert_eq!(within(out, "a/b").unwrap(), Path::new("/r/a/b"));
        for name in ["../x", "a/../../x", "/etc/passwd"] {
            assert!(within(out, name).is_err(), "{name}");
        }
    }
}
