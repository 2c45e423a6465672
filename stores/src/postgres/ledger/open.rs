use std::error::Error as _;

use deadpool_postgres::Object;
use refinery::error::Kind;
use tokio_postgres::Client;

use super::columns::{Wide, get_small, get_wide, small};
use crate::{DeploymentId, OpenError, StoreError, error::postgres_text, postgres::Postgres};

mod migrations {
    refinery::embed_migrations!("../schemas/sql/ledger_postgres");
}

/// Held while tables are made, so that of several processes that start at once one makes them.
const MIGRATION_LOCK: i64 = 0x5265_666d_696c_6c01;

/// How long that is waited for.
const MIGRATION_WAIT_MS: u32 = 60_000;

const APPLIED: &str = "ledger.refinery_schema_history";

/// Brings the tables up to date, and notes in a new ledger whose it is and how many partitions it has.
pub(super) async fn open(postgres: &Postgres, deployment: DeploymentId, partitions: u32) -> Result<(), OpenError> {
    // What the session is set to ends with it.
    let mut client = Object::take(postgres.client().await?);
    let settings = format!("SET lock_timeout = {MIGRATION_WAIT_MS}; SET client_min_messages = warning");
    client.batch_execute(&settings).await.map_err(StoreError::from)?;
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await.map_err(StoreError::from)?;
    migrate(postgres, &mut client).await?;
    belong(postgres, &client, deployment, partitions).await
}

async fn migrate(postgres: &Postgres, client: &mut Client) -> Result<(), OpenError> {
    let found = client.query_opt("SELECT FROM pg_namespace WHERE nspname = 'ledger'", &[]).await;
    if found.map_err(StoreError::from)?.is_none() {
        let made = client.batch_execute("CREATE SCHEMA ledger").await;
        made.map_err(|error| unfit(postgres, postgres_text(&error), "Let its user create schemas in this database"))?;
    }
    let mut runner = migrations::migrations::runner().set_abort_missing(true).set_abort_divergent(true);
    runner.set_migration_table_name(APPLIED);
    match runner.run_async(client).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), Kind::MissingVersion(_) | Kind::DivergentVersion(..)) => {
            let problem = "its ledger was made by a newer version of Refmill".to_owned();
            Err(unfit(postgres, problem, "Start that version, or name another database in --postgres"))
        }
        Err(error) => {
            let problem = format!("its ledger cannot be brought up to date: {}", cause(&error));
            Err(unfit(postgres, problem, "See that its user owns the schema `ledger`"))
        }
    }
}

async fn belong(
    postgres: &Postgres,
    client: &Client,
    deployment: DeploymentId,
    partitions: u32,
) -> Result<(), OpenError> {
    let insert = "INSERT INTO ledger.deployment (one, id, partitions) VALUES (1, $1, $2) ON CONFLICT DO NOTHING";
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&Wide(deployment.0), &small(partitions)];
    client.execute(insert, &params).await.map_err(StoreError::from)?;
    let row = client.query_one("SELECT id, partitions FROM ledger.deployment", &[]).await.map_err(StoreError::from)?;
    let (id, stored) = (get_wide(&row, 0)?, get_small(&row, 1)?);
    if id != deployment.0 {
        let problem = format!("its ledger belongs to deployment {id:032x}, and the catalog to {:032x}", deployment.0);
        return Err(unfit(postgres, problem, "Name the database of this deployment in --postgres"));
    }
    if stored != partitions {
        let problem = format!("its ledger was made with {stored} partitions, and {partitions} are asked for");
        let advice = format!("Say --partitions {stored}: the number is fixed when a deployment is made");
        return Err(unfit(postgres, problem, &advice));
    }
    Ok(())
}

fn unfit(postgres: &Postgres, problem: String, advice: &str) -> OpenError {
    OpenError::Unfit { server: "Postgres", address: postgres.address.clone(), problem, advice: advice.to_owned() }
}

/// The server's own words where it said any.
fn cause(error: &refinery::Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(inner) = cause {
        if let Some(postgres) = inner.downcast_ref::<tokio_postgres::Error>() {
            return postgres_text(postgres);
        }
        cause = inner.source();
    }
    error.to_string()
}
