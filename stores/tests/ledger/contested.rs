//! Sales of several partitions that want the same order id, customer or last of a budget: they end as if one had come after
//! the other.

use rules::{
    Effect,
    known::{Bound, Ident, IdentRecord},
};
use schemas::{
    conversion::Conversion,
    decision::Outcome,
    hashes::{CustomerHash, KeyHash},
    ids::{CompanyId, ConversionId, LinkId, PartnerId, ProgramId},
    money::Currency,
    time::TimeMs,
};
use stores::ledger::{Ledger, LedgerFetched, LedgerNeeds, SharedRow, Versions};

use crate::samples::{COMPANY, conversion, count, put, take_key};

/// Enough for one commission.
const BUDGET: i64 = 1_000;

/// What sales of one round share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contested {
    Key,
    Customer,
    Budget,
}

impl Contested {
    pub(crate) const ALL: [Contested; 3] = [Contested::Key, Contested::Customer, Contested::Budget];
}

/// One partition's sale of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sale {
    pub(crate) round: u64,
    pub(crate) partition: u32,
    pub(crate) contested: Contested,
}

impl Sale {
    pub(crate) fn id(self) -> ConversionId {
        ConversionId(u128::from(self.round) * 100 + u128::from(self.partition) + 1)
    }

    fn shared(self, contested: Contested) -> u64 {
        let own = self.round * 100 + u64::from(self.partition) + 1;
        if self.contested == contested { self.round * 100 } else { own }
    }

    fn key(self) -> KeyHash {
        KeyHash(self.shared(Contested::Key).into())
    }

    fn customer(self) -> (CompanyId, Ident) {
        (COMPANY, Ident::Customer(CustomerHash(self.shared(Contested::Customer).into())))
    }

    fn budget(self) -> (ProgramId, Currency) {
        (ProgramId(self.shared(Contested::Budget)), Currency::USD)
    }

    /// The row that it shares with the round's other sales.
    pub(crate) fn row(self) -> SharedRow {
        match self.contested {
            Contested::Key => SharedRow::Key(self.key()),
            Contested::Customer => SharedRow::Ident(self.customer().0, self.customer().1),
            Contested::Budget => SharedRow::Budget(self.budget().0, self.budget().1),
        }
    }

    pub(crate) fn needs(self) -> LedgerNeeds {
        LedgerNeeds {
            keys: [self.key()].into(),
            idents: [self.customer()].into(),
            budgets: [self.budget()].into(),
            ..LedgerNeeds::default()
        }
    }

    /// Whoever was credited with the customer first is credited again, and only what is left of the budget is paid.
    pub(crate) fn decide(self, known: &LedgerFetched) -> Vec<Effect> {
        if known.keys.contains_key(&self.key()) {
            return vec![count(Outcome::Duplicate, 1)];
        }
        let (company, ident) = self.customer();
        let own = Bound { partner: PartnerId(self.partition.into()), link: LinkId(1), at: TimeMs(1) };
        let bound = known.idents.get(&(company, ident)).and_then(|record| record.bound);
        let (program, currency) = self.budget();
        let spent = known.budgets.get(&(program, currency)).copied().unwrap_or(0);
        let commission_minor = if spent + BUDGET <= BUDGET { BUDGET } else { 0 };
        let record = IdentRecord { bound: Some(bound.unwrap_or(own)), ..IdentRecord::default() };
        let partner = record.bound.map(|bound| bound.partner);
        let mut effects = vec![
            take_key(self.key().0, self.id().0),
            put(Conversion { id: self.id(), partner, commission_minor, ..conversion(1) }),
            count(Outcome::Attributed, 1),
        ];
        if bound.is_none() {
            effects.push(Effect::PutIdent { company, ident, record });
        }
        if commission_minor > 0 {
            effects.push(Effect::Spend { program, currency, amount_minor: commission_minor });
        }
        effects
    }

    /// What makes its rows exist, and says nothing of them.
    pub(crate) fn seed(self) -> Vec<Effect> {
        let ((company, ident), (program, currency)) = (self.customer(), self.budget());
        vec![
            take_key(self.key().0, 1),
            Effect::FreeKey { key: self.key() },
            Effect::PutIdent { company, ident, record: IdentRecord::default() },
            Effect::Spend { program, currency, amount_minor: 0 },
        ]
    }
}

/// What of a batch's versions the ledger is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    Whole,
    Nothing,
    NoAbsence,
    OnlyAbsence,
}

impl Guard {
    pub(crate) fn of(self, mut versions: Versions) -> Versions {
        let kept = |version: u64| match self {
            Guard::Whole => true,
            Guard::Nothing => false,
            Guard::NoAbsence => version > 0,
            Guard::OnlyAbsence => version == 0,
        };
        versions.keys.retain(|_, version| kept(*version));
        versions.idents.retain(|_, version| kept(*version));
        versions.budgets.retain(|_, version| kept(*version));
        versions
    }
}

/// What a round's sales came to, read from the ledger alone.
pub(crate) async fn audit(ledger: &Ledger, sales: &[Sale]) -> Result<(), String> {
    let mut decided = Vec::new();
    for sale in sales {
        if let Some(conversion) = ledger.conversion(sale.id()).await.unwrap() {
            decided.push((*sale, conversion));
        }
    }
    let Some((first, _)) = decided.first() else {
        return Err("no sale was decided".to_owned());
    };
    let known = ledger.fetch(first.needs()).await.unwrap();
    let (paid, spent): (i64, _) = (
        decided.iter().map(|(_, conversion)| conversion.commission_minor).sum(),
        known.budgets.get(&first.budget()).copied().unwrap_or(0),
    );
    let bound = known.idents.get(&first.customer()).and_then(|record| record.bound).map(|bound| bound.partner);
    match first.contested {
        Contested::Key if decided.len() != 1 => Err("an order has two sales".to_owned()),
        Contested::Key if known.keys[&first.key()].conversion != first.id() => {
            Err("a key names another sale".to_owned())
        }
        Contested::Customer if decided.iter().any(|(_, conversion)| conversion.partner != bound) => {
            Err("a customer was credited to two".to_owned())
        }
        Contested::Budget if paid != spent || spent > BUDGET => Err("a budget was overspent".to_owned()),
        Contested::Customer | Contested::Budget if decided.len() != sales.len() => Err("a sale is missing".to_owned()),
        _ => Ok(()),
    }
}
