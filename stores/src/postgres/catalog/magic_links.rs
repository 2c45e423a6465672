use deadpool_postgres::Transaction;
use schemas::{hashes::EmailHash, ids::PartnerId, time::TimeMs};
use tokio_postgres::Row;

use super::{PostgresCatalog, contacts::Subject, keys::counted, partners, register};
use crate::{
    StoreError,
    catalog::{
        AccountKind, IssueError, Issued, MAGIC_LINK_MS, MAIL_WINDOW_MS, MAILS_AN_ADDRESS, MAILS_AN_IP, NewMagicLink,
        Principal, RedeemError, Redeemed,
    },
    postgres::{
        query,
        row::{get_wide, unreadable, wide},
    },
};

impl PostgresCatalog {
    pub(crate) async fn issue_magic_link(&self, link: NewMagicLink) -> Result<Issued, IssueError> {
        self.write(async |transaction: &Transaction<'_>| issue(transaction, &link).await).await
    }

    pub(crate) async fn redeem_magic_link(
        &self,
        token_digest: [u8; 32],
        id_if_new: PartnerId,
        now: TimeMs,
    ) -> Result<Redeemed, RedeemError> {
        let redeem = async |transaction: &Transaction<'_>| redeem(transaction, token_digest, id_if_new, now).await;
        self.write(redeem).await
    }
}

/// Destroys links past their time, the addresses that waited for them, and counts of mails that limit nothing any more.
pub(super) async fn expire(transaction: &Transaction<'_>, now: TimeMs) -> Result<u32, StoreError> {
    let addresses = "WITH expired AS (DELETE FROM catalog.magic_links WHERE expires_at <= $1 RETURNING token_digest) \
                     DELETE FROM catalog.contacts USING expired WHERE kind = 4 AND id = token_digest";
    let addresses = query::execute(transaction, addresses, &[&now.0]).await?;
    let counts = "DELETE FROM catalog.mail_counters WHERE sent_at <= $1";
    query::execute(transaction, counts, &[&(now.0 - MAIL_WINDOW_MS)]).await?;
    Ok(counted(addresses))
}

/// Who a mail is counted for.
#[derive(Clone, Copy)]
enum CountedFor {
    Email = 1,
    Address = 2,
}

async fn issue(transaction: &Transaction<'_>, link: &NewMagicLink) -> Result<Issued, IssueError> {
    lock_counts(transaction, link).await?;
    for (counted_for, hash, limit) in
        [(CountedFor::Email, link.email_hash.0, MAILS_AN_ADDRESS), (CountedFor::Address, link.address.0, MAILS_AN_IP)]
    {
        if mails(transaction, counted_for, hash, link.now).await? >= i64::from(limit) {
            return Err(IssueError::OverLimit);
        }
        count_mail(transaction, counted_for, hash, link.now).await?;
    }
    let known = register::by_email(transaction, link.email_hash).await?;
    if link.kind == AccountKind::Company && known.is_none() {
        return Ok(Issued::NoAccount);
    }
    let insert = "INSERT INTO catalog.magic_links (token_digest, account_kind, email_hash, expires_at) \
                  VALUES ($1, $2, $3, $4)";
    let expires_at = link.now.plus_ms(MAGIC_LINK_MS);
    let (kind, hash) = (i16::from(link.kind.number()), wide(link.email_hash.0));
    query::execute(transaction, insert, &[&&link.token_digest[..], &kind, &hash, &expires_at.0]).await?;
    if link.kind == AccountKind::Partner {
        Subject::Pending(link.token_digest).add(transaction, Some(&link.email), None).await?;
    }
    Ok(Issued::Mail)
}

/// Mails to one address, or asked for from one, are counted one after the other. In order, so that nobody waits in a circle.
async fn lock_counts(transaction: &Transaction<'_>, link: &NewMagicLink) -> Result<(), StoreError> {
    let mut names =
        [format!("refmill mails to {}", link.email_hash.0), format!("refmill mails from {}", link.address.0)];
    names.sort_unstable();
    for name in names {
        query::execute(transaction, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&name]).await?;
    }
    Ok(())
}

async fn mails(
    transaction: &Transaction<'_>,
    counted_for: CountedFor,
    hash: u128,
    now: TimeMs,
) -> Result<i64, StoreError> {
    let select = "SELECT count(*) FROM catalog.mail_counters WHERE kind = $1 AND hash = $2 AND sent_at > $3";
    let since = now.0 - MAIL_WINDOW_MS;
    Ok(query::one(transaction, select, &[&(counted_for as i16), &wide(hash), &since]).await?.try_get(0)?)
}

async fn count_mail(
    transaction: &Transaction<'_>,
    counted_for: CountedFor,
    hash: u128,
    now: TimeMs,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO catalog.mail_counters (kind, hash, sent_at) VALUES ($1, $2, $3)";
    query::execute(transaction, insert, &[&(counted_for as i16), &wide(hash), &now.0]).await?;
    Ok(())
}

/// The row is deleted first: whoever comes second waits for the first and finds nothing.
async fn redeem(
    transaction: &Transaction<'_>,
    token_digest: [u8; 32],
    id_if_new: PartnerId,
    now: TimeMs,
) -> Result<Redeemed, RedeemError> {
    let take = "DELETE FROM catalog.magic_links WHERE token_digest = $1 AND expires_at > $2 \
                RETURNING account_kind, email_hash";
    let taken = query::one_or_none(transaction, take, &[&&token_digest[..], &now.0]).await?;
    let taken = taken.ok_or(RedeemError::NotValid)?;
    let email_hash = EmailHash(get_wide(&taken, 1)?);
    match kind(&taken)? {
        AccountKind::Company => {
            let company = register::by_email(transaction, email_hash).await?.ok_or(RedeemError::NotValid)?;
            let email = Subject::Company(company).email(transaction).await?.unwrap_or_default();
            Ok(Redeemed { principal: Principal::Company(company), email })
        }
        AccountKind::Partner => {
            let email = Subject::Pending(token_digest)
                .take_email(transaction)
                .await?
                .ok_or_else(|| StoreError::Corrupt("a magic link without an address".to_owned()))?;
            let partner = partners::by_email_or_create(transaction, &email, email_hash, id_if_new, now).await?;
            let email = Subject::Partner(partner).email(transaction).await?.unwrap_or(email);
            Ok(Redeemed { principal: Principal::Partner(partner), email })
        }
    }
}

fn kind(row: &Row) -> Result<AccountKind, StoreError> {
    let number = u8::try_from(row.try_get::<_, i16>(0)?).ok();
    number.and_then(AccountKind::of).ok_or_else(|| unreadable(row, 0, "no kind of account"))
}
