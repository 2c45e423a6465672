//! A way to a server that can go silent: whoever comes is let in and never answered.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

const CHUNK_BYTES: usize = 64 << 10;

pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    passage: watch::Sender<Passage>,
    listening: JoinHandle<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    Open,
    /// Until somebody says this.
    OpenUntil(&'static str),
    /// Who comes now is put out once it is open again.
    Silent,
}

impl Way {
    pub(crate) async fn to(server: SocketAddr) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (passage, seen) = watch::channel(Passage::Open);
        let (tells, sees) = (passage.clone(), seen);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, server, tells.clone(), sees.clone()));
            }
        });
        Way { address, passage, listening }
    }

    /// Who says this is not answered any more, nor is anybody from then on.
    pub(crate) fn silent_from(&self, words: &'static str) {
        self.passage.send_replace(Passage::OpenUntil(words));
    }

    pub(crate) fn is_silent(&self) -> bool {
        *self.passage.borrow() == Passage::Silent
    }

    pub(crate) fn open(&self) {
        self.passage.send_replace(Passage::Open);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn connection(
    mut client: TcpStream,
    server: SocketAddr,
    passage: watch::Sender<Passage>,
    mut seen: watch::Receiver<Passage>,
) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut asks, mut answers) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    loop {
        let passed = tokio::select! {
            length = client.read(&mut asks) => {
                let said = &asks[..length.unwrap_or(0)];
                passage.send_if_modified(|passage| {
                    let ends = matches!(*passage, Passage::OpenUntil(words) if contains(said, words.as_bytes()));
                    if ends {
                        *passage = Passage::Silent;
                    }
                    ends
                });
                pass(said, &mut server, &mut seen).await
            }
            length = server.read(&mut answers) => pass(&answers[..length.unwrap_or(0)], &mut client, &mut seen).await,
        };
        if !passed {
            return;
        }
    }
}

/// False where nothing more is to pass on this connection.
async fn pass(bytes: &[u8], to: &mut TcpStream, seen: &mut watch::Receiver<Passage>) -> bool {
    if *seen.borrow_and_update() == Passage::Silent {
        let _ = seen.wait_for(|passage| *passage != Passage::Silent).await;
        return false;
    }
    !bytes.is_empty() && to.write_all(bytes).await.is_ok()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
