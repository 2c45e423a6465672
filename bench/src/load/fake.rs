//! A server for tests: it answers as it is told, and remembers what it was asked.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    time::sleep,
};

use crate::aim::Aim;

/// What one request is answered with.
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) after: Duration,
    /// Sent in so many pieces.
    pub(crate) pieces: usize,
    pub(crate) then_close: bool,
}

pub(crate) struct Asked<'a> {
    /// How many came before it.
    pub(crate) number: u64,
    pub(crate) head: &'a str,
    pub(crate) body: &'a str,
}

pub(crate) struct Fake {
    pub(crate) aim: Aim,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    asked: Mutex<Vec<Vec<u8>>>,
    requests: AtomicU64,
    connections: AtomicU64,
}

impl Reply {
    pub(crate) fn with(status: &str, body: &str) -> Reply {
        let bytes = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes();
        Reply { bytes, after: Duration::ZERO, pieces: 1, then_close: false }
    }

    pub(crate) fn no_content() -> Reply {
        Reply::with("204 No Content", "")
    }
}

impl Fake {
    /// On a thread of its own, so that whoever asks and whoever answers do not wait for one another.
    pub(crate) async fn start(answer: impl Fn(&Asked<'_>) -> Reply + Send + Sync + 'static) -> Fake {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        listener.set_nonblocking(true).expect("a new socket can be set");
        let state = Arc::new(State::default());
        let (seen, answer) = (Arc::clone(&state), Arc::new(answer));
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    seen.connections.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&seen)));
                }
            });
        });
        let aim = Aim::find(&format!("http://{address}"), false).await.expect("this machine");
        Fake { aim, state }
    }

    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// All requests so far, sorted, as those of several connections have no order.
    pub(crate) fn asked(&self) -> Vec<Vec<u8>> {
        let mut asked = self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        asked.sort();
        asked
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<impl Fn(&Asked<'_>) -> Reply>, state: Arc<State>) {
    stream.set_nodelay(true).expect("a new socket can be set");
    let (mut came, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let Some(length) = length(&came) else {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => came.extend_from_slice(&buffer[..count]),
                _ => return,
            }
            continue;
        };
        let request: Vec<u8> = came.drain(..length).collect();
        let text = String::from_utf8_lossy(&request).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
        let number = state.requests.fetch_add(1, Ordering::Relaxed);
        let reply = answer(&Asked { number, head, body });
        state.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        if !reply.after.is_zero() {
            sleep(reply.after).await;
        }
        for piece in reply.bytes.chunks(reply.bytes.len().div_ceil(reply.pieces).max(1)) {
            if stream.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if reply.then_close {
            return;
        }
    }
}

/// Of the request that these bytes begin with, if all of it is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse::<usize>().expect("a length is a number"));
    (bytes.len() >= head + body).then_some(head + body)
}
