use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::*;

const WAIT: Duration = Duration::from_secs(20);
const PLAIN: &str = "POST /track/click HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n{}";

/// A control on a thread of its own, which ends with this.
struct Server {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(control: Control) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let ending = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ending);
        let thread = std::thread::spawn(move || match control {
            Control::Hyper => serve_with_hyper(listener, &told, None),
            Control::Append => {
                let folder = tempfile::tempdir().expect("a folder");
                let (end, writer) = append::End::of(&folder.path().join("bodies")).expect("a file");
                serve_with_hyper(listener, &told, Some(end));
                writer.join().expect("it ends").expect("all is written");
            }
            Control::Epoll => {
                let mut server = epoll::Server::new(listener).expect("epoll is there");
                while !told.load(Ordering::Relaxed) {
                    server.turn(Some(Duration::from_millis(10))).expect("it goes on");
                }
            }
        });
        Server { address, ending, thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(WAIT)).expect("a socket");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join).transpose().expect("it ends well");
    }
}

fn serve_with_hyper(listener: TcpListener, told: &AtomicBool, end: Option<append::End>) {
    let runtime = Builder::new_multi_thread().enable_all().build().expect("threads");
    listener.set_nonblocking(true).expect("a socket");
    let told = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        while !told.load(Ordering::Relaxed) {
            look.tick().await;
        }
    };
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        tokio::select! { () = told => {}, ended = hyper::serve(listener, end) => ended.expect("it goes on") }
    });
}

/// The heads of so many answers without bodies.
fn answers(stream: &mut TcpStream, count: usize) -> Vec<String> {
    let mut got = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let text = String::from_utf8(got.clone()).expect("text");
        let heads: Vec<String> = text.split_inclusive("\r\n\r\n").map(str::to_owned).collect();
        if heads.len() >= count && heads.iter().all(|head| head.ends_with("\r\n\r\n")) {
            return heads;
        }
        let read = stream.read(&mut buffer).expect("an answer in time");
        assert!(read > 0, "closed after {text:?}");
        got.extend_from_slice(&buffer[..read]);
    }
}

fn is_kept(head: &str) -> bool {
    head.starts_with("HTTP/1.1 204 ")
}

fn check(server: &Server, pieces: &[&str], expected: usize, closes: bool) {
    let (mut stream, mut other) = (server.connect(), server.connect());
    for piece in pieces {
        stream.write_all(piece.as_bytes()).expect("it is taken");
        // Once another connection has its answer, what was sent before has been seen.
        other.write_all(PLAIN.as_bytes()).expect("it is taken");
        assert!(answers(&mut other, 1).iter().all(|head| is_kept(head)));
    }
    let heads = answers(&mut stream, expected);
    assert!(heads.len() == expected && heads.iter().all(|head| is_kept(head)), "{pieces:?}: {heads:?}");
    if closes {
        assert_eq!(stream.read(&mut [0; 16]).expect("it closes"), 0, "{pieces:?}");
    } else {
        stream.write_all(PLAIN.as_bytes()).expect("it is kept");
        assert!(is_kept(&answers(&mut stream, 1)[0]), "{pieces:?}");
    }
}

#[test]
fn every_way_that_a_request_comes_in_is_answered() {
    let long = format!("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 200000\r\n\r\n{}", "x".repeat(200_000));
    let many = PLAIN.repeat(1_000);
    for control in [Control::Hyper, Control::Append, Control::Epoll] {
        let server = Server::start(control);
        check(&server, &[PLAIN], 1, false);
        check(&server, &["GET / HTTP/1.1\r\nhost: here\r\n\r\n"], 1, false);
        check(&server, &[&PLAIN.repeat(3)], 3, false);
        check(&server, &[&many], 1_000, false);
        check(&server, &[&PLAIN[..10], &PLAIN[10..40], &PLAIN[40..]], 1, false);
        check(&server, &[&PLAIN[..PLAIN.len() - 2], "{}"], 1, false);
        check(&server, &[&PLAIN[..PLAIN.len() - 1], &format!("}}{PLAIN}{}", &PLAIN[..20]), &PLAIN[20..]], 3, false);
        check(&server, &[&long], 1, false);
        check(&server, &["POST / HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"], 1, true);
        check(&server, &[&format!("{PLAIN}GET / HTTP/1.1\r\nhost: here\r\nConnection: close\r\n\r\n")], 2, true);
    }
}

#[test]
fn what_is_not_http_is_refused_and_closed() {
    for control in [Control::Hyper, Control::Append, Control::Epoll] {
        let server = Server::start(control);
        let mut stream = server.connect();
        stream.write_all(b"nothing like it\r\n\r\n").expect("it is taken");
        let mut all = String::new();
        stream.read_to_string(&mut all).expect("it closes");
        assert!(all.is_empty() || all.starts_with("HTTP/1.1 400 "), "{control:?}: {all:?}");
    }
}

#[tokio::test]
async fn what_is_kept_is_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bodies");
    let (end, writer) = append::End::of(&path).expect("a file");
    assert!(end.keep("{}".into()).await && end.keep("".into()).await);
    assert_eq!(std::fs::read(&path).expect("it is there"), b"\0\0\0\x02{}\0\0\0\0");
    drop(end);
    writer.join().expect("it ends").expect("all is written");
    assert!(append::End::of(&path).is_err(), "a file that is there is somebody's");
}
