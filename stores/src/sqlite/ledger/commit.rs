mod conversions;
mod folded;
mod keys;
mod sales;
mod shared;
mod transfers;
mod waiting;

use std::{collections::BTreeSet, time::Instant};

use rules::effect::Effect;
use rusqlite::{Connection, Transaction};
use schemas::{
    conversion::RefundApplied,
    decision::{Decision, Outcome},
    facts::Fact,
    hashes::KeyHash,
    ids::Position,
    wire::encode_decision,
};

use super::{columns::bound, decided, plan, replies};
use crate::{
    ledger::{Batch, CommitError, Quarantined},
    sqlite::row::{int, wide},
};
use folded::Folded;

/// All of a batch in one transaction, the move of its partition's progress first.
pub(super) fn commit(connection: &mut Connection, batch: Batch) -> Result<(), CommitError> {
    let started = Instant::now();
    let events = batch.to.saturating_sub(batch.from);
    let transaction = connection.transaction()?;
    move_on(&transaction, &batch)?;
    shared::check(&transaction, &batch.relied_on)?;
    let Batch { partition, from, mut effects, relied_on, quarantined, plan, published, .. } = batch;
    // What stands close together is written together; what has no such order stays as it is.
    effects.sort_by_cached_key(place);
    let mut writing = Writing {
        transaction: &transaction,
        partition,
        batch_from: from,
        folded: Folded::default(),
        keys_taken: BTreeSet::new(),
        replies: 0,
        changes: 0,
    };
    for effect in effects {
        writing.apply(effect)?;
    }
    writing.folded.write(&transaction, partition)?;
    shared::hold_free_keys(&transaction, &relied_on, &writing.keys_taken)?;
    for record in quarantined {
        quarantine(&transaction, partition, &record)?;
    }
    if let Some(plan) = plan {
        plan::close(&transaction, partition, plan)?;
    }
    if let Some(up_to) = published {
        replies::publish(&transaction, partition, up_to)?;
    }
    transaction.commit()?;
    metrics::histogram!("refmill_ledger_batch_events").record(events as f64);
    metrics::histogram!("refmill_ledger_commit_seconds").record(started.elapsed().as_secs_f64());
    Ok(())
}

/// Only the present owner may, and only from where the partition stands.
fn move_on(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), CommitError> {
    let last_event = batch.last_event.map(|id| wide(id.0));
    let moved = transaction
        .prepare_cached(
            "UPDATE progress SET next = ?4, last_event = coalesce(?5, last_event), appended_at_ms = max(?6, appended_at_ms)
             WHERE partition = ?1 AND epoch = ?2 AND next = ?3 AND ?4 >= ?3",
        )?
        .execute((
            batch.partition,
            bound(batch.epoch),
            bound(batch.from),
            bound(batch.to),
            last_event,
            batch.appended_at.0,
        ))?;
    if moved == 1 { Ok(()) } else { Err(CommitError::Fenced) }
}

/// The table of an effect whose rows stand by hashes, and where in it.
fn place(effect: &Effect) -> (u8, u128, u128) {
    match effect {
        Effect::TakeKey { key, .. } | Effect::FreeKey { key } => (1, key.0, 0),
        Effect::UseClick { click, customer } => {
            (2, u128::from(click.link.0) << 64 | u128::from(click.event_id_hash), *customer)
        }
        _ => (0, 0, 0),
    }
}

struct Writing<'t> {
    transaction: &'t Transaction<'t>,
    partition: u32,
    batch_from: u64,
    folded: Folded,
    keys_taken: BTreeSet<KeyHash>,
    replies: u32,
    changes: u32,
}

impl Writing<'_> {
    fn apply(&mut self, effect: Effect) -> Result<(), CommitError> {
        let transaction = self.transaction;
        match effect {
            Effect::Count { company, kind, outcome, day, by } => self.folded.count(company, day, kind, outcome, by),
            Effect::ExceptClick { position, outcome } => except_click(transaction, position, outcome)?,
            Effect::TakeKey { key, taken } => {
                keys::take(transaction, key, &taken)?;
                self.keys_taken.insert(key);
            }
            Effect::FreeKey { key } => keys::free(transaction, key)?,
            Effect::PutConversion(conversion) => self.folded.put_conversion(*conversion),
            Effect::PutRefund(refund) => put_refund(transaction, &refund)?,
            Effect::Post(transfer) => self.folded.post(transfer),
            Effect::PutIdent { company, ident, record } => self.folded.put_ident(company, ident, record),
            Effect::UseClick { click, customer } => sales::use_click(transaction, click, customer)?,
            Effect::CountSale { link, at } => self.folded.count_sale(link, at),
            Effect::NoteValue { company, currency, amount_minor } => {
                self.folded.note_value(company, currency, amount_minor)
            }
            Effect::Park(parked) => {
                self.folded.park(&parked);
                waiting::park(transaction, *parked)?;
            }
            Effect::Spend { program, currency, amount_minor } => self.folded.spend(program, currency, amount_minor),
            Effect::Unpark { conversion } => waiting::unpark(transaction, conversion)?,
            Effect::NoteLate { company, conversion, click } => {
                waiting::note_late(transaction, company, conversion, click)?
            }
            Effect::ClearLate { conversion, facts_up_to } => waiting::clear_late(transaction, conversion, facts_up_to)?,
            Effect::AppendSettle { partition, settle } => {
                waiting::append_settle(transaction, self.partition, partition, &settle)?
            }
            Effect::Await { company, link, conversion, at } => {
                waiting::await_click(transaction, company, link, conversion, at)?
            }
            Effect::Record(Fact::Change(change)) => {
                decided::insert_change(transaction, self.changes, &change)?;
                self.changes += 1;
            }
            Effect::Reply(decision) => self.reply(&decision)?,
            Effect::Record(Fact::Click(_)) | Effect::Remember { .. } | Effect::See { .. } | Effect::Forward { .. } => {}
        }
        Ok(())
    }

    fn reply(&mut self, decision: &Decision) -> rusqlite::Result<()> {
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO replies (partition, batch_from, seq, reply_to, record) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        insert.execute((
            self.partition,
            bound(self.batch_from),
            self.replies,
            decision.reply_to,
            encode_decision(decision),
        ))?;
        self.replies += 1;
        Ok(())
    }
}

fn except_click(transaction: &Transaction<'_>, position: Position, outcome: Option<Outcome>) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO click_exceptions (partition, offset, outcome) VALUES (?1, ?2, ?3)")?;
    insert.execute((position.partition, int(position.offset), outcome.map(|outcome| outcome as u8)))?;
    Ok(())
}

fn put_refund(transaction: &Transaction<'_>, refund: &RefundApplied) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO refunds (conversion, id, company, event, label, amount_minor, refunded_minor, commission_minor, partner_minor, reason, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    insert.execute((
        wide(refund.conversion.0),
        wide(refund.id.0),
        int(refund.company.0),
        wide(refund.event.0),
        &refund.label,
        refund.amount_minor,
        refund.refunded_minor,
        refund.commission_minor,
        refund.partner_minor,
        &refund.reason,
        refund.at.0,
    ))?;
    Ok(())
}

fn quarantine(transaction: &Transaction<'_>, partition: u32, record: &Quarantined) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO quarantine (partition, offset, reason, record) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute((partition, int(record.offset), &record.reason, &record.record))?;
    Ok(())
}
