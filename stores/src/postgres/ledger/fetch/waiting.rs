use rules::{
    effect::{Parked, ParkedUntil},
    known::Awaiting,
};
use schemas::{
    event::Logged,
    ids::{CompanyId, ConversionId, LinkId, Position},
    time::TimeMs,
    wire::decode_event,
};
use tokio_postgres::Row;

use super::{Asked, TakeIn, ids};
use crate::{
    StoreError,
    ledger::{
        Due, LedgerFetched, LedgerNeeds,
        codes::{IDENT_BYTES, ident_from},
    },
    postgres::ledger::{
        ask::{Ask, Told, column, one},
        columns::{Wide, get_id, get_id_or_none, get_small, get_wide, int, row_limit, small, unreadable},
        shared,
    },
};

macro_rules! columns {
    () => {
        "p.company, p.conversion, p.partition, p.\"offset\", p.appended_at_ms, p.record, p.link, p.at_ms, p.facts_offset, \
         p.expires_at_ms, p.idents"
    };
}

pub(super) fn parked<'n>(ids: impl Iterator<Item = ConversionId>) -> Option<Asked<'n>> {
    const SELECT: &str = concat!("SELECT ", columns!(), " FROM ledger.parked p WHERE conversion = ANY($1)");
    let ids: Vec<Wide> = ids.map(|id| Wide(id.0)).collect();
    if ids.is_empty() { None } else { Some((Ask::rows(SELECT, vec![one(ids)]), Box::new(take_parked))) }
}

pub(super) fn parked_by_ident(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    const SELECT: &str = concat!(
        "SELECT DISTINCT ",
        columns!(),
        " FROM unnest($1::bigint[], $2::bytea[]) asked (company, ident)
         JOIN ledger.parked_idents i ON i.company = asked.company AND i.ident = asked.ident
         JOIN ledger.parked p ON p.conversion = i.conversion"
    );
    if needs.parked_by_ident.is_empty() {
        return None;
    }
    let ask = Ask::rows(SELECT, shared::idents(needs.parked_by_ident.iter().copied()));
    Some((ask, Box::new(take_parked)))
}

fn take_parked(told: Told, fetched: &mut LedgerFetched) -> Result<(), StoreError> {
    for row in told.rows() {
        let parked = read_parked(&row)?;
        fetched.parked.insert(parked.conversion, parked);
    }
    Ok(())
}

fn read_parked(row: &Row) -> Result<Parked, StoreError> {
    let event = decode_event(row.try_get(5)?).map_err(|_| unreadable(row, 5, "an encoded event"))?;
    let position = Position { partition: get_small(row, 2)?, offset: get_id(row, 3)? };
    let until = match (get_id_or_none(row, 8)?, row.try_get::<_, Option<i64>>(9)?) {
        (Some(offset), _) => ParkedUntil::FactsHold { offset },
        (None, Some(expires_at)) => ParkedUntil::Lead { expires_at: TimeMs(expires_at) },
        (None, None) => ParkedUntil::LateClick,
    };
    let idents = row.try_get::<_, &[u8]>(10)?.chunks(IDENT_BYTES).map(ident_from);
    Ok(Parked {
        logged: Logged { position, appended_at: TimeMs(row.try_get(4)?), event },
        company: CompanyId(get_id(row, 0)?),
        conversion: ConversionId(get_wide(row, 1)?),
        link: get_id_or_none(row, 6)?.map(LinkId),
        at: TimeMs(row.try_get(7)?),
        until,
        idents: idents.collect::<Option<_>>().ok_or_else(|| unreadable(row, 10, "identifiers"))?,
    })
}

pub(super) fn awaiting(needs: &LedgerNeeds) -> Option<Asked<'_>> {
    let links: Vec<_> = needs.awaiting.iter().map(|(link, from)| (int(link.0), from.0)).collect();
    if links.is_empty() {
        return None;
    }
    let ask = Ask::rows(
        "SELECT a.link, a.company, a.conversion, a.at_ms FROM unnest($1::bigint[], $2::bigint[]) asked (link, earliest)
         JOIN ledger.awaiting a ON a.link = asked.link AND a.at_ms >= asked.earliest ORDER BY a.link, a.at_ms, a.conversion",
        vec![column(&links, |link| link.0), column(&links, |link| link.1)],
    );
    let take_in = |told: Told, fetched: &mut LedgerFetched| {
        for row in told.rows() {
            fetched.awaiting.entry(LinkId(get_id(&row, 0)?)).or_default().push(Awaiting {
                company: CompanyId(get_id(&row, 1)?),
                conversion: ConversionId(get_wide(&row, 2)?),
                at: TimeMs(row.try_get(3)?),
            });
        }
        Ok(())
    };
    Some((ask, Box::new(take_in)))
}

/// Who has waited longest first where there are more than the limit.
pub(super) fn due<'n>(due: Due) -> [Asked<'n>; 2] {
    let ask = |sql| Ask::rows(sql, vec![one(small(due.partition)), one(due.at.0), one(row_limit(due.limit))]);
    let take_in = || -> TakeIn<'n> {
        Box::new(|told, fetched| {
            for id in ids(told) {
                fetched.due.push(id?);
            }
            Ok(())
        })
    };
    let held = ask(
        "SELECT id FROM ledger.conversions WHERE partition = $1 AND held_until_ms <= $2 AND held_until_ms IS NOT NULL
             AND standing = 1 AND review <> 4 ORDER BY held_until_ms LIMIT $3",
    );
    let expired = ask(
        "SELECT conversion FROM ledger.parked WHERE partition = $1 AND expires_at_ms <= $2 ORDER BY expires_at_ms LIMIT $3",
    );
    [(held, take_in()), (expired, take_in())]
}
