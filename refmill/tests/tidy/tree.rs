use std::path::{Path, PathBuf};
use std::process::Command;

/// Text files of the project with their paths from its root, `/` between folders.
pub(crate) fn files() -> Vec<(String, String)> {
    let root = root();
    let paths = tracked(&root).unwrap_or_else(|| walked(&root));
    paths.into_iter().filter_map(|path| Some((path.clone(), std::fs::read_to_string(root.join(path)).ok()?))).collect()
}

pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the workspace").to_owned()
}

/// What git holds or would take, in a checkout; nothing outside one.
fn tracked(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8(listed.stdout).ok()?;
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

fn walked(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !["target", ".git", "node_modules", "refmill-data"].iter().any(|skipped| name == *skipped) {
                    folders.push(path);
                }
            } else if let Some(path) = path.strip_prefix(root).ok().and_then(Path::to_str) {
                found.push(path.replace('\\', "/"));
            }
        }
    }
    found
}

#[test]
fn both_ways_find_this_file() {
    let this = "refmill/tests/tidy/tree.rs".to_owned();
    assert!(walked(&root()).contains(&this));
    assert!(tracked(&root()).is_none_or(|paths| paths.contains(&this)));
}
