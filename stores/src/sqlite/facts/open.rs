use std::{collections::BTreeMap, path::Path};

use rusqlite::Connection;
use tokio::sync::watch;

use super::SqliteFacts;
use crate::{
    DeploymentId, OpenError,
    facts::Held,
    sqlite::{
        belonging::belong,
        catalog,
        file::{self, Durability, Pages},
        owner::Owner,
        readers::Readers,
        row::get_id,
    },
};

pub(crate) const FILE: &str = "facts.db";

/// A page asks up to three questions at once.
const READERS: usize = 3;

mod embedded {
    refinery::embed_migrations!("../schemas/sql/facts");
}

impl SqliteFacts {
    /// A block is fsynced before it counts as held: one a second costs little, and no recovery has to ask what a power cut took.
    pub(crate) fn open(folder: &Path, deployment: DeploymentId) -> Result<SqliteFacts, OpenError> {
        let path = folder.join(FILE);
        let connection = file::open(&path, Durability::Full, Pages::LARGE_AND_MANY, embedded::migrations::runner())?;
        belong(&connection, &path, &folder.join(catalog::FILE), deployment)?;
        let held = read_held(&connection).map_err(|source| OpenError::Sqlite { file: path.clone(), source })?;
        Ok(SqliteFacts {
            writer: Owner::start("facts", connection).map_err(OpenError::Thread)?,
            readers: Readers::start("facts", &path, READERS)?,
            held: watch::Sender::new(held),
        })
    }
}

fn read_held(connection: &Connection) -> rusqlite::Result<Held> {
    let mut select = connection.prepare("SELECT partition, held_up_to FROM progress")?;
    let offsets = select.query_map([], |row| Ok((row.get(0)?, get_id(row, 1)?)))?;
    Ok(Held { offsets: offsets.collect::<rusqlite::Result<BTreeMap<_, _>>>()?, ..Held::default() })
}
