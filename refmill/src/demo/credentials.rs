//! `demo.toml` in the data folder: what the first start made for the demo, and where the server is.

use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

const FILE: &str = "demo.toml";
const OWNER_ONLY: u32 = 0o600;

/// The demo company's keys and links. Not `Debug`: it holds secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DemoCredentials {
    pub(crate) base_url: String,
    pub(crate) company_id: String,
    pub(crate) company_email: String,
    pub(crate) secret_key: String,
    pub(crate) publishable_key: String,
    pub(crate) affiliates: Vec<DemoAffiliate>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DemoAffiliate {
    pub(crate) email: String,
    pub(crate) id: String,
    pub(crate) codes: Vec<String>,
}

impl DemoCredentials {
    /// The codes of all links, in the file's order.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.affiliates.iter().flat_map(|affiliate| affiliate.codes.iter().cloned()).collect()
    }
}

/// Puts the file in place as a whole, readable by its owner alone.
pub(crate) fn write(data_dir: &Path, credentials: &DemoCredentials) -> anyhow::Result<()> {
    let path = path(data_dir);
    let fresh = path.with_extension("toml.new");
    let text = toml::to_string(credentials).context("the demo's keys cannot be TOML")?;
    save(&fresh, &text)
        .and_then(|()| std::fs::rename(&fresh, &path))
        .with_context(|| format!("{} could not be written", path.display()))
}

/// `None` where the folder has no demo.
pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Option<DemoCredentials>> {
    let path = path(data_dir);
    let shown = path.display();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{shown} could not be read")),
    };
    // The whole error would quote the line, and with it a key.
    let read: Result<_, toml::de::Error> = toml::from_str(&text);
    read.map(Some).map_err(|error| anyhow::anyhow!("{shown} is not what `refmill up` writes: {}", error.message()))
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

fn save(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::options().create(true).write(true).truncate(true).mode(OWNER_ONLY).open(path)?;
    // One that was there already kept the mode it had.
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> DemoCredentials {
        let affiliate = |name: &str, codes: &[&str]| DemoAffiliate {
            email: format!("{name}@example.com"),
            id: format!("aff_{name}"),
            codes: codes.iter().map(ToString::to_string).collect(),
        };
        DemoCredentials {
            base_url: "http://127.0.0.1:8080".to_owned(),
            company_id: "cmp_0000000000001".to_owned(),
            company_email: "demo@example.com".to_owned(),
            secret_key: "sk_live_secret".to_owned(),
            publishable_key: "pk_live_public".to_owned(),
            affiliates: vec![affiliate("ann", &["ann", "ann-blog"]), affiliate("bob", &["bob"])],
        }
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_read_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none(), "nothing there yet");
        let file = folder.path().join(FILE);
        for stale in [file.clone(), file.with_extension("toml.new")] {
            std::fs::write(&stale, "open to all").unwrap();
            std::fs::set_permissions(&stale, Permissions::from_mode(0o644)).unwrap();
        }
        write(folder.path(), &credentials()).unwrap();
        assert!(read(folder.path()).unwrap() == Some(credentials()));
        assert_eq!(mode(&file), 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        assert_eq!(credentials().codes(), ["ann", "ann-blog", "bob"]);
    }

    #[test]
    fn a_broken_file_is_named_and_its_keys_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        for text in ["secret_key = \"sk_live_secret", "secret_key = [\"sk_live_secret\"]", ""] {
            std::fs::write(&file, text).unwrap();
            let said = format!("{:#}", read(folder.path()).err().expect("it is refused"));
            assert!(said.contains("demo.toml is not what"), "{said}");
            assert!(!said.contains("sk_live"), "{said}");
        }
    }
}
