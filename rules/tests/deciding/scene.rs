//! One company with two partners and three links, and events of it.

use rules::{Effect, decide, presets};
use schemas::{
    catalog::LinkRow,
    code::Code,
    conversion::{Conversion, Standing},
    decision::{Answer, EventKind},
    event::{Body, Claim, Click, Dialect, Refund, Review, ReviewAction, Sale, Settle},
    hashes::{AddressHash, CustomerHash, EmailHash, KeyHash},
    ids::{CompanyId, ConversionId, KeyId, LinkId, PartnerId, ProgramId},
    money::{Currency, Rate},
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    terms::Terms,
    time::{HOUR_MS, TimeMs},
    web::{Device, Page, Utm},
};

use crate::store::{Store, event};

pub(crate) const COMPANY: CompanyId = CompanyId(1);
pub(crate) const STRANGER: CompanyId = CompanyId(9);
pub(crate) const PROGRAM: ProgramId = ProgramId(1);
pub(crate) const PARTNERS: [PartnerId; 2] = [PartnerId(1), PartnerId(2)];
/// The third is the first partner's again.
pub(crate) const LINKS: [LinkId; 3] = [LinkId(1), LinkId(2), LinkId(3)];
pub(crate) const STRANGERS_LINK: LinkId = LinkId(9);
pub(crate) const REVOKED: KeyId = KeyId(5);
pub(crate) const KEY: ReceiptKey = ReceiptKey { id: ReceiptKeyId(1), secret: [7; 16] };
/// 2026-06-14T10:00:00Z.
pub(crate) const NOON: TimeMs = TimeMs(1_781_431_200_000);

pub(crate) fn hours(hours: i64) -> TimeMs {
    NOON.plus_ms(hours * HOUR_MS)
}

pub(crate) fn refuel() -> Terms {
    presets::refuel(PROGRAM, Rate(100_000), 30, TimeMs(0))
}

pub(crate) fn partners_email(partner: PartnerId) -> EmailHash {
    EmailHash(u128::from(partner.0) << 64)
}

pub(crate) fn store(terms: Terms) -> Store {
    let link = |id: LinkId, company, partner| LinkRow {
        id,
        code: Code::parse(&format!("code-{}", id.0)).expect("a code"),
        company,
        program: PROGRAM,
        partner,
        destination: "https://shop.example/".to_owned(),
    };
    let rows = [
        link(LINKS[0], COMPANY, PARTNERS[0]),
        link(LINKS[1], COMPANY, PARTNERS[1]),
        link(LINKS[2], COMPANY, PARTNERS[0]),
        link(STRANGERS_LINK, STRANGER, PARTNERS[1]),
    ];
    Store {
        receipt_keys: vec![KEY],
        revoked: [(REVOKED, NOON)].into(),
        links: rows.map(|row| (row.id, row)).into(),
        partners: PARTNERS.map(|partner| (partner, partners_email(partner))).into(),
        terms: [(PROGRAM, vec![terms])].into(),
        ..Store::default()
    }
}

/// The receipt of click number `n`: its event-id hash.
pub(crate) fn receipt(link: LinkId, at: TimeMs, n: u64) -> Receipt {
    receipt_of(link, at, n, Visit::Person)
}

pub(crate) fn receipt_of(link: LinkId, at: TimeMs, n: u64, visit: Visit) -> Receipt {
    let fields =
        ReceiptFields { visit, client_event_id: false, at, link, visitor: 0, address_cut: 1000 + n, event_id_hash: n };
    Receipt::sign(&KEY, &fields)
}

pub(crate) fn click(receipt: Receipt) -> Click {
    let fields = receipt.fields();
    Click {
        company: COMPANY,
        program: PROGRAM,
        partner: PARTNERS[usize::from(fields.link == LINKS[1])],
        code: format!("code-{}", fields.link.0).into(),
        receipt,
        address: AddressHash(u128::from(fields.address_cut) << 64),
        address_before: None,
        landing: Page::default(),
        referrer_host: None,
        utm: Utm::default(),
        device: Device::Desktop,
    }
}

/// Sale (or lead) number `n`, with no evidence yet.
pub(crate) fn claim(n: u64) -> Claim {
    Claim {
        company: COMPANY,
        dialect: Dialect::Refuel,
        conversion: conversion_id(n),
        keys: vec![KeyHash(u128::from(n))],
        label: format!("order-{n}"),
        program: Some(PROGRAM),
        code_link: None,
        receipt: None,
        customer: None,
        email: None,
        disposable_email: false,
        occurred_at: None,
        body_hash: u128::from(n),
    }
}

pub(crate) fn coded(n: u64, link: LinkId) -> Claim {
    Claim { code_link: Some(link), ..claim(n) }
}

pub(crate) fn conversion_id(n: u64) -> ConversionId {
    ConversionId(u128::from(n) << 40)
}

pub(crate) fn customer(n: u128) -> Option<CustomerHash> {
    Some(CustomerHash(n))
}

pub(crate) fn sale(claim: Claim, amount_minor: i64) -> Body {
    Body::Sale(Box::new(Sale { claim, amount_minor, currency: Currency::USD }))
}

pub(crate) fn refund(n: u64, of: u64, amount_minor: Option<i64>) -> Body {
    Body::Refund(Box::new(Refund {
        company: COMPANY,
        conversion: conversion_id(of),
        key: KeyHash(1 << 100 | u128::from(n)),
        label: format!("refund-{n}"),
        amount_minor,
        reason: None,
        body_hash: u128::from(n),
    }))
}

pub(crate) fn review(of: u64, action: ReviewAction) -> Body {
    Body::Review(Review { company: COMPANY, conversion: conversion_id(of), action })
}

impl Store {
    /// Appends an event of its own and decides it, in a batch of its own.
    pub(crate) fn take_event(&mut self, body: Body, at: TimeMs) -> Vec<Effect> {
        let id = 1 << 64 | self.log.len() as u128;
        self.append(event(id, body), at);
        self.run(decide)
    }

    /// Does so, and then what a processor would append until nothing is left to do.
    pub(crate) fn happens(&mut self, body: Body, at: TimeMs) {
        self.take_event(body, at);
        loop {
            let settles = self.settles_due();
            if settles.is_empty() {
                return;
            }
            for settle in settles {
                self.settle(settle, at);
            }
        }
    }

    pub(crate) fn settle(&mut self, settle: Settle, at: TimeMs) -> Vec<Effect> {
        self.take_event(Body::Settle(settle), at)
    }

    pub(crate) fn clicked(&mut self, receipt: Receipt) {
        self.happens(Body::Click(Box::new(click(receipt))), receipt.fields().at);
    }

    pub(crate) fn conversion(&self, n: u64) -> &Conversion {
        &self.kept.conversions[&conversion_id(n)]
    }

    pub(crate) fn standing(&self, n: u64) -> Standing {
        self.conversion(n).standing
    }

    pub(crate) fn last_answer(&self, kind: EventKind) -> &Answer {
        let of_kind = self.kept.replies.iter().rev().find(|reply| reply.kind == kind);
        &of_kind.expect("an answer").answer
    }
}
