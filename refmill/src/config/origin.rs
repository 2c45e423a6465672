use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Env,
    File(PathBuf),
    Default,
}

impl Origin {
    pub(crate) fn describe(&self, key: &str) -> String {
        match self {
            Self::Flag => format!("flag --{key}"),
            Self::Env => format!("env REFMILL_{}", key.replace('-', "_").to_uppercase()),
            Self::File(file) => format!("file {}", file.display()),
            Self::Default => "default".to_owned(),
        }
    }
}

/// Who said which setting; the last one to say it counts.
#[derive(Default)]
pub(crate) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    pub(crate) fn say(&mut self, keys: impl IntoIterator<Item = String>, origin: &Origin) {
        self.0.extend(keys.into_iter().map(|key| (key, origin.clone())));
    }

    pub(crate) fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or(Origin::Default)
    }

    pub(crate) fn explain(&self, error: &figment::Error) -> anyhow::Error {
        let key = error.path.join(".");
        anyhow::anyhow!("--{key}: {} ({})", error.kind, self.of(&key).describe(&key))
    }
}
