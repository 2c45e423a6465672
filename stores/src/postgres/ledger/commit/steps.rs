//! A batch's statements in their order, and what each must have done.

use crate::{
    StoreError,
    ledger::{CommitError, Plan, SharedRow, sums::Sums},
    postgres::ledger::{
        ask::{Ask, Told},
        columns::get_id,
        plan::out_of_order,
        session::Session,
        shared::{self, Kind},
    },
};
use std::collections::BTreeMap;

use super::counts;

#[derive(Default)]
pub(super) struct Steps {
    asks: Vec<Ask>,
    checks: Vec<Check>,
}

pub(super) enum Check {
    Any,
    /// One row, or the owner has been replaced.
    Owner,
    Plan(Plan),
    /// Rows that were locked are as they were looked up.
    Known {
        kind: Kind,
        looked_up: BTreeMap<SharedRow, u64>,
    },
    /// So many rows, or this finds the row that another batch has changed, where there is one.
    Rows {
        wanted: u64,
        kind: Kind,
        found: Ask,
        else_row: Option<SharedRow>,
    },
    /// Conversions before they are put.
    Before,
    /// How many transfers were posted.
    Posted,
}

/// What the second round trip is made of.
#[derive(Default)]
pub(super) struct Done {
    pub(super) before: Sums,
    pub(super) posted: u64,
}

impl Steps {
    pub(super) fn push(&mut self, ask: Ask) {
        self.push_checked(ask, Check::Any);
    }

    pub(super) fn push_checked(&mut self, ask: Ask, check: Check) {
        self.asks.push(ask);
        self.checks.push(check);
    }

    /// Sends all at once. The first that did not do what it must says why nothing of the batch is committed.
    pub(super) async fn run(self, session: &Session, begin: Option<&str>) -> Result<Done, CommitError> {
        let told = session.run(begin, &self.asks, None).await?;
        // After an error nothing more can be asked: what comes of it is told where it happened.
        let has_failed = told.iter().any(Result::is_err);
        let mut done = Done::default();
        for (told, check) in told.into_iter().zip(self.checks) {
            let told = told.map_err(StoreError::from)?;
            match check {
                Check::Any => {}
                Check::Owner if told.count() == 1 => {}
                Check::Owner => return Err(CommitError::Fenced),
                Check::Plan(plan) if told.count() != 1 => return Err(out_of_order(plan)),
                Check::Plan(_) => {}
                Check::Known { kind, looked_up } => known(told, kind, looked_up)?,
                Check::Rows { .. } if has_failed => {}
                Check::Rows { wanted, kind, found, else_row } => {
                    rows(session, told.count(), wanted, kind, found, else_row).await?;
                }
                Check::Before => done.before = counts::before(told)?,
                Check::Posted => done.posted = told.count(),
            }
        }
        Ok(done)
    }
}

fn known(told: Told, kind: Kind, looked_up: BTreeMap<SharedRow, u64>) -> Result<(), CommitError> {
    let mut found = BTreeMap::new();
    for row in told.rows() {
        found.insert(shared::read(&row, 1, kind)?, get_id(&row, 0)?);
    }
    let changed = looked_up.into_iter().find(|(row, version)| found.get(row) != Some(version));
    changed.map_or(Ok(()), |(row, _)| Err(CommitError::Conflict(row)))
}

pub(super) async fn rows(
    session: &Session,
    changed: u64,
    wanted: u64,
    kind: Kind,
    found: Ask,
    else_row: Option<SharedRow>,
) -> Result<(), CommitError> {
    if changed == wanted {
        return Ok(());
    }
    let told = session.all(None, &[found], None).await?;
    let row = told.into_iter().flat_map(Told::rows).next().map(|row| shared::read(&row, 0, kind)).transpose()?;
    row.or(else_row).map_or(Ok(()), |row| Err(CommitError::Conflict(row)))
}
