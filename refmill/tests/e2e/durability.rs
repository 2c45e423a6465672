//! An answer leaves after the disk has what it acknowledges. A kill can't see this, so the system calls are watched.

mod trace;

use std::time::Duration;

use serde_json::json;

use crate::account::{click_body, sale_body};
use crate::http::Request;
use crate::server::{Launch, read};
use crate::site::Site;
use crate::stall::Stall;
use crate::wait::{SETTLED, eventually, holds, within};

const CALLS: &str = "trace=read,recvfrom,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync";

#[test]
fn answers_are_written_after_the_fsync_of_what_they_acknowledge() {
    let site = Site::new();
    let file = site.beside("trace");
    let output = file.display().to_string();
    let strace = ["strace", "-D", "-f", "-qq", "-y", "-s", "2000", "-e", CALLS, "-o", &output];
    let server = Launch::new().wrapped(&strace).start(&site);
    let company = server.company();
    let link = server.link(&company);
    let click = server.send(&Request::post("/track/click").json(&click_body(&company, &link))).good();
    assert_eq!(server.send(&Request::get("/healthz")).status, 200);
    let sale = server.sale_with(&company, &sale_body(&link)).good();
    assert_eq!(sale["outcome"], json!("attributed"));
    server.stop();
    let receipt = click["clickId"].as_str().expect("a receipt");
    let conversion = sale["conversionId"].as_str().expect("an id");
    let text = eventually(SETTLED, "the trace is whole", || {
        let text = read(&file);
        holds(text.contains(conversion) && text.contains(receipt), text.len()).map(|()| text)
    });

    let synced = |request, answer, database| trace::synced_before_answer(&text, request, answer, database);
    assert_eq!(synced("POST /track/click", receipt, "log.db-wal"), Ok(()));
    for database in ["log.db-wal", "ledger.db-wal"] {
        assert_eq!(synced("POST /track/conversion", conversion, database), Ok(()), "{database}");
    }
    // What acknowledges nothing waits for no disk, and the same check says so.
    assert!(synced("GET /healthz", "HTTP/1.1 200", "log.db-wal").is_err());
    assert!(synced("POST /track/click", receipt, "catalog.db-wal").is_err());
}

#[test]
fn a_stalled_disk_holds_the_answer_back() {
    let site = Site::new();
    let stall = Stall::new(&site);
    let server = stall.on(Launch::new()).start(&site);
    let company = server.company();
    let link = server.link(&company);
    let click = Request::post("/track/click").json(&click_body(&company, &link));
    let sent = || {
        let mut connection = server.connect();
        connection.write_request(&click).expect("sent");
        connection
    };
    let soon = Duration::from_millis(500);
    let connection = sent();
    assert_eq!(within(SETTLED, || holds(connection.has_answer().expect("open"), "no answer")), Ok(()));
    stall.begin();
    let mut connection = sent();
    let answered = within(soon, || holds(connection.has_answer().expect("open"), "no answer"));
    assert!(answered.is_err(), "a click was answered before the log had it");
    stall.end();
    assert_eq!(connection.read(false).expect("the answer comes with the log").status, 200);
}
