//! What a user of the process meets: paths, answers, its end and its next start.

mod explained;
mod lifecycle;
mod money;

use serde_json::{Value, json};

use crate::account::{click_body, sale_body, with};
use crate::http::Request;
use crate::server::Launch;
use crate::site::Site;

#[test]
fn health_metrics_and_browsers() {
    let site = Site::new();
    let server = Launch::new().start(&site);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.send(&Request::get(path)).status, 200, "{path}");
    }
    let company = server.company();
    let link = server.link(&company);
    let click = click_body(&company, &link);

    let origin = format!("https://{}", company.domain);
    let preflight = Request::new("OPTIONS", "/track/click").header("Origin", &origin);
    let preflight = preflight.header("Access-Control-Request-Method", "POST");
    let allowed = server.send(&preflight.header("Access-Control-Request-Headers", "content-type"));
    let methods = allowed.header("access-control-allow-methods").unwrap_or_default();
    assert!([200, 204].contains(&allowed.status) && methods.contains("POST"), "{allowed:?}");
    let beacon =
        Request::post("/track/click").raw("text/plain;charset=UTF-8", click.to_string()).header("Origin", &origin);
    let beacon = server.send(&beacon);
    assert_eq!(beacon.good()["tracked"], true);
    for reply in [&allowed, &beacon] {
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{reply:?}");
        assert_eq!(reply.header("access-control-allow-credentials"), None, "{reply:?}");
    }

    let scraped = server.scrape();
    assert!(scraped.contains("refmill_build_info{"), "{scraped}");
    assert!(!scraped.contains(&company.id) && !scraped.contains(&link.code) && !scraped.contains("127."), "{scraped}");
    assert_eq!(server.send(&Request::get("/metrics")).status, 404, "metrics have a listener of their own");
    server.stop();
}

#[test]
fn only_people_are_counted() {
    let site = Site::new();
    let server = Launch::new().start(&site);
    let company = server.company();
    let link = server.link(&company);
    let click = Request::post("/track/click").json(&click_body(&company, &link));
    let robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    let visit = |method: &str| Request::new(method, format!("/r/{}", link.code));
    let person = server.send(&click).good();
    let bot = server.send(&click.clone().header("User-Agent", robot)).good();
    assert_eq!(person.as_object().map(|data| data.keys().count()), bot.as_object().map(|data| data.keys().count()));
    server.send(&visit("GET").header("Sec-Purpose", "prefetch;prerender"));
    server.send(&visit("HEAD"));
    assert_eq!(server.send(&visit("GET")).status, 302);

    server.dashboard_says(&company, 2, 0);
    let outcomes = server.read_as(&company, "/companies/outcomes");
    let clicks =
        outcomes["totals"].as_array().and_then(|all| all.iter().find(|of| of["kind"] == "click")).expect("clicks");
    assert_eq!((&clicks["counted"], &clicks["bot"], &clicks["total"]), (&json!(2), &json!(3), &json!(5)));
    let listed = server.read_as(&company, &format!("/links/{}/clicks", link.code));
    let bots = listed.as_array().expect("a list").iter().filter(|click| click["bot"] == true).count();
    assert_eq!(bots, 3, "{listed}");
    assert!(!listed.to_string().contains("127."), "{listed}");
    // A bot's receipt names its click, and that looks bad.
    let named = with(sale_body(&link), json!({ "clickId": bot["clickId"] }));
    let sale = server.sale_with(&company, &named).good();
    let flags = server.decided(&company, sale["conversionId"].as_str().expect("an id"))["fraudFlags"].clone();
    assert!(sale["status"] == "pending" && flags.to_string().contains("bot_click"), "{sale} {flags}");
}

#[test]
fn a_redirect_keeps_the_destinations_own_query_and_its_receipt_converts() {
    let site = Site::new();
    let server = Launch::new().start(&site);
    let company = server.company();
    let link = server.link(&company);
    let deep = format!("https%3A%2F%2F{}%2Fa%3Fb%3D1%26c%3D%2520d%23frag", company.domain);
    let visit = server.send(&Request::get(format!("/r/{}?to={deep}", link.code)));
    let to = visit.header("location").expect("a destination");
    assert!(
        visit.status == 302 && visit.header("cache-control").is_some_and(|cache| cache.contains("no-store")),
        "{visit:?}"
    );
    let start = format!("https://{}/a?b=1&c=%20d&ref={}&rm_click=", company.domain, link.code);
    let receipt = to.strip_prefix(&start).and_then(|rest| rest.strip_suffix("#frag")).unwrap_or_else(|| panic!("{to}"));
    let sale = server.sale_with(&company, &with(sale_body(&link), json!({ "clickId": receipt }))).good();
    assert_eq!((&sale["outcome"], &sale["affiliatePayout"]), (&json!("attributed"), &json!(800)));
}

#[test]
fn a_batch_is_answered_item_by_item() {
    let site = Site::new();
    let server = Launch::new().start(&site);
    let company = server.company();
    let link = server.link(&company);
    let click = with(click_body(&company, &link), json!({ "type": "click" }));
    let sale =
        |order: &str| json!({ "type": "conversion", "orderId": order, "orderValue": 100, "affiliateCode": link.code });
    let unknown = with(click.clone(), json!({ "code": "nobody-has-this" }));
    let items = json!([click, unknown, { "type": "nothing" }, sale("b-1"), 5, click]);
    let statuses = |data: Value| {
        let results = data["results"].as_array().expect("results").clone();
        results.iter().map(|result| result["status"].as_u64().expect("a status")).collect::<Vec<_>>()
    };
    let batch = Request::post("/track/batch");
    assert_eq!(
        statuses(server.send(&batch.clone().key(&company.key).json(&items)).good()),
        [200, 404, 400, 202, 400, 200]
    );
    let lines = format!("{click}\n\n{click}\n{click}");
    assert_eq!(statuses(server.send(&batch.clone().raw("application/x-ndjson", lines)).good()), [200; 3]);
    assert_eq!(statuses(server.send(&batch.json(&json!([sale("b-2"), click]))).good()), [401, 200]);
    server.dashboard_says(&company, 6, 1);
}
