use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use rusqlite::{Connection, params};
use schemas::{
    catalog::ChangeNo,
    hashes::{IdKey, PersonKey},
    time::TimeMs,
};
use tokio::sync::watch;

use super::SqliteCatalog;
use crate::{
    DeploymentId, OpenError,
    catalog::{Secrets, chance::Chance},
    sqlite::{
        file::{self, Durability, Pages},
        owner::Owner,
        readers::Readers,
        row::{get_id, get_wide},
    },
};

pub(crate) const FILE: &str = "catalog.db";

const READERS: usize = 2;

mod embedded {
    refinery::embed_migrations!("../schemas/sql/catalog");
}

impl SqliteCatalog {
    pub(crate) fn open(folder: &Path, now: TimeMs) -> Result<SqliteCatalog, OpenError> {
        let path = folder.join(FILE);
        let connection = file::open(&path, Durability::Full, Pages::SMALL, embedded::migrations::runner())?;
        let sqlite = |source| OpenError::Sqlite { file: path.clone(), source };
        connection.pragma_update(None, "secure_delete", "ON").map_err(sqlite)?;
        let chance = Chance::draw()?;
        let (deployment, secrets) = make_or_read(&connection, &chance, now).map_err(sqlite)?;
        let newest = connection
            .query_row("SELECT coalesce(max(no), 0) FROM changes", [], |row| get_id(row, 0))
            .map_err(sqlite)?;
        Ok(SqliteCatalog {
            deployment,
            secrets,
            writer: Owner::start("catalog", connection).map_err(OpenError::Thread)?,
            readers: Readers::start("catalog", &path, READERS)?,
            latest: watch::Sender::new(ChangeNo(newest)),
            terms: Arc::default(),
            wipe_due: Arc::new(AtomicBool::new(true)),
        })
    }
}

fn make_or_read(connection: &Connection, chance: &Chance, now: TimeMs) -> rusqlite::Result<(DeploymentId, Secrets)> {
    let transaction = connection.unchecked_transaction()?;
    let Chance { deployment, id_key, person_key, jwt_key } = chance;
    let identity = "INSERT OR IGNORE INTO deployment (only, id, created_at) VALUES (1, ?1, ?2)";
    transaction.execute(identity, params![deployment, now.0])?;
    let secrets = "INSERT OR IGNORE INTO secrets (only, id_key, person_key, jwt_key) VALUES (1, ?1, ?2, ?3)";
    transaction.execute(secrets, params![id_key, person_key, jwt_key])?;
    let deployment = transaction.query_row("SELECT id FROM deployment", [], |row| get_wide(row, 0))?;
    let secrets = transaction.query_row("SELECT id_key, person_key, jwt_key FROM secrets", [], |row| {
        Ok(Secrets { id_key: IdKey::new(row.get(0)?), person_key: PersonKey::new(row.get(1)?), jwt_key: row.get(2)? })
    })?;
    transaction.commit()?;
    Ok((DeploymentId(deployment), secrets))
}
