//! A truth file: emptied when a run starts, and whole only when it has ended.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Left, Undone};

/// How a whole truth file ends (`truth::Destination`).
const END: &[u8] = b"\n}\n";

/// A truth file that is to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl TruthFile {
    /// The one that was opened at `path`; none if it is no file that stays, but a pipe or a device.
    pub fn opened(path: &Path, file: &File) -> Option<Self> {
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let path = std::path::absolute(path).ok()?;
        Some(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    pub(super) fn undo(&self, others: &[Left]) -> Undone {
        let path = self.path.display();
        // Somebody else writes it now, or it is another file by now.
        let same =
            |other: &Left| matches!(other, Left::TruthFile(file) if (file.device, file.inode) == (self.device, self.inode));
        let Ok(mut file) = File::open(&self.path) else { return Undone::Nothing };
        if others.iter().any(same) || !self.is(&file) {
            return Undone::Nothing;
        }
        match whole(&mut file) {
            Ok(None) => Undone::LeftAlone(format!("the truth file {path} empty: what that run measured is lost; run it again")),
            Ok(Some(true)) => Undone::Nothing,
            Ok(Some(false)) => match OpenOptions::new().write(true).open(&self.path).and_then(|file| file.set_len(0)) {
                Ok(()) => Undone::Done(format!("the truth file {path} cut short: emptied, so that nobody takes it for one")),
                Err(error) => {
                    Undone::Failed(format!("the truth file {path} cut short, and it cannot be emptied: {error}; delete it"))
                }
            },
            Err(error) => Undone::Failed(format!("the truth file {path}, which cannot be read: {error}; do not rely on it")),
        }
    }

    fn is(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode))
    }
}

/// Whether it ends as it should; none: it is empty.
fn whole(file: &mut File) -> std::io::Result<Option<bool>> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(None);
    }
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(END.len() as u64)))?;
    file.read_to_end(&mut end)?;
    Ok(Some(end == END))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_cut_short_is_emptied_and_a_whole_one_stays() {
        let path = std::env::temp_dir().join(format!("grantscope-truth-left-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        let noted = TruthFile::opened(&path, &file).unwrap();
        let undo = |text: &str, others: &[Left]| {
            std::fs::write(&path, text).unwrap();
            (noted.undo(others), std::fs::read_to_string(&path).unwrap())
        };
        let whole = "{\"format\":\"grantscope-truth\",\n\"calls\": []\n}\n";
        assert_eq!(undo(whole, &[]), (Undone::Nothing, whole.to_owned()));
        let short = &whole[..whole.len() - 4];
        let (undone, left) = undo(short, &[]);
        assert!(matches!(undone, Undone::Done(text) if text.contains("cut short: emptied")) && left.is_empty());
        assert_eq!(undo(short, &[Left::TruthFile(noted.clone())]).0, Undone::Nothing, "somebody else writes it now");
        assert!(matches!(undo("", &[]).0, Undone::LeftAlone(text) if text.contains("empty")));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(noted.undo(&[]), Undone::Nothing);
        assert_eq!(TruthFile::opened(Path::new("/dev/null"), &File::create("/dev/null").unwrap()), None);
    }
}
