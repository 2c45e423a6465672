//! A save whose connection is cut at any byte is either seen whole or not at all.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use stores::touches::{Loaded, TouchDelta, Touches};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    home::{Home, Variant},
    samples::{link, loaded, many},
};

const CUTS: i64 = 24;

/// In how many bytes a big save is committed and folded, about.
const LAST_CALLS: i64 = 1_800;

/// A way to Redis that ends after so many bytes.
struct Cuttable {
    url: String,
    left: Arc<AtomicI64>,
    task: JoinHandle<()>,
}

impl Cuttable {
    async fn start(to: &str) -> Cuttable {
        let address = to.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/0", listener.local_addr().unwrap());
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let counted = Arc::clone(&left);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if counted.load(Ordering::Relaxed) > 0 {
                    tokio::spawn(forward(client, address.clone(), Arc::clone(&counted)));
                }
            }
        });
        Cuttable { url, left, task }
    }
}

impl Drop for Cuttable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut client: TcpStream, address: String, left: Arc<AtomicI64>) {
    let mut server = TcpStream::connect(address).await.unwrap();
    let (mut asked, mut answered) = (vec![0; 4_096], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                let before = left.fetch_sub(count as i64, Ordering::Relaxed);
                let sent = count.min(before.max(0) as usize);
                if server.write_all(&asked[..sent]).await.is_err() || sent < count {
                    // What has been sent is taken in before the end is noticed.
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Either as it is, or one that moves the offset before it has brought everything.
#[derive(Clone, Copy, PartialEq)]
enum Saver {
    Real,
    InHalves,
}

async fn save(saver: Saver, store: &Touches, delta: &TouchDelta) -> bool {
    match saver {
        Saver::Real => store.save(0, 1, 10, 20, delta.clone()).await.is_ok(),
        Saver::InHalves => {
            let mut first = delta.clone();
            let second = TouchDelta { links: first.links.split_off(first.links.len() / 2), ..TouchDelta::default() };
            store.save(0, 1, 10, 20, first).await.is_ok() && store.save(0, 1, 20, 20, second).await.is_ok()
        }
    }
}

/// Cuts a save at many places; answers how often nothing and how often everything was seen.
async fn check_atomic(saver: Saver) -> Result<(usize, usize), String> {
    let mut seen = (0, 0);
    let small = link(3, Default::default());
    let big = many(4_500, 12_000, 1);
    let (before, after) = (loaded(10, &[&small]), loaded(20, &[&small, &big]));
    let mut whole = None;
    for cut in 0..=CUTS {
        let home = Home::new(Variant::Distributed);
        let direct = home.open().await;
        direct.save(0, 1, 0, 10, small.clone()).await.unwrap();
        let way = Cuttable::start(&home.servers.redis).await;
        let store = home.open_by(&way.url).await;
        match whole {
            // The first goes through whole and says how much that is.
            None => {
                way.left.store(i64::MAX, Ordering::Relaxed);
                assert!(save(saver, &store, &big).await);
                whole = Some(i64::MAX - way.left.load(Ordering::Relaxed));
            }
            Some(whole) => {
                // Half of the cuts fall into the last calls, where the offset moves and parts are folded.
                let place = if cut % 2 == 0 { whole * cut / CUTS } else { whole - LAST_CALLS * cut / CUTS - 1 };
                way.left.store(place, Ordering::Relaxed);
                save(saver, &store, &big).await;
            }
        }
        match settled(&direct).await {
            state if state == before => seen.0 += 1,
            state if state == after => seen.1 += 1,
            state => return Err(format!("cut {cut}: {} links at {}", state.touches.links.len(), state.next)),
        }
        // Whoever comes next goes on from there, whatever the cut left behind.
        let next = direct.load(0).await.unwrap().next;
        direct.save(0, 2, next, 30, big.clone()).await.unwrap();
        assert_eq!(direct.load(0).await.unwrap(), loaded(30, &[&small, &big]));
    }
    Ok(seen)
}

const BETWEEN_LOADS: std::time::Duration = std::time::Duration::from_millis(50);

/// What Redis got before the cut may still be on its way through it: loads until two say the same.
async fn settled(store: &Touches) -> Loaded {
    let mut last = store.load(0).await.unwrap();
    for _ in 0..20 {
        tokio::time::sleep(BETWEEN_LOADS).await;
        let now = store.load(0).await.unwrap();
        if now == last {
            return now;
        }
        last = now;
    }
    panic!("it goes on changing")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_cut_at_any_byte_is_whole_or_not_there() {
    let (nothing, everything) = check_atomic(Saver::Real).await.unwrap();
    println!("cut saves seen as nothing: {nothing}, as everything: {everything}");
    assert!(nothing >= 5 && everything >= 3, "the cuts fall on both sides of the commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_a_save_in_halves_is_caught() {
    check_atomic(Saver::InHalves).await.unwrap_err();
}
