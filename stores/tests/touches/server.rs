//! What becomes of a Redis that is wrong, away, flushed, restarted or rolled back.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use stores::{
    OpenError,
    touches::{Loaded, SaveError, Touches},
};
use tempfile::TempDir;

use crate::{
    home::{DEPLOYMENT, Home, OwnRedis, Variant, servers},
    samples::{loaded, many},
};

/// An answer or an error has come by then, whatever state the server is in.
const BOUND: Duration = Duration::from_secs(12);

/// An answer is waited for for 10 s: a pause that begins a moment before the question is longer than that.
const PAUSE_MS: &str = "14000";

async fn refused(url: &str) -> String {
    let started = Instant::now();
    let Err(error) = Touches::connect(&servers(url, "test"), DEPLOYMENT).await else { panic!("{url} was taken") };
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    let text = error.to_string();
    let kind = match error {
        OpenError::Unreachable { .. } => "unreachable",
        OpenError::Untrusted { .. } => "untrusted",
        OpenError::Unauthorized { .. } => "unauthorized",
        OpenError::Unfit { .. } => "unfit",
        OpenError::BadUrl { .. } => "bad url",
        _ => "other",
    };
    println!("{text}");
    format!("{kind}: {text}")
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_refused_in_words() {
    let own = OwnRedis::start();
    let host = own.url.trim_start_matches("redis://").trim_end_matches("/0").to_owned();
    let mut said = vec![
        (refused("redis://u:sesame@127.0.0.1:1/0").await, "unreachable", "--redis"),
        (refused("redis://u:sesame@nowhere.invalid/0").await, "unreachable", "--redis"),
        (refused("http://u:sesame@127.0.0.1/0").await, "bad url", "redis://"),
        (refused("redis://u:sesame@127.0.0.1/what").await, "bad url", "--redis"),
        (refused(&format!("redis://{host}/100000")).await, "unfit", "--redis"),
        (refused(&format!("rediss://u:sesame@{host}/0")).await, "unreachable", "--redis"),
        (refused(&format!("rediss://{host}/0?ca=/nowhere")).await, "bad url", "/nowhere"),
    ];
    own.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    said.push((refused(&own.url).await, "unfit", "noeviction"));
    own.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    own.command(&["CONFIG", "SET", "requirepass", "open-sesame"]);
    said.push((refused(&own.url).await, "unauthorized", "--redis"));
    said.push((refused(&format!("redis://:sesame@{host}/0")).await, "unauthorized", "--redis"));
    said.push((refused(&format!("redis://u:sesame@{host}/0")).await, "unauthorized", "--redis"));
    for (text, kind, says) in said {
        assert!(text.starts_with(kind) && text.contains(says) && !text.contains("sesame"), "{kind}: {text}");
    }
    let right = servers(&format!("redis://:open-sesame@{host}/0"), "test");
    Touches::connect(&right, DEPLOYMENT).await.unwrap().close().await;
}

/// Saves until `next` is 30, with a memory to compare with.
async fn saved_thrice(home: &Home) -> (Touches, [stores::touches::TouchDelta; 3]) {
    let store = home.open().await;
    let deltas = [many(100, 100, 1), many(2_500, 50, 2), many(50, 50, 3)];
    for (n, delta) in deltas.iter().enumerate() {
        store.save(0, 4, n as u64 * 10, n as u64 * 10 + 10, delta.clone()).await.unwrap();
    }
    (store, deltas)
}

/// What the owner is told once Redis has less than it saved, and that its whole memory mends it.
async fn check_mended(store: &Touches, deltas: &[stores::touches::TouchDelta; 3], epoch: u64, next: u64) {
    let told = store.save(0, 4, 30, 40, many(1, 1, 4)).await;
    assert!(
        matches!(&told, Err(SaveError::Moved { epoch: e, next: n }) if (*e, *n) == (epoch, next)),
        "{told:?} is not {next} of {epoch}"
    );
    let all = loaded(30, &[&deltas[0], &deltas[1], &deltas[2]]);
    store.save_all(0, 4, 30, &all.touches).await.unwrap();
    assert_eq!(store.load(0).await.unwrap(), all);
    store.save(0, 4, 30, 40, many(1, 1, 4)).await.unwrap();
}

#[tokio::test]
async fn flushed_it_has_nothing_and_is_told_everything_again() {
    let own = OwnRedis::start();
    let home = Home::at(Variant::Distributed, &own.url);
    let (store, deltas) = saved_thrice(&home).await;
    own.command(&["FLUSHALL"]);
    assert_eq!(store.load(0).await.unwrap(), Loaded::default());
    check_mended(&store, &deltas, 0, 0).await;
}

#[tokio::test]
async fn restarted_without_its_data_it_has_nothing() {
    let own = OwnRedis::start();
    let home = Home::at(Variant::Distributed, &own.url);
    let (store, deltas) = saved_thrice(&home).await;
    own.service("kill");
    let started = Instant::now();
    assert!(store.load(0).await.is_err() && store.save(0, 4, 30, 40, many(1, 1, 4)).await.is_err());
    assert!(started.elapsed() < 2 * BOUND);
    fs::remove_dir_all(data(&own)).unwrap();
    own.service("start");
    assert_eq!(back(&store).await, Loaded::default());
    check_mended(&store, &deltas, 0, 0).await;
}

#[tokio::test]
async fn rolled_back_it_says_where_it_is() {
    let own = OwnRedis::start();
    let home = Home::at(Variant::Distributed, &own.url);
    let (store, deltas) = saved_thrice(&home).await;
    own.service("stop");
    let copy = TempDir::new().unwrap();
    copy_files(&data(&own), copy.path());
    own.service("start");
    let before = loaded(30, &[&deltas[0], &deltas[1], &deltas[2]]);
    assert_eq!(back(&store).await, before, "what was saved outlives a restart");
    let later = many(10, 10, 9);
    store.save(0, 4, 30, 40, later.clone()).await.unwrap();
    own.service("kill");
    fs::remove_dir_all(data(&own)).unwrap();
    copy_files(copy.path(), &data(&own));
    own.service("start");
    assert_eq!(back(&store).await, before);
    let told = store.save(0, 4, 40, 50, many(1, 1, 4)).await;
    assert!(matches!(told, Err(SaveError::Moved { epoch: 4, next: 30 })), "{told:?}");
    let all = loaded(40, &[&deltas[0], &deltas[1], &deltas[2], &later]);
    store.save_all(0, 4, 40, &all.touches).await.unwrap();
    assert_eq!(store.load(0).await.unwrap(), all);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_an_error_and_what_it_was_for_may_be_done_later() {
    let own = OwnRedis::start();
    let home = Home::at(Variant::Distributed, &own.url);
    let (store, _) = saved_thrice(&home).await;
    own.command(&["CLIENT", "PAUSE", PAUSE_MS, "ALL"]);
    let started = Instant::now();
    let told = store.save(0, 4, 30, 40, many(9, 9, 4)).await;
    assert!(matches!(told, Err(SaveError::Store(_))) && started.elapsed() < BOUND, "{told:?}");
    assert_eq!(back(&store).await.next, 40);
    // All that has changed since 30, which is more than has since 40, does no harm.
    let told = store.save(0, 4, 30, 50, many(10, 10, 5)).await;
    assert!(matches!(told, Err(SaveError::Moved { epoch: 4, next: 40 })), "{told:?}");
    store.save(0, 4, 40, 50, many(10, 10, 5)).await.unwrap();
}

/// The first load that succeeds, once the connection is back.
async fn back(store: &Touches) -> Loaded {
    let started = Instant::now();
    loop {
        match store.load(0).await {
            Ok(loaded) => return loaded,
            Err(error) => assert!(started.elapsed() < BOUND, "{error}"),
        }
    }
}

fn data(own: &OwnRedis) -> std::path::PathBuf {
    own.folder.path().join("services/redis/appendonlydir")
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// A server with a certificate that only its own authority vouches for.
#[tokio::test]
async fn tls_trusts_whom_the_url_names() {
    let own = OwnRedis::start();
    let folder = own.folder.path();
    let file = |name: &str| folder.join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &file("key.pem"), "-out", &file("certificate.pem")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let set = [
        ["tls-cert-file", &file("certificate.pem")],
        ["tls-key-file", &file("key.pem")],
        ["tls-ca-cert-file", &file("certificate.pem")],
        ["tls-auth-clients", "no"],
        ["tls-port", &port],
    ];
    let words: Vec<&str> = ["CONFIG", "SET"].into_iter().chain(set.iter().flatten().copied()).collect();
    own.command(&words);
    let url = format!("rediss://127.0.0.1:{port}/0");
    let text = refused(&url).await;
    assert!(text.starts_with("untrusted") && text.contains("ca=FILE in --redis"), "{text}");
    let trusted = servers(&format!("{url}?ca={}", file("certificate.pem")), "test");
    let store = Touches::connect(&trusted, DEPLOYMENT).await.unwrap();
    store.save(0, 1, 0, 10, many(3_000, 30, 1)).await.unwrap();
    assert_eq!(store.load(0).await.unwrap(), loaded(10, &[&many(3_000, 30, 1)]));
}
