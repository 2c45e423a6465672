use std::{fs, io, path::PathBuf};

use crate::secret::random;

/// A folder in which each mail is one `.eml` file, for development: nothing leaves the machine.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// The folder is made where there is none.
    pub fn open(folder: PathBuf) -> io::Result<Outbox> {
        fs::create_dir_all(&folder)?;
        Ok(Outbox { folder })
    }

    /// A file has its name only once it is whole.
    pub(super) async fn put(&self, mail: &[u8]) -> io::Result<()> {
        let name = format!("{:032x}", u128::from_be_bytes(random().map_err(io::Error::other)?));
        let unfinished = self.folder.join(format!(".{name}.part"));
        tokio::fs::write(&unfinished, mail).await?;
        tokio::fs::rename(&unfinished, self.folder.join(format!("{name}.eml"))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn mails_are_files_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("outbox")).unwrap();
        outbox.put(b"one").await.unwrap();
        outbox.put(b"two").await.unwrap();
        let files: Vec<PathBuf> = fs::read_dir(&outbox.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(
            files.len() == 2 && files.iter().all(|file| file.extension().is_some_and(|end| end == "eml")),
            "{files:?}"
        );
    }
}
