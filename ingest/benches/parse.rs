//! Reading a click's body, and telling what sent it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ingest::{agent::Agents, click};

const BODY: &[u8] = br#"{"code":"spring-sale","landingPage":"https://acme.example/pricing/teams?plan=pro&ref=spring-sale","referrer":"https://news.example/2026/the-best-tools-for-teams","fingerprint":"b1946ac92492d2347c6235b4d2611184","eventId":"0f8fad5b-d9cb-469f-a165-70867728950e","utmSource":"newsletter","utmMedium":"email","utmCampaign":"spring","screen":{"width":1920,"height":1080},"sdk":"1.4.2"}"#;

const BROWSER: &[u8] =
    b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

fn parse(bench: &mut Criterion) {
    bench.bench_function("click/parse", |b| b.iter(|| click::read(black_box(BODY), |_| ()).is_ok()));
    let agents = Agents::new(7);
    bench.bench_function("agent/classify", |b| b.iter(|| agents.classify(Some(black_box(BROWSER)))));
}

criterion_group!(benches, parse);
criterion_main!(benches);
