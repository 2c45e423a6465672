use deadpool_postgres::Transaction;
use schemas::{
    catalog::ChangeNo,
    ids::{CompanyId, KeyId, LinkId},
};

use crate::{
    StoreError,
    catalog::ChangeKind,
    postgres::{
        query,
        row::{get_id, int},
    },
};

/// A row that edges follow.
#[derive(Debug, Clone, Copy)]
pub(super) enum Changed {
    Company(CompanyId),
    Key(KeyId),
    Link(LinkId),
}

/// The row of the newest number stays locked to the commit. Nothing may be locked after it, so that nobody waits in a circle.
const NUMBER: &str = "WITH newest AS (UPDATE catalog.newest_change SET no = no + cardinality($1::smallint[]) RETURNING no) \
                      INSERT INTO catalog.changes (no, kind, id) \
                      SELECT newest.no - cardinality($1::smallint[]) + place, kind, id \
                      FROM newest, unnest($1::smallint[], $2::bigint[]) WITH ORDINALITY AS changed (kind, id, place) \
                      ON CONFLICT (kind, id) DO UPDATE SET no = excluded.no RETURNING no";

/// Numbers what a transaction changed, each row once, as its last statement. Gives the newest number.
pub(super) async fn note(transaction: &Transaction<'_>, changed: &[Changed]) -> Result<ChangeNo, StoreError> {
    let kind_and_id = |changed: &Changed| match *changed {
        Changed::Company(id) => (ChangeKind::Company as i16, int(id.0)),
        Changed::Key(id) => (ChangeKind::Credential as i16, int(id.0)),
        Changed::Link(id) => (ChangeKind::Link as i16, int(id.0)),
    };
    let (kinds, ids): (Vec<i16>, Vec<i64>) = changed.iter().map(kind_and_id).unzip();
    let rows = query::all(transaction, NUMBER, &[&kinds, &ids]).await?;
    let numbers = rows.iter().map(|row| get_id(row, 0)).collect::<Result<Vec<_>, _>>()?;
    let newest = numbers.into_iter().max().ok_or_else(|| StoreError::Corrupt("newest_change has no row".to_owned()))?;
    Ok(ChangeNo(newest))
}
