use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the specification's own schema finds wrong with a compose file, or what is in it.
pub(crate) fn compose(file: &Path) -> Result<Value, String> {
    let output = Command::new(root().join("scripts/compose")).arg(file).output().expect("scripts/compose runs");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The code of every Rust file of the product, without comments and tests.
pub(crate) fn product() -> String {
    let mut folders: Vec<PathBuf> =
        ["api", "ingest", "processor", "refmill", "stores"].map(|of| root().join(of).join("src")).into();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder").flatten() {
            let path = entry.path();
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text.push_str(&code(&std::fs::read_to_string(&path).expect("a readable file")));
            }
        }
    }
    text
}

/// As rustfmt leaves it, an item ends with the first line that is indented as its beginning and closes it.
pub(crate) fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start() == "#[cfg(test)]" {
            let is_end = |line: &&str| {
                let at = line.len() - line.trim_start().len();
                at == indent && !line.trim_start().starts_with('#') && line.ends_with(['}', ';'])
            };
            lines.by_ref().find(is_end);
        } else if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}
