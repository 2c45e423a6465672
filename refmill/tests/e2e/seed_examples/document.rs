//! Reads the copy of the documentation's examples.

use serde_json::Value;

const DOCUMENT: &str = include_str!("../data/refuel.txt");
const METHODS: [&str; 4] = ["GET/", "POST/", "PUT/", "PATCH/"];

pub(super) struct Endpoint {
    /// As it is printed: `POST/track/click`.
    pub(super) name: String,
    pub(super) response: Value,
    pub(super) example: String,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let is_heading = |line: &str| METHODS.iter().any(|method| line.starts_with(method));
    let mut blocks: Vec<(String, Vec<&str>)> = Vec::new();
    for line in DOCUMENT.lines() {
        if is_heading(line) {
            blocks.push((line.to_owned(), Vec::new()));
        } else if let Some((_, lines)) = blocks.last_mut() {
            lines.push(line);
        }
    }
    blocks.into_iter().map(|(name, lines)| endpoint(name, &lines.join("\n"))).collect()
}

fn endpoint(name: String, text: &str) -> Endpoint {
    let (response, example) = text.split_once("\nExample\n").expect("a response and an example");
    let response = response.trim().strip_prefix("Response").expect("a response");
    // What the documentation leaves out of a list is of no shape.
    let response = response.replace("[...]", "[]");
    let response = serde_json::from_str(&response).unwrap_or_else(|error| panic!("{name}: {error}"));
    Endpoint { name, response, example: example.trim().to_owned() }
}
