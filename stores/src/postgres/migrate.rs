use deadpool_postgres::{ClientWrapper, Object};
use refinery::{Runner, error::Kind};
use tokio_postgres::{Error, error::SqlState};

use super::Postgres;
use crate::{OpenError, StoreError};

/// For a start: others may be starting too, and a migration may take its time.
const PATIENT: &str = "SET lock_timeout = '60s'; SET statement_timeout = '10min'";

impl Postgres {
    /// Brings a schema's tables up to date and gives the connection that did it, which holds a lock as long as it lives: of several
    /// processes that start at once, one does it and the others find it done.
    pub(crate) async fn bring_up_to_date(&self, schema: &str, migrations: Runner) -> Result<ClientWrapper, OpenError> {
        let mut client = Object::take(self.client().await?);
        self.make_schema(&client, schema).await?;
        let table = format!("{schema}.refinery_schema_history");
        let mut runner = migrations.set_abort_missing(true).set_abort_divergent(true);
        runner.set_migration_table_name(table);
        runner.run_async(&mut *client).await.map_err(|source| match source.kind() {
            Kind::MissingVersion(_) | Kind::DivergentVersion(..) => self.unfit(
                format!("its schema {schema} was made by a newer version of Refmill"),
                "Start that version, or name another database in --postgres".to_owned(),
            ),
            _ => self.unfit(
                format!("schema {schema} cannot be brought up to date: {}", crate::error::whole(&source)),
                format!("See that the user of --postgres owns schema {schema} and all in it"),
            ),
        })?;
        Ok(client)
    }

    /// Takes the lock, then makes the schema where it is missing: asking for one that is there takes no right to make it.
    async fn make_schema(&self, client: &ClientWrapper, schema: &str) -> Result<(), OpenError> {
        let failed = |error: Error| match error.code() {
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => self.unfit(
                format!("schema {schema} is missing and this user may not make it"),
                "GRANT CREATE ON DATABASE to the user of --postgres, or make the schema and give it to that user"
                    .to_owned(),
            ),
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => self.unfit(
                "it takes no writes".to_owned(),
                "Name the primary server in --postgres, not a standby".to_owned(),
            ),
            _ => StoreError::from(error).into(),
        };
        client.batch_execute(PATIENT).await.map_err(failed)?;
        let lock = "SELECT pg_advisory_lock(hashtextextended('refmill migrations of ' || $1, 0))";
        client.execute(lock, &[&schema]).await.map_err(failed)?;
        let is_there = client.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&schema]).await.map_err(failed)?;
        if !is_there.try_get::<_, bool>(0).map_err(failed)? {
            client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.map_err(failed)?;
        }
        Ok(())
    }

    fn unfit(&self, problem: String, advice: String) -> OpenError {
        OpenError::Unfit { server: "Postgres", address: self.address.clone(), problem, advice }
    }
}
