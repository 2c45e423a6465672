use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::{hashes::EmailHash, ids::PartnerId, time::TimeMs};

use super::{SqliteCatalog, contacts::Subject, partners, register};
use crate::{
    StoreError,
    catalog::{
        AccountKind, IssueError, Issued, MAGIC_LINK_MS, MAIL_WINDOW_MS, MAILS_AN_ADDRESS, MAILS_AN_IP, NewMagicLink,
        Principal, RedeemError, Redeemed,
    },
    sqlite::row::{get_wide, unreadable, wide},
};

impl SqliteCatalog {
    pub(crate) async fn issue_magic_link(&self, link: NewMagicLink) -> Result<Issued, IssueError> {
        self.write(move |transaction| issue(transaction, &link)).await
    }

    pub(crate) async fn redeem_magic_link(
        &self,
        token_digest: [u8; 32],
        id_if_new: PartnerId,
        now: TimeMs,
    ) -> Result<Redeemed, RedeemError> {
        self.write(move |transaction| redeem(transaction, token_digest, id_if_new, now)).await
    }
}

/// Destroys links past their time, the addresses that waited for them, and counts of mails that limit nothing any more.
pub(super) fn expire(transaction: &Transaction<'_>, now: TimeMs) -> rusqlite::Result<u32> {
    let addresses =
        "DELETE FROM contacts WHERE kind = 4 AND id IN (SELECT token_digest FROM magic_links WHERE expires_at <= ?1)";
    let addresses = transaction.execute(addresses, [now.0])?;
    transaction.execute("DELETE FROM magic_links WHERE expires_at <= ?1", [now.0])?;
    transaction.execute("DELETE FROM mail_counters WHERE sent_at <= ?1", [now.0 - MAIL_WINDOW_MS])?;
    Ok(u32::try_from(addresses).unwrap_or(u32::MAX))
}

/// Who a mail is counted for.
#[derive(Clone, Copy)]
enum CountedFor {
    Email = 1,
    Address = 2,
}

fn issue(transaction: &Transaction<'_>, link: &NewMagicLink) -> Result<Issued, IssueError> {
    for (counted_for, hash, limit) in
        [(CountedFor::Email, link.email_hash.0, MAILS_AN_ADDRESS), (CountedFor::Address, link.address.0, MAILS_AN_IP)]
    {
        if mails(transaction, counted_for, hash, link.now)? >= limit {
            return Err(IssueError::OverLimit);
        }
        count_mail(transaction, counted_for, hash, link.now)?;
    }
    let known = register::by_email(transaction, link.email_hash)?;
    if link.kind == AccountKind::Company && known.is_none() {
        return Ok(Issued::NoAccount);
    }
    let insert = "INSERT INTO magic_links (token_digest, account_kind, email_hash, expires_at) VALUES (?1, ?2, ?3, ?4)";
    let expires_at = link.now.plus_ms(MAGIC_LINK_MS);
    let values = params![link.token_digest, link.kind.number(), wide(link.email_hash.0), expires_at.0];
    transaction.prepare_cached(insert)?.execute(values)?;
    if link.kind == AccountKind::Partner {
        Subject::Pending(link.token_digest).add(transaction, Some(&link.email), None)?;
    }
    Ok(Issued::Mail)
}

fn mails(transaction: &Transaction<'_>, counted_for: CountedFor, hash: u128, now: TimeMs) -> rusqlite::Result<u32> {
    let select = "SELECT count(*) FROM mail_counters WHERE kind = ?1 AND hash = ?2 AND sent_at > ?3";
    let since = now.0 - MAIL_WINDOW_MS;
    transaction.prepare_cached(select)?.query_row(params![counted_for as u8, wide(hash), since], |row| row.get(0))
}

fn count_mail(transaction: &Transaction<'_>, counted_for: CountedFor, hash: u128, now: TimeMs) -> rusqlite::Result<()> {
    let insert = "INSERT INTO mail_counters (kind, hash, sent_at) VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(insert)?.execute(params![counted_for as u8, wide(hash), now.0]).map(drop)
}

/// The row is deleted first, so whoever comes second finds nothing.
fn redeem(
    transaction: &Transaction<'_>,
    token_digest: [u8; 32],
    id_if_new: PartnerId,
    now: TimeMs,
) -> Result<Redeemed, RedeemError> {
    let take = "DELETE FROM magic_links WHERE token_digest = ?1 AND expires_at > ?2 RETURNING account_kind, email_hash";
    let taken = transaction.prepare_cached(take)?.query_row(params![token_digest, now.0], |row| {
        let kind = AccountKind::of(row.get(0)?).ok_or_else(|| unreadable(0, "no kind of account"))?;
        Ok((kind, EmailHash(get_wide(row, 1)?)))
    });
    let (kind, email_hash) = taken.optional()?.ok_or(RedeemError::NotValid)?;
    match kind {
        AccountKind::Company => {
            let company = register::by_email(transaction, email_hash)?.ok_or(RedeemError::NotValid)?;
            let email = Subject::Company(company).read(transaction)?.email.unwrap_or_default();
            Ok(Redeemed { principal: Principal::Company(company), email })
        }
        AccountKind::Partner => {
            let pending = Subject::Pending(token_digest);
            let email = pending
                .read(transaction)?
                .email
                .ok_or_else(|| StoreError::Corrupt("a magic link without an address".to_owned()))?;
            pending.forget(transaction)?;
            let partner = partners::by_email_or_create(transaction, &email, email_hash, id_if_new, now)?;
            let email = Subject::Partner(partner).read(transaction)?.email.unwrap_or(email);
            Ok(Redeemed { principal: Principal::Partner(partner), email })
        }
    }
}
