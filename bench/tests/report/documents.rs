use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Runs, one of them discarded and one whose audit does not hold, and growth.
pub(crate) fn single() -> Value {
    parsed(include_str!("../data/single.json"))
}

/// A comparison and a sweep, each with a discarded run.
pub(crate) fn compared() -> Value {
    parsed(include_str!("../data/compared.json"))
}

pub(crate) struct Made {
    pub(crate) html: String,
    pub(crate) json: Value,
    pub(crate) table: String,
}

/// All that is made of these documents.
pub(crate) fn made(documents: &[&Value]) -> Made {
    let folder = TempDir::new().expect("a folder can be made");
    let [html, json] = ["out.html", "out.json"].map(|name| folder.path().join(name));
    let to = [html.as_os_str().to_owned(), json.as_os_str().to_owned()];
    let output =
        report(&folder, documents, &["--html".as_ref(), &to[0], "--json".as_ref(), &to[1], "--table".as_ref()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Made {
        html: fs::read_to_string(html).expect("a page was written"),
        json: parsed(&fs::read_to_string(json).expect("a document was written")),
        table: String::from_utf8(output.stdout).expect("tables are text"),
    }
}

/// What is said where nothing can be made.
pub(crate) fn refused(documents: &[&Value], arguments: &[&str]) -> String {
    let folder = TempDir::new().expect("a folder can be made");
    let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
    let output = report(&folder, documents, &arguments);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(folder: &TempDir, documents: &[&Value], arguments: &[&std::ffi::OsStr]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.arg("report");
    for (document, n) in documents.iter().zip(1..) {
        let path = folder.path().join(format!("in-{n}.json"));
        fs::write(&path, document.to_string()).expect("a document can be written");
        command.arg(path);
    }
    command.args(arguments).output().expect("it can be started")
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// Every run of a document, wherever it stands.
pub(crate) fn each_run(document: &mut Value, mut change: impl FnMut(&mut Value)) {
    each(document, &mut |value| {
        if value.get("generator").is_some() {
            change(value);
        }
    });
}

/// Every value in a document, the outer before the inner.
pub(crate) fn each(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    change(value);
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| each(value, change)),
        Value::Object(values) => values.values_mut().for_each(|value| each(value, change)),
        _ => {}
    }
}

/// Other figures in all that came of a run; what was sent stays, and what a share is of.
pub(crate) fn other_figures(run: &mut Value) {
    for part in ["answers", "generator", "costs", "stages", "audit"] {
        if let Some(part) = run.get_mut(part) {
            each(part, &mut |value| {
                if let Some(n) = value.as_u64() {
                    *value = (n / 3 + 7).into();
                }
            });
        }
    }
}
