//! What a click costs its processor beside reading, committing and sending: a batch of clicks of many people on many links.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rules::{Known, decide_into, look_ahead, needs, touches::Before};
use schemas::{
    event::{Body, Click, Event, Logged},
    hashes::AddressHash,
    ids::{CompanyId, EventId, LinkId, PartnerId, Position, ProgramId},
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::TimeMs,
    web::{Device, Page, Utm},
    wire::{decode_event, encode_event},
};
use stores::facts::Gathered;

const BATCH: u64 = 2_048;

/// Remembered before: more than any cache holds.
const REMEMBERED: u64 = 300_000;

const LINKS: u64 = 10_000;

/// As the processor does.
const LOOKED_AHEAD: usize = 32;

const START: TimeMs = TimeMs(1_790_000_000_000);

/// The n-th click, by a person of its own.
fn click(n: u64) -> Vec<u8> {
    let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let fields = ReceiptFields {
        visit: Visit::Person,
        client_event_id: true,
        at: START.plus_ms(n as i64 / 100),
        link: LinkId((spread >> 20) % LINKS),
        visitor: spread,
        address_cut: spread.rotate_left(32),
        event_id_hash: spread.rotate_left(16),
    };
    encode_event(Event {
        id: EventId(u128::from(spread) << 64 | u128::from(n)),
        stamped_at: fields.at,
        resent: false,
        reply_to: None,
        key: None,
        first_appended_at: None,
        body: Body::Click(Box::new(Click {
            company: CompanyId(n % 50),
            program: ProgramId(2),
            partner: PartnerId(3),
            code: "spring-sale".into(),
            receipt: Receipt::sign(&ReceiptKey { id: ReceiptKeyId(1), secret: [7; 16] }, &fields),
            address: AddressHash(u128::from(fields.address_cut) << 64),
            address_before: None,
            landing: Page { host: "acme.example".into(), path: "/pricing/teams".into() },
            referrer_host: Some("news.example".into()),
            utm: Utm { source: Some("newsletter".into()), medium: Some("email".into()), campaign: None },
            device: Device::Mobile,
        })),
    })
}

fn records(from: u64, to: u64) -> Vec<Vec<u8>> {
    (from..to).map(click).collect()
}

fn decode(records: &[Vec<u8>], from: u64) -> Vec<Logged> {
    let logged = |(offset, record): (u64, &Vec<u8>)| Logged {
        position: Position { partition: 0, offset },
        appended_at: START.plus_ms(offset as i64 / 100 + 5),
        event: decode_event(record).expect("it was encoded here"),
    };
    (from..).zip(records).map(logged).collect()
}

fn decide(known: &mut Known, events: &[Logged]) -> usize {
    let (mut effects, mut count) = (Vec::new(), 0);
    for events in events.chunks(LOOKED_AHEAD) {
        look_ahead(&known.touches, events);
        for logged in events {
            decide_into(known, logged, &mut effects);
            count += effects.drain(..).count();
        }
    }
    count
}

fn gather(mut facts: Gathered, events: Vec<Logged>) -> Gathered {
    events.into_iter().for_each(|logged| facts.push_record(logged, None));
    facts
}

fn clicks(criterion: &mut Criterion) {
    let mut known = Known { partitions: 2, before: Some(Before::default()), ..Known::default() };
    decide(&mut known, &decode(&records(0, REMEMBERED), 0));
    known.before = Some(Before::default());
    let records = records(REMEMBERED, REMEMBERED + BATCH);
    let events = decode(&records, REMEMBERED);

    let mut group = criterion.benchmark_group("click");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("decode", |bencher| bencher.iter(|| decode(black_box(&records), REMEMBERED)));
    group.bench_function("needs", |bencher| bencher.iter(|| needs(black_box(&events))));
    let mut next = REMEMBERED;
    group.bench_function("decide", |bencher| {
        // Every batch is of clicks that never were, as they mostly are.
        let batch = || {
            let from = next;
            next += BATCH;
            decode(&self::records(from, next), from)
        };
        let decided = |events: Vec<Logged>| {
            let count = decide(&mut known, &events);
            known.before.as_mut().expect("it was given").clear();
            (count, events)
        };
        bencher.iter_batched(batch, decided, BatchSize::LargeInput);
    });
    for is_embedded in [true, false] {
        let name = if is_embedded { "gather embedded" } else { "gather rows" };
        let new = || if is_embedded { Gathered::embedded() } else { Gathered::distributed(1) };
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || (new(), events.clone()),
                |(facts, events)| gather(facts, events),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, clicks);
criterion_main!(benches);
