//! What a click costs on its way through the wire: signing its receipt, checking it, encoding and decoding its event.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use schemas::{
    event::{Body, Click, Event},
    hashes::AddressHash,
    ids::{CompanyId, EventId, LinkId, PartnerId, ProgramId},
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::TimeMs,
    web::{Device, Page, Utm},
    wire::{decode_event, encode_event},
};

const KEY: ReceiptKey = ReceiptKey { id: ReceiptKeyId(1), secret: [7; 16] };

fn fields() -> ReceiptFields {
    ReceiptFields {
        visit: Visit::Person,
        client_event_id: true,
        at: TimeMs(1_790_000_000_000),
        link: LinkId(42),
        visitor: 7,
        address_cut: 8,
        event_id_hash: 9,
    }
}

fn event() -> Event {
    Event {
        id: EventId(1),
        stamped_at: TimeMs(1_790_000_000_000),
        resent: false,
        reply_to: None,
        key: None,
        first_appended_at: None,
        body: Body::Click(Box::new(Click {
            company: CompanyId(1),
            program: ProgramId(2),
            partner: PartnerId(3),
            code: "spring-sale".into(),
            receipt: Receipt::sign(&KEY, &fields()),
            address: AddressHash(5),
            address_before: None,
            landing: Page { host: "acme.example".into(), path: "/pricing/teams".into() },
            referrer_host: Some("news.example".into()),
            utm: Utm { source: Some("newsletter".into()), medium: Some("email".into()), campaign: None },
            device: Device::Mobile,
        })),
    }
}

fn wire(bench: &mut Criterion) {
    bench.bench_function("receipt/sign", |b| b.iter(|| Receipt::sign(&KEY, black_box(&fields()))));
    let receipt = Receipt::sign(&KEY, &fields());
    bench.bench_function("receipt/check", |b| b.iter(|| black_box(&receipt).check(&[KEY])));
    let text = receipt.to_string();
    bench.bench_function("receipt/parse", |b| b.iter(|| Receipt::parse(black_box(&text))));
    let click = event();
    bench.bench_function("click/encode", |b| b.iter(|| encode_event(black_box(click.clone()))));
    let bytes = encode_event(event());
    bench.bench_function("click/decode", |b| b.iter(|| decode_event(black_box(&bytes))));
}

criterion_group!(benches, wire);
criterion_main!(benches);
