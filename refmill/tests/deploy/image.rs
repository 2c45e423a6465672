//! The image is built in two stages from what the scripts build with, and runs as nobody in particular.

use std::collections::BTreeSet;

use crate::source::read;

/// What the image builds with besides: the system's zlib in place of an own copy, and what finds it.
const ONLY_IN_THE_IMAGE: [&str; 2] = ["pkg-config", "zlib1g-dev"];
const RUNS_WITH: [&str; 2] = ["ca-certificates", "zlib1g"];

/// `INSTRUCTION rest`, without comments, each on one line.
struct Stage(Vec<(String, String)>);

impl Stage {
    fn all(dockerfile: &str) -> Vec<Stage> {
        let lines = dockerfile.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        let mut stages = Vec::<Stage>::new();
        for line in lines.replace("\\\n", " ").lines().filter(|line| !line.trim().is_empty()) {
            let (name, rest) = line.split_once(' ').expect("an instruction and what it is about");
            if name == "FROM" {
                stages.push(Stage(Vec::new()));
            }
            stages.last_mut().expect("it begins with FROM").0.push((name.to_owned(), rest.trim().to_owned()));
        }
        stages
    }

    fn rests(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, rest)| rest.as_str())
    }

    fn packages(&self) -> BTreeSet<&str> {
        let commands = self.rests("RUN").flat_map(|run| run.split("&&"));
        let installed = commands.filter_map(|command| command.trim().strip_prefix("apt-get install "));
        installed.flat_map(str::split_whitespace).filter(|word| !word.starts_with('-')).collect()
    }
}

/// What the scripts install where it is missing, to build.
fn build_packages(script: &str) -> BTreeSet<&str> {
    let listed = |line: &'static str| {
        let lists = script.lines().filter_map(move |of| of.trim().strip_prefix(line)?.strip_suffix(')'));
        lists.flat_map(str::split_whitespace)
    };
    let of_commands = listed("BUILD_COMMANDS=(").filter_map(|pair| pair.split_once('=')).map(|(_, package)| package);
    of_commands.chain(listed("missing+=(").filter(|package| !package.contains('$'))).collect()
}

/// What is wrong with a Dockerfile.
fn wrong(dockerfile: &str, script: &str, manifest: &str) -> Vec<String> {
    let stages = Stage::all(dockerfile);
    let [build, run] = stages.as_slice() else {
        return vec![format!("{} stages", stages.len())];
    };
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let wanted: BTreeSet<&str> = build_packages(script).into_iter().chain(ONLY_IN_THE_IMAGE).collect();
    expect(build.packages() == wanted, format!("it builds with {:?} in place of {wanted:?}", build.packages()));
    let wanted = BTreeSet::from(RUNS_WITH);
    expect(run.packages() == wanted, format!("it runs with {:?} in place of {wanted:?}", run.packages()));
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    let image = format!("rust:{}", rust.trim_matches('"'));
    let from = build.rests("FROM").next().unwrap_or_default();
    expect(from.strip_prefix(&image).is_some_and(|rest| rest.starts_with('-')), format!("{from} is not {image}"));
    let copied: Vec<&str> = run.rests("COPY").chain(run.rests("ADD")).collect();
    let binary = "--from=build /usr/local/bin/refmill /usr/local/bin/refmill";
    expect(copied == [binary], format!("{copied:?} is copied into what runs"));
    let last_run = run.0.iter().rposition(|(name, _)| name == "RUN");
    let user = run.0.iter().rposition(|(name, _)| name == "USER");
    let name = user.map_or("nobody", |at| run.0[at].1.as_str());
    let made = run.rests("RUN").any(|command| command.contains("useradd") && command.contains(&format!(" {name} ")));
    expect(user > last_run && made, format!("it runs as {name}"));
    wrong
}

#[test]
fn the_image_is_built_with_what_the_scripts_install_and_runs_as_a_user_of_its_own() {
    let found = wrong(&read("Dockerfile"), &read("scripts/debian.sh"), &read("Cargo.toml"));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_wrong_image_is_caught() {
    let (dockerfile, script, manifest) = (read("Dockerfile"), read("scripts/debian.sh"), read("Cargo.toml"));
    for (from, to, why) in [
        ("FROM debian:bookworm-slim\n", "", "1 stages"),
        ("libc6-dev make perl", "libc6-dev make", "it builds with"),
        ("ca-certificates zlib1g", "ca-certificates gcc zlib1g", "it runs with"),
        ("rust:1.95", "rust:1.9", "is not rust:"),
        ("COPY --from=build /usr", "COPY . .\nCOPY --from=build /usr", "is copied"),
        ("USER refmill\n", "", "runs as nobody"),
        ("USER refmill\n", "USER root\n", "runs as root"),
        ("USER refmill\n", "USER refmill\nUSER 0\n", "runs as 0"),
        ("USER refmill\n", "USER refmill\nRUN id\n", "runs as refmill"),
    ] {
        assert!(dockerfile.contains(from), "{from}");
        let found = wrong(&dockerfile.replace(from, to), &script, &manifest);
        assert!(found.len() == 1 && found[0].contains(why), "{to:?}: {found:?}");
    }
    let script = script.replace("make=make", "make=make cmake=cmake");
    assert_eq!(wrong(&dockerfile, &script, &manifest).len(), 1, "what the scripts have come to need");
}
