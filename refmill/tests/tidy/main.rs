//! The house rules, read from the tree and from cargo. Each has a broken control beside it that it must catch.

mod crates;
mod text;
mod tree;

#[test]
fn the_tree_keeps_the_rules() {
    let files = tree::files();
    assert!(files.len() > 20, "the tree was not found: {} files", files.len());
    let broken: Vec<String> = files.iter().flat_map(|(path, text)| text::broken(path, text)).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn the_crates_keep_the_rules() {
    let broken: Vec<String> = crates::of_the_workspace().iter().flat_map(crates::broken).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
