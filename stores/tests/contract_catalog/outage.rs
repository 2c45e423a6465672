//! Postgres goes away and comes back.

use std::time::Duration;

use schemas::ids::CompanyId;
use stores::catalog::FreshKeys;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::{Instant, timeout},
};
use url::Url;

use crate::{
    database::Database,
    own_server::OwnServer,
    place::{HEARD_WITHIN, NOON, connect, new_company},
};

const FRESH: FreshKeys = FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] };

/// A verb fails within this while nobody listens.
const PROMPT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_by_itself() {
    let server = OwnServer::start();
    let database = Database::make_on(&server.url).await;
    let [here, there] = [connect(&database.url).await.unwrap(), connect(&database.url).await.unwrap()];
    here.register_company(new_company(1)).await.unwrap();
    here.rotate_keys(NOON, FRESH).await.unwrap();
    let mut latest = there.latest();
    for (down, company) in [("stop", 2), ("kill", 3)] {
        server.run(down);
        let began = Instant::now();
        here.register_company(new_company(company)).await.unwrap_err();
        here.company(CompanyId(1)).await.unwrap_err();
        here.day_keys(NOON).await.err().unwrap();
        here.changes_since(Default::default(), 10).await.unwrap_err();
        assert!(began.elapsed() < 4 * PROMPT, "{down}: {:?}", began.elapsed());
        server.run("start");
        let change = here.register_company(new_company(company)).await.unwrap();
        let heard = timeout(HEARD_WITHIN, latest.wait_for(|at| *at >= change)).await;
        assert!(heard.is_ok(), "{down}: the other process does not hear of changes any more");
        let known = there.changes_since(Default::default(), 10).await.unwrap();
        assert_eq!(known.up_to, change, "{down}");
        let kept = there.day_keys(NOON).await.unwrap().at(NOON).map(|keys| keys.today.secret);
        assert_eq!(kept, (down == "stop").then_some([1; 16]), "{down}: a crash empties what no log holds");
    }
    let again = FreshKeys { today: [4; 16], tomorrow: [5; 16], receipt: [6; 16] };
    assert_eq!(there.rotate_keys(NOON, again).await.unwrap().made, 2, "and the next rotation makes it anew");
    assert_eq!(here.day_keys(NOON).await.unwrap().at(NOON).unwrap().today.secret, [4; 16]);
    for catalog in [here, there] {
        timeout(PROMPT, catalog.close()).await.unwrap();
    }
}

/// Takes connections for a server and passes on what is said, except while it is held up.
async fn gate(server: &Url, held: &watch::Sender<bool>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut url = server.clone();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let (there, held) = (format!("127.0.0.1:{}", server.port().unwrap()), held.clone());
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = TcpStream::connect(&there).await.unwrap().into_split();
            tokio::spawn(pass(near_in, far_out, held.subscribe()));
            tokio::spawn(pass(far_in, near_out, held.subscribe()));
        }
    });
    url
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut held: watch::Receiver<bool>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if held.wait_for(|held| !held).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_not_waited_for_for_ever() {
    let database = Database::make().await;
    let held = watch::Sender::new(false);
    let url = gate(&Url::parse(&database.url).unwrap(), &held).await;
    let catalog = connect(url.as_str()).await.unwrap();
    catalog.register_company(new_company(1)).await.unwrap();
    held.send_replace(true);
    let began = Instant::now();
    let asking = (0..16).map(|_| {
        let catalog = catalog.clone();
        tokio::spawn(async move { catalog.company(CompanyId(1)).await })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap_err();
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    held.send_replace(false);
    assert!(catalog.company(CompanyId(1)).await.unwrap().is_some());
    let mut latest = catalog.latest();
    let change = connect(&database.url).await.unwrap().register_company(new_company(2)).await.unwrap();
    timeout(HEARD_WITHIN, latest.wait_for(|at| *at >= change)).await.unwrap().unwrap();
    timeout(PROMPT, catalog.close()).await.unwrap();
}
