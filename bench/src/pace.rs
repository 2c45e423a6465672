use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    aim::Target,
    connection::Connection,
    events::Events,
    report::{Answered, Report},
};

/// Answers on their way to the report.
const ANSWERS_WAITING: usize = 4_096;

/// Between the last connection and the first request.
const GET_READY: Duration = Duration::from_millis(50);

/// What all connections share.
struct Plan {
    events: Events,
    requests: u64,
    each: Duration,
    began: Instant,
    next: AtomicU64,
}

/// Sends request by request when each is due, on whatever connection is free; where none is, it goes later and has been waiting since
/// it was due.
pub(crate) async fn send(
    target: &Target,
    events: Events,
    requests: u64,
    each: Duration,
    connections: u16,
) -> anyhow::Result<Report> {
    let mut open = Vec::with_capacity(connections.into());
    for _ in 0..connections {
        let mut connection = Connection::to(target.clone());
        connection.open().await?;
        open.push(connection);
    }
    let began = Instant::now() + GET_READY;
    let plan = Arc::new(Plan { events, requests, each, began, next: AtomicU64::new(0) });
    let (answers, mut answered) = mpsc::channel(ANSWERS_WAITING);
    let mut sending = JoinSet::new();
    for connection in open {
        sending.spawn(send_on(connection, Arc::clone(&plan), answers.clone()));
    }
    drop(answers);
    let mut report = Report::new(plan.each)?;
    while let Some(answer) = answered.recv().await {
        report.add(answer);
    }
    while let Some(sent) = sending.join_next().await {
        sent.context("a connection's task has ended")??;
    }
    report.took = began.elapsed();
    Ok(report)
}

async fn send_on(mut connection: Connection, plan: Arc<Plan>, answers: mpsc::Sender<Answered>) -> anyhow::Result<()> {
    loop {
        let number = plan.next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.requests {
            return Ok(());
        }
        let request = plan.events.request(number)?;
        let due = plan.began + Duration::from_nanos(plan.each.as_nanos() as u64 * number);
        sleep_until(due).await;
        let late = due.elapsed();
        let status = connection.ask(request).await.map(|(status, _)| status.as_u16()).map_err(|why| format!("{why:#}"));
        if answers.send(Answered { status, late, took: due.elapsed() }).await.is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::Kind;

    /// Answers each request after this long.
    async fn server(answers_after: Duration) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = vec![0; 4_096];
                    // What the client sends of one request comes at once here, and no second one before its answer.
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                        tokio::time::sleep(answers_after).await;
                        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                    }
                });
            }
        });
        Target::find(&format!("http://{address}"), false).await.expect("this machine")
    }

    async fn longest(answers_after_ms: u64, connections: u16) -> Duration {
        let target = server(Duration::from_millis(answers_after_ms)).await;
        let events = Events {
            kind: Kind::Clicks,
            batch: 1,
            codes: vec!["A10".to_owned()],
            key: None,
            run: 0,
            receipts: Vec::new(),
        };
        let report = send(&target, events, 50, Duration::from_millis(10), connections).await.expect("all are sent");
        assert_eq!(report.answered(204), 50);
        report.longest()
    }

    #[tokio::test]
    async fn what_waits_for_a_connection_has_waited_since_it_was_due() {
        let (enough, too_few) = (longest(40, 50).await, longest(40, 1).await);
        assert!(enough < Duration::from_millis(1_000), "{enough:?}");
        // The last of fifty is due after 490 ms and sent after 49 answers of 40 ms.
        assert!(too_few >= Duration::from_millis(1_500), "{too_few:?}");
    }
}
