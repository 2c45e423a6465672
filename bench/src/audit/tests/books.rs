//! What stores hold after a small load, and what that load was answered: good, and to be damaged.

use std::collections::BTreeMap;

use crate::audit::{
    acknowledged::{Acknowledged, Decided, Kind, Order, Refund, Told, Visits},
    counts::code,
};

pub(super) const COMPANY: u64 = 7;
/// As some tables write it: a signed number of the same bits.
pub(super) const OTHER_COMPANY: u64 = u64::MAX - 8;
pub(super) const PARTNER: u64 = 31;
pub(super) const LINK: u64 = 32;
pub(super) const DAY: u32 = 20_500;
pub(super) const AT_MS: i64 = 86_400_000 * 20_500 + 5_000;

#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    pub(super) next: u64,
    /// Of its end so much is not planned for facts.
    pub(super) unplanned: u64,
    pub(super) clicks: Vec<Click>,
    pub(super) orders: Vec<Kept>,
    pub(super) transfers: Vec<Transfer>,
    /// Company, kind, partner and amount.
    pub(super) balances: Vec<(u64, u8, u64, i64)>,
    /// Of which order, and its name.
    pub(super) refunds: Vec<(u128, &'static str)>,
    /// In the ledger, and in facts.
    pub(super) changes: Vec<Change>,
    pub(super) shown: Vec<Change>,
    /// Company, kind, outcome, and how many.
    pub(super) outcomes: Vec<(u64, u8, u8, i64)>,
    /// By house status.
    pub(super) status_counts: Vec<(u8, i64)>,
    /// Conversions, commission, and the partner's part.
    pub(super) partner_total: [i64; 3],
    pub(super) quarantined: u32,
    /// What sums by day have beside what they should: clicks, and commission.
    pub(super) sums_off: [i64; 2],
}

#[derive(Debug, Clone)]
pub(super) struct Click {
    pub(super) company: u64,
    pub(super) offset: u64,
    pub(super) event: u128,
    pub(super) outcome: u8,
    pub(super) signature: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) id: u128,
    pub(super) offset: u64,
    pub(super) amount_minor: i64,
    pub(super) refunded_minor: i64,
    pub(super) attributed: bool,
    /// Commission, partner's and platform's part.
    pub(super) earned: [i64; 3],
}

#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) id: u128,
    pub(super) order: u128,
    /// Kind of account and partner.
    pub(super) debit: (u8, u64),
    pub(super) credit: (u8, u64),
    pub(super) amount_minor: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) offset: u64,
    pub(super) order: u128,
    pub(super) kind: u8,
    /// Orders, revenue, commission and the partner's part.
    pub(super) by: [i64; 4],
}

impl Books {
    /// The same, with so much of the log not in facts.
    pub(super) fn planned(self, but: u64) -> Books {
        Books { unplanned: but, ..self }
    }

    /// The same, so much later in the log.
    pub(super) fn later(mut self, by: u64) -> Books {
        self.next += by;
        self.clicks.iter_mut().for_each(|click| click.offset += by);
        self.orders.iter_mut().for_each(|order| order.offset += by);
        self.changes.iter_mut().chain(&mut self.shown).for_each(|change| change.offset += by);
        self
    }
}

const OF_COMPANY: (u8, u64) = (1, 0);
const OF_PARTNER: (u8, u64) = (3, PARTNER);
const OF_PLATFORM: (u8, u64) = (6, 0);

/// What was there before: of none of it the load knows.
pub(super) fn old() -> Books {
    let old = |offset| Click { offset, ..click(offset, code::COUNTED) };
    Books {
        next: 10,
        clicks: vec![old(3), old(4)],
        outcomes: vec![(COMPANY, code::CLICK, code::COUNTED, 2), (COMPANY, code::SALE, code::EDGE_REFUSED, 5)],
        quarantined: 1,
        ..Books::default()
    }
}

/// Nine clicks, of which one is refused, one nobody's and one may be there, four orders and a refund.
pub(super) fn good() -> (Books, Acknowledged) {
    let other = Click { company: OTHER_COMPANY, ..click(13, code::COUNTED) };
    let clicks = vec![
        click(11, code::COUNTED),
        click(12, code::COUNTED),
        other,
        click(14, code::BOT),
        click(15, code::DUPLICATE),
        click(16, code::COUNTED),
    ];
    let refunded = kept(101, 20, 10_000, 5_000, [500, 400, 100]);
    let whole = kept(102, 21, 2_000, 0, [200, 160, 40]);
    let nobodys = Kept { attributed: false, ..kept(103, 22, 3_000, 0, [0; 3]) };
    let changes = vec![
        Change { offset: 20, order: 101, kind: 3, by: [1, 10_000, 1_000, 800] },
        Change { offset: 21, order: 102, kind: 3, by: [1, 2_000, 200, 160] },
        Change { offset: 25, order: 101, kind: 4, by: [0, -5_000, -500, -400] },
    ];
    let books = Books {
        next: 30,
        clicks,
        orders: vec![refunded, whole, nobodys],
        transfers: vec![
            transfer(1, 101, OF_COMPANY, OF_PARTNER, 800),
            transfer(2, 101, OF_COMPANY, OF_PLATFORM, 200),
            transfer(3, 102, OF_COMPANY, OF_PARTNER, 160),
            transfer(4, 102, OF_COMPANY, OF_PLATFORM, 40),
            transfer(5, 101, OF_PARTNER, OF_COMPANY, 400),
            transfer(6, 101, OF_PLATFORM, OF_COMPANY, 100),
        ],
        balances: vec![(COMPANY, 1, 0, -700), (COMPANY, 3, PARTNER, 560), (COMPANY, 6, 0, 140)],
        refunds: vec![(101, "refund-1")],
        shown: changes.clone(),
        changes,
        outcomes: vec![
            (COMPANY, code::CLICK, code::COUNTED, 3),
            (OTHER_COMPANY, code::CLICK, code::COUNTED, 1),
            (COMPANY, code::CLICK, code::BOT, 1),
            (COMPANY, code::CLICK, code::DUPLICATE, 1),
            (COMPANY, code::CLICK, code::EDGE_REFUSED, 1),
            (COMPANY, code::SALE, code::ATTRIBUTED, 2),
            (COMPANY, code::SALE, code::UNATTRIBUTED, 1),
            (COMPANY, code::SALE, code::DUPLICATE, 1),
            (COMPANY, code::REFUND, code::APPLIED, 1),
        ],
        status_counts: vec![(2, 2), (3, 1)],
        partner_total: [2, 700, 560],
        ..Books::default()
    };
    (books, acknowledged())
}

fn acknowledged() -> Acknowledged {
    let decided =
        |attributed, commission_minor, partner_minor| Some(Decided { attributed, commission_minor, partner_minor });
    let order = |id, value_minor, decided| Order { id, value_minor, decided };
    let told = |sent, refused: &[(u16, u64)], unsure| Told { sent, refused: refused.iter().copied().collect(), unsure };
    Acknowledged {
        // Of one that is there nobody was told.
        clicks: [11, 12, 13, 14, 15].map(signature).to_vec(),
        orders: vec![
            order(103, 3_000, decided(false, 0, 0)),
            order(101, 10_000, decided(true, 1_000, 800)),
            order(102, 2_000, None),
        ],
        refunds: vec![Refund { conversion: 101, name: "refund-1".to_owned() }],
        told: BTreeMap::from([
            (Kind::Click, told(9, &[(404, 1), (429, 1)], 2)),
            (Kind::Order, told(4, &[], 0)),
            (Kind::Refund, told(1, &[], 0)),
        ]),
        visits: Visits { people: 3, bots: 1, repeats: 1 },
    }
}

pub(super) fn click(offset: u64, outcome: u8) -> Click {
    Click { company: COMPANY, offset, event: u128::from(offset) << 70, outcome, signature: signature(offset) }
}

pub(super) fn signature(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

pub(super) fn kept(id: u128, offset: u64, amount_minor: i64, refunded_minor: i64, earned: [i64; 3]) -> Kept {
    Kept { id, offset, amount_minor, refunded_minor, attributed: true, earned }
}

fn transfer(id: u128, order: u128, debit: (u8, u64), credit: (u8, u64), amount_minor: i64) -> Transfer {
    Transfer { id, order, debit, credit, amount_minor }
}
