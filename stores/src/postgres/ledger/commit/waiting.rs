//! What waits: parked conversions, sales that a late click could win, and settles to be appended.

use std::collections::{BTreeMap, BTreeSet};

use rules::effect::{Parked, ParkedUntil};
use schemas::{
    ids::{CompanyId, ConversionId, LinkId, Position},
    time::TimeMs,
    wire::encode_event,
};

use super::{folded::Folded, steps::Steps};
use crate::{
    ledger::codes::ident_bytes,
    postgres::ledger::{
        ask::{Ask, column, one},
        columns::{Wide, bound, int, small},
    },
};

/// What a batch leaves of each, whatever happened in between.
#[derive(Default)]
pub(super) struct Waiting {
    /// The row that takes the place of the one before; None where it waits no more.
    parked: BTreeMap<ConversionId, Option<Parked>>,
    /// Those whose notes in `awaiting` from before the batch go.
    forgotten: BTreeSet<ConversionId>,
    awaiting: BTreeMap<(ConversionId, LinkId), (CompanyId, TimeMs)>,
    /// Before which offset notes from before the batch go.
    cleared: BTreeMap<ConversionId, u64>,
    late: BTreeMap<(ConversionId, u64), (u32, CompanyId)>,
}

impl Waiting {
    pub(super) fn park(&mut self, parked: Parked) {
        self.parked.insert(parked.conversion, Some(parked));
    }

    /// It waits for nothing any more.
    pub(super) fn unpark(&mut self, conversion: ConversionId) {
        self.parked.insert(conversion, None);
        self.forgotten.insert(conversion);
        self.awaiting.retain(|(of, _), _| *of != conversion);
        self.clear_late(conversion, u64::MAX);
    }

    pub(super) fn await_click(&mut self, company: CompanyId, link: LinkId, conversion: ConversionId, at: TimeMs) {
        self.awaiting.insert((conversion, link), (company, at));
    }

    pub(super) fn note_late(&mut self, company: CompanyId, conversion: ConversionId, click: Position) {
        self.late.entry((conversion, click.offset)).or_insert((click.partition, company));
    }

    pub(super) fn clear_late(&mut self, conversion: ConversionId, facts_up_to: u64) {
        let up_to = self.cleared.entry(conversion).or_default();
        *up_to = facts_up_to.max(*up_to);
        self.late.retain(|(of, offset), _| *of != conversion || *offset >= facts_up_to);
    }
}

pub(super) fn write(steps: &mut Steps, partition: u32, folded: &Folded) {
    let waiting = &folded.waiting;
    parked(steps, &waiting.parked);
    awaiting(steps, waiting);
    late(steps, waiting);
    if !folded.settles.is_empty() {
        let all = &folded.settles;
        steps.push(Ask::count(
            "INSERT INTO ledger.settles_due (partition, to_partition, company, conversion, facts_up_to)
             SELECT $1::integer, * FROM unnest($2::integer[], $3::bigint[], $4::uuid[], $5::bigint[])",
            vec![
                one(small(partition)),
                column(all, |(to, _)| small(*to)),
                column(all, |(_, settle)| int(settle.company.0)),
                column(all, |(_, settle)| Wide(settle.conversion.0)),
                column(all, |(_, settle)| bound(settle.facts_up_to)),
            ],
        ));
    }
}

fn parked(steps: &mut Steps, parked: &BTreeMap<ConversionId, Option<Parked>>) {
    if parked.is_empty() {
        return;
    }
    let ids = || -> Vec<Wide> { parked.keys().map(|id| Wide(id.0)).collect() };
    steps.push(Ask::count("DELETE FROM ledger.parked_idents WHERE conversion = ANY($1)", vec![one(ids())]));
    steps.push(Ask::count("DELETE FROM ledger.parked WHERE conversion = ANY($1)", vec![one(ids())]));
    let all: Vec<&Parked> = parked.values().flatten().collect();
    if all.is_empty() {
        return;
    }
    steps.push(insert(&all));
    let idents: Vec<_> = all
        .iter()
        .flat_map(|parked| parked.idents.iter().map(|ident| (parked.company, *ident, parked.conversion)))
        .collect();
    if !idents.is_empty() {
        steps.push(Ask::count(
            "INSERT INTO ledger.parked_idents (company, ident, conversion)
             SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::uuid[]) ON CONFLICT DO NOTHING",
            vec![
                column(&idents, |(company, ..)| int(company.0)),
                column(&idents, |(_, ident, _)| ident_bytes(*ident).to_vec()),
                column(&idents, |(.., conversion)| Wide(conversion.0)),
            ],
        ));
    }
}

fn insert(all: &[&Parked]) -> Ask {
    Ask::count(
        "INSERT INTO ledger.parked (conversion, company, partition, \"offset\", appended_at_ms, record, link, at_ms, facts_offset,
                                    expires_at_ms, idents)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[],
                              $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[])",
        vec![
            column(all, |parked| Wide(parked.conversion.0)),
            column(all, |parked| int(parked.company.0)),
            column(all, |parked| small(parked.logged.position.partition)),
            column(all, |parked| int(parked.logged.position.offset)),
            column(all, |parked| parked.logged.appended_at.0),
            column(all, |parked| encode_event(parked.logged.event.clone())),
            column(all, |parked| parked.link.map(|link| int(link.0))),
            column(all, |parked| parked.at.0),
            column(all, |parked| match parked.until {
                ParkedUntil::FactsHold { offset } => Some(bound(offset)),
                _ => None,
            }),
            column(all, |parked| match parked.until {
                ParkedUntil::Lead { expires_at } => Some(expires_at.0),
                _ => None,
            }),
            column(all, |parked| parked.idents.iter().copied().flat_map(ident_bytes).collect::<Vec<u8>>()),
        ],
    )
}

fn awaiting(steps: &mut Steps, waiting: &Waiting) {
    if !waiting.forgotten.is_empty() {
        let forgotten: Vec<Wide> = waiting.forgotten.iter().map(|id| Wide(id.0)).collect();
        steps.push(Ask::count("DELETE FROM ledger.awaiting WHERE conversion = ANY($1)", vec![one(forgotten)]));
    }
    if !waiting.awaiting.is_empty() {
        let all: Vec<_> = waiting.awaiting.iter().collect();
        steps.push(Ask::count(
            "INSERT INTO ledger.awaiting (conversion, link, company, at_ms)
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
             ON CONFLICT (conversion, link) DO UPDATE SET company = excluded.company, at_ms = excluded.at_ms",
            vec![
                column(&all, |((conversion, _), _)| Wide(conversion.0)),
                column(&all, |((_, link), _)| int(link.0)),
                column(&all, |(_, (company, _))| int(company.0)),
                column(&all, |(_, (_, at))| at.0),
            ],
        ));
    }
}

fn late(steps: &mut Steps, waiting: &Waiting) {
    if !waiting.cleared.is_empty() {
        let all: Vec<_> = waiting.cleared.iter().collect();
        steps.push(Ask::count(
            "DELETE FROM ledger.late_notes n USING unnest($1::uuid[], $2::bigint[]) cleared (conversion, up_to)
             WHERE n.conversion = cleared.conversion AND n.\"offset\" < cleared.up_to",
            vec![column(&all, |(conversion, _)| Wide(conversion.0)), column(&all, |(_, up_to)| bound(**up_to))],
        ));
    }
    if !waiting.late.is_empty() {
        let all: Vec<_> = waiting.late.iter().collect();
        steps.push(Ask::count(
            "INSERT INTO ledger.late_notes (conversion, \"offset\", partition, company)
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::bigint[]) ON CONFLICT DO NOTHING",
            vec![
                column(&all, |((conversion, _), _)| Wide(conversion.0)),
                column(&all, |((_, offset), _)| int(*offset)),
                column(&all, |(_, (partition, _))| small(*partition)),
                column(&all, |(_, (_, company))| int(company.0)),
            ],
        ));
    }
}
