//! How long dashboards take: the requests that their pages make, one after another, each once unmeasured before.

mod sign_in;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Full;

use crate::{
    aim::Aim,
    audit, cli,
    client::Connection,
    machine,
    record::{Growth, GrowthStep, Query},
    text,
};

/// What is not that fast is known well enough by then.
const A_QUERY_TAKES_AT_MOST: Duration = Duration::from_secs(60);
const PERIODS: [u32; 2] = [30, 365];

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where the API is, such as http://127.0.0.1:8080
    #[arg(long)]
    url: String,

    /// The company's secret key
    #[arg(long, env = "BENCH_KEY", hide_env_values = true)]
    key: String,

    /// Of one of its links: whose clicks one by one are asked for
    #[arg(long)]
    code: Option<String>,

    /// Whose dashboard is asked for too: an affiliate, whose mails are files in --mails
    #[arg(long, value_name = "EMAIL", requires = "mails")]
    affiliate: Option<String>,

    /// Where mails are files
    #[arg(long, value_name = "DIR", requires = "affiliate")]
    mails: Option<PathBuf>,

    /// Each request so often
    #[arg(long, value_name = "N", default_value_t = TIMES, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    times: u32,

    #[command(flatten)]
    stores: cli::StoreArgs,

    /// Write a document for `bench report`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Aim at another machine than this one
    #[arg(long)]
    anywhere: bool,
}

pub(crate) const TIMES: u32 = 200;

/// Who looks at a dashboard.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    pub(crate) api: Aim,
    /// The company's secret key.
    pub(crate) key: String,
    pub(crate) code: Option<String>,
    /// An affiliate's address, and where mails to it are files.
    pub(crate) affiliate: Option<(String, PathBuf)>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let mut document = machine::document();
    let viewer = Viewer {
        api: Aim::find(&args.url, args.anywhere).await?,
        key: args.key,
        code: args.code,
        affiliate: args.affiliate.zip(args.mails),
    };
    let stores = args.stores.places();
    let queries = measure(&viewer, args.times).await?;
    let rows = audit::rows(&stores).await?;
    print!("{}", text::queries(&queries, &rows));
    let step = GrowthStep {
        events: rows.get("clicks").copied().unwrap_or_default(),
        queries_us: p95s(&queries),
        queries,
        rows,
        ..GrowthStep::default()
    };
    document.growths.push(Growth { what: "dashboards".to_owned(), steps: vec![step], limit_millis: None });
    match &args.json {
        Some(file) => Ok(std::fs::write(file, serde_json::to_string(&document)? + "\n")?),
        None => Ok(()),
    }
}

/// By name, as a chart has them.
pub(crate) fn p95s(queries: &[Query]) -> BTreeMap<String, u64> {
    queries.iter().map(|query| (query.name.clone(), query.p95_us)).collect()
}

/// Asks each so often.
pub(crate) async fn measure(viewer: &Viewer, times: u32) -> anyhow::Result<Vec<Query>> {
    let mut connection = Connection::to(viewer.api.clone());
    let mut queries = Vec::new();
    let key = secret(&viewer.key)?;
    for (name, path) in of_company(viewer) {
        queries.push(query(&mut connection, name, &path, ("x-api-key", &key), times).await?);
    }
    if let Some((email, mails)) = &viewer.affiliate {
        let token = sign_in::token(&mut connection, email, mails).await?;
        let bearer = secret(&format!("Bearer {token}"))?;
        for (name, path) in of_affiliate() {
            queries.push(query(&mut connection, name, &path, (header::AUTHORIZATION.as_str(), &bearer), times).await?);
        }
    }
    Ok(queries)
}

fn of_company(viewer: &Viewer) -> Vec<(String, String)> {
    let days = PERIODS.iter().flat_map(|days| {
        [
            (format!("company dashboard, {days} days"), format!("/companies/dashboard?days={days}")),
            (format!("company analytics, {days} days"), format!("/companies/analytics?days={days}")),
        ]
    });
    let clicks =
        viewer.code.iter().map(|code| ("clicks of a link".to_owned(), format!("/links/{code}/clicks?perPage=100")));
    let links = [("company's links, 100 a page".to_owned(), "/companies/links?perPage=100".to_owned())];
    days.chain(links).chain(clicks).collect()
}

fn of_affiliate() -> Vec<(String, String)> {
    let days = PERIODS.iter();
    let days =
        days.map(|days| (format!("affiliate dashboard, {days} days"), format!("/affiliates/dashboard?days={days}")));
    let links = [("affiliate's links, 100 a page".to_owned(), "/affiliates/links?perPage=100".to_owned())];
    days.chain(links).collect()
}

async fn query(
    connection: &mut Connection,
    name: String,
    path: &str,
    credential: (&'static str, &HeaderValue),
    times: u32,
) -> anyhow::Result<Query> {
    let began = Instant::now();
    ask(connection, path, credential).await?;
    let mut took = Vec::new();
    while took.len() < times as usize && (took.is_empty() || began.elapsed() < A_QUERY_TAKES_AT_MOST) {
        let asked = Instant::now();
        ask(connection, path, credential).await?;
        took.push(u64::try_from(asked.elapsed().as_micros())?);
    }
    Ok(summary(name, took))
}

async fn ask(
    connection: &mut Connection,
    path: &str,
    (name, value): (&'static str, &HeaderValue),
) -> anyhow::Result<Bytes> {
    let request = Request::get(path).header(name, value).body(Full::default())?;
    let (status, body) = connection.ask(request).await.with_context(|| format!("asking {path}"))?;
    ensure!(status == StatusCode::OK, "{path} was answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}

fn secret(text: &str) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Each quantile is a time that was measured: the least that so many did not exceed.
fn summary(name: String, mut took: Vec<u64>) -> Query {
    took.sort_unstable();
    let at = |percent: usize| {
        let rank = (took.len() * percent).div_ceil(100).max(1);
        took.get(rank - 1).copied().unwrap_or_default()
    };
    let (p50_us, p95_us, p99_us) = (at(50), at(95), at(99));
    Query { name, count: took.len() as u64, p50_us, p95_us, p99_us, max_us: at(100) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Asked, Fake, Reply};

    fn check(took: Vec<u64>, expected: [u64; 4]) {
        let query = summary("q".to_owned(), took.clone());
        assert_eq!([query.p50_us, query.p95_us, query.p99_us, query.max_us], expected, "{took:?}");
        assert_eq!(query.count, took.len() as u64);
    }

    #[test]
    fn quantiles_are_times_that_were_measured() {
        check(vec![], [0; 4]);
        check(vec![7], [7; 4]);
        check(vec![3, 1, 2], [2, 3, 3, 3]);
        check((1..=100).rev().collect(), [50, 95, 99, 100]);
        check((1..=200).collect(), [100, 190, 198, 200]);
    }

    fn answer(asked: &Asked<'_>) -> Reply {
        let first = asked.head.lines().next().unwrap_or_default();
        match first {
            _ if first.starts_with("POST /auth/magic-link") => Reply::with("200 OK", "{}"),
            _ if first.starts_with("POST /auth/verify") && asked.body.contains("\"a-_b\"") => {
                Reply::with("200 OK", r#"{"success":true,"data":{"token":"jwt"}}"#)
            }
            _ if first.starts_with("GET /companies/") || first.starts_with("GET /links/") => {
                Reply::with(if asked.head.contains("x-api-key: sk") { "200 OK" } else { "401 Unauthorized" }, "{}")
            }
            _ if first.starts_with("GET /affiliates/") && asked.head.contains("Bearer jwt") => {
                Reply::with("200 OK", "{}")
            }
            _ => Reply::with("404 Not Found", "{}"),
        }
    }

    #[tokio::test]
    async fn every_page_is_asked_once_more_than_it_is_measured() -> anyhow::Result<()> {
        let mails = tempfile::tempdir()?;
        std::fs::write(mails.path().join("1.eml"), "To: ada@example.com\r\n\r\nhttp://h/login?tok=\r\nen=3Da-_b\r\n")?;
        let fake = Fake::start(answer).await;
        let mut viewer = Viewer {
            api: fake.aim.clone(),
            key: "sk".to_owned(),
            code: Some("ADA10".to_owned()),
            affiliate: Some(("ada@example.com".to_owned(), mails.path().to_owned())),
        };
        let queries = measure(&viewer, 3).await?;
        assert_eq!((queries.len(), fake.asked().len()), (9, 9 * 4 + 2));
        assert!(queries.iter().all(|query| query.count == 3 && query.p95_us > 0), "{queries:?}");
        viewer.key = "another".to_owned();
        let refused = measure(&viewer, 1).await.expect_err("it is no dashboard").to_string();
        assert!(refused.contains("401"), "{refused}");
        Ok(())
    }
}
