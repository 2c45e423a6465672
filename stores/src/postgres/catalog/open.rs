use deadpool_postgres::ClientWrapper;
use schemas::{
    hashes::{IdKey, PersonKey},
    time::TimeMs,
};
use tokio::sync::{Semaphore, watch};

use super::{
    PostgresCatalog, VERBS_AT_ONCE,
    latest::{Watching, newest},
};
use crate::{
    DeploymentId, OpenError, StoreError,
    catalog::{Secrets, chance::Chance, terms_cache::TermsCache},
    postgres::{
        Postgres,
        row::{get_bytes, get_wide},
    },
};

const SCHEMA: &str = "catalog";

mod distributed {
    refinery::embed_migrations!("../schemas/sql/catalog_postgres");
}

impl PostgresCatalog {
    pub(crate) async fn connect(postgres: Postgres, now: TimeMs) -> Result<PostgresCatalog, OpenError> {
        let chance = Chance::draw()?;
        let alone = postgres.bring_up_to_date(SCHEMA, distributed::migrations::runner()).await?;
        let (deployment, secrets) = make_or_read(&alone, &chance, now).await?;
        drop(alone);
        let client = postgres.client().await?;
        let latest = watch::Sender::new(newest(&client).await?);
        drop(client);
        Ok(PostgresCatalog {
            watching: Watching::start(postgres.clone(), latest.clone()),
            postgres,
            deployment,
            secrets,
            terms: TermsCache::default(),
            places: Semaphore::new(VERBS_AT_ONCE as usize),
            latest,
        })
    }
}

/// Whoever comes first under the lock makes them for all.
async fn make_or_read(
    alone: &ClientWrapper,
    chance: &Chance,
    now: TimeMs,
) -> Result<(DeploymentId, Secrets), StoreError> {
    let Chance { deployment, id_key, person_key, jwt_key } = chance;
    let make = "WITH made AS ( \
                  INSERT INTO catalog.secrets (id_key, person_key, jwt_key) VALUES ($3, $4, $5) ON CONFLICT DO NOTHING) \
                INSERT INTO catalog.deployment (id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    alone.execute(make, &[&&deployment[..], &now.0, &&id_key[..], &&person_key[..], &&jwt_key[..]]).await?;
    let read = "SELECT id, id_key, person_key, jwt_key FROM catalog.deployment, catalog.secrets";
    let row = alone.query_one(read, &[]).await?;
    let secrets = Secrets {
        id_key: IdKey::new(get_bytes(&row, 1)?),
        person_key: PersonKey::new(get_bytes(&row, 2)?),
        jwt_key: get_bytes(&row, 3)?,
    };
    Ok((DeploymentId(get_wide(&row, 0)?), secrets))
}
