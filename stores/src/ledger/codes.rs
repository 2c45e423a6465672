//! How the ledger's words stand in columns, whichever database has them.

use rules::known::Ident;
use schemas::{
    accounts::{Account, AccountKind},
    conversion::{Conversion, Standing, Unattributed},
    decision::Refusal,
    hashes::{CustomerHash, EmailHash, KeyKind},
    ids::{CompanyId, PartnerId},
    terms::SignalName,
};

pub(crate) fn key_kind_code(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::Sale => 1,
        KeyKind::Lead => 2,
        KeyKind::Refund => 3,
    }
}

/// Kind, company and partner; 0 stands for no partner, and the kind says whether there is one.
pub(crate) fn account_columns(account: Account) -> (u8, i64, i64) {
    let partner = account.partner().map_or(0, |partner| partner.0);
    (account.kind() as u8, account.company().0.cast_signed(), partner.cast_signed())
}

pub(crate) fn account_from(kind: u8, company: u64, partner: u64) -> Option<Account> {
    const OF_PARTNERS: [u8; 3] =
        [AccountKind::PartnerPending as u8, AccountKind::PartnerAvailable as u8, AccountKind::PartnerPaid as u8];
    let partner = OF_PARTNERS.contains(&kind).then_some(PartnerId(partner));
    Account::from_parts(kind, CompanyId(company), partner)
}

pub(crate) const IDENT_BYTES: usize = 17;

pub(crate) fn ident_bytes(ident: Ident) -> [u8; IDENT_BYTES] {
    let (kind, hash) = match ident {
        Ident::Customer(hash) => (1, hash.0),
        Ident::Email(hash) => (2, hash.0),
    };
    let mut bytes = [kind; IDENT_BYTES];
    bytes[1..].copy_from_slice(&hash.to_be_bytes());
    bytes
}

pub(crate) fn ident_from(bytes: &[u8]) -> Option<Ident> {
    let (kind, hash) = bytes.split_first()?;
    let hash = u128::from_be_bytes(hash.try_into().ok()?);
    match kind {
        1 => Some(Ident::Customer(CustomerHash(hash))),
        2 => Some(Ident::Email(EmailHash(hash))),
        _ => None,
    }
}

/// The house's word as a column; 0 while it is not decided.
pub(crate) fn house_status_code(conversion: &Conversion) -> u8 {
    conversion.house_status().map_or(0, |status| status as u8)
}

/// 1 attributed, 2 unattributed, 3 refused, 4 parked; the second column says why.
pub(crate) fn standing_columns(standing: Standing) -> (u8, Option<u8>) {
    match standing {
        Standing::Attributed => (1, None),
        Standing::Unattributed(why) => (2, Some(why as u8)),
        Standing::Refused(why) => (3, Some(why as u8)),
        Standing::Parked => (4, None),
    }
}

pub(crate) fn standing_from(standing: u8, reason: Option<u8>) -> Option<Standing> {
    match standing {
        1 => Some(Standing::Attributed),
        2 => Unattributed::ALL.into_iter().find(|why| Some(*why as u8) == reason).map(Standing::Unattributed),
        3 => Refusal::ALL.into_iter().find(|why| Some(*why as u8) == reason).map(Standing::Refused),
        4 => Some(Standing::Parked),
        _ => None,
    }
}

pub(crate) fn signals_column(signals: &[SignalName]) -> String {
    let names: Vec<&str> = signals.iter().map(|signal| signal.as_str()).collect();
    names.join(",")
}

pub(crate) fn signals_from(names: &str) -> Option<Vec<SignalName>> {
    let known = |name: &str| SignalName::ALL.into_iter().find(|signal| signal.as_str() == name);
    names.split(',').filter(|name| !name.is_empty()).map(known).collect()
}
