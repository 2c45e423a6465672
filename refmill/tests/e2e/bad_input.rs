//! What is refused, and that a refusal writes nothing and loses nothing.

mod edge;
mod folder;
mod ground;
mod people;
mod recorded;

use crate::http::{Reply, Request};
use crate::site::Site;
use ground::Ground;
use recorded::Recorded;

/// A request and what it has to be answered with.
struct Row {
    what: &'static str,
    request: Request,
    status: u16,
    /// Empty where the answer is a good one.
    code: &'static str,
    /// A part of the message.
    says: &'static str,
}

fn row(what: &'static str, request: Request, status: u16, says: &'static str) -> Row {
    let code = match status {
        200 => "",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        409 => "DUPLICATE",
        413 => "PAYLOAD_TOO_LARGE",
        415 => "UNSUPPORTED_MEDIA_TYPE",
        _ => "VALIDATION_ERROR",
    };
    Row { what, request, status, code, says }
}

impl Row {
    fn coded(self, code: &'static str) -> Row {
        Row { code, ..self }
    }

    fn check(&self, reply: &Reply) -> Result<(), String> {
        let refused = reply.json()["success"] == false && reply.code() == self.code && !reply.message().is_empty();
        let as_meant = if self.code.is_empty() { reply.json()["success"] == true } else { refused };
        let said = if self.code.is_empty() { reply.text() } else { reply.message() };
        if reply.status == self.status && as_meant && said.contains(self.says) {
            return Ok(());
        }
        Err(format!("{}: wanted {} {} saying `{}`, got {reply:?}", self.what, self.status, self.code, self.says))
    }
}

#[test]
fn bad_input_is_refused_and_nothing_is_written_or_lost() {
    let site = Site::new();
    let ground = Ground::new(&site);
    let before = ground.recorded();
    let rows: Vec<Row> = edge::rows(&ground).into_iter().chain(people::rows(&ground)).collect();
    assert!(rows.len() > 130, "{}", rows.len());
    let wrong: Vec<String> = rows.iter().filter_map(|row| row.check(&ground.server.send(&row.request)).err()).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    // These were taken by the log, and decided to be nothing new.
    let decided =
        [("sale", "duplicate", 3), ("review", "refused", 1), ("refund", "refused", 1), ("refund", "duplicate", 1)];
    let after = ground.recorded();
    assert_eq!(before.differences(&after, &decided), Vec::<String>::new());
    ground.everything_still_works();
    ground.late_link_is_refused();

    let Ground { server, .. } = ground;
    server.stop();
}

#[test]
fn a_write_and_a_wrong_answer_are_caught() {
    let site = Site::new();
    let ground = Ground::new(&site);
    let before = ground.recorded();
    assert_eq!(before.differences(&ground.recorded(), &[]), Vec::<String>::new());
    ground.server.click(&ground.company, &ground.link);
    let clicked = ground.recorded();
    assert!(!before.differences(&clicked, &[]).is_empty(), "a click");
    let body = crate::account::with(crate::account::sale_body(&ground.link), serde_json::json!({ "orderValue": 0 }));
    ground.server.sale_with(&ground.company, &body).good();
    assert!(!clicked.differences(&ground.recorded(), &[]).is_empty(), "a sale of nothing");

    let reply = ground.server.send(&Request::get("/companies/settings"));
    let good = || row("no token", Request::get("/companies/settings"), 401, "bearer token");
    assert_eq!(good().check(&reply), Ok(()));
    for wrong in [Row { status: 403, ..good() }, good().coded("FORBIDDEN"), Row { says: "teapot", ..good() }] {
        assert!(wrong.check(&reply).is_err(), "{} {} {}", wrong.status, wrong.code, wrong.says);
    }
}
