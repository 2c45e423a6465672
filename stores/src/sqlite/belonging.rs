use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use super::row::{get_wide, wide};
use crate::{DeploymentId, OpenError};

/// Notes in a new file's `deployment` table whose it is, and refuses one that another deployment made.
pub(crate) fn belong(
    connection: &Connection,
    path: &Path,
    than: &Path,
    deployment: DeploymentId,
) -> Result<(), OpenError> {
    let sqlite = |source| OpenError::Sqlite { file: path.to_owned(), source };
    let found =
        connection.query_row("SELECT id FROM deployment", [], |row| get_wide(row, 0)).optional().map_err(sqlite)?;
    match found {
        Some(id) if id == deployment.0 => Ok(()),
        Some(_) => Err(OpenError::Foreign { file: path.to_owned(), than: than.to_owned() }),
        None => {
            let insert = "INSERT INTO deployment (only, id) VALUES (1, ?1)";
            connection.execute(insert, [wide(deployment.0)]).map(drop).map_err(sqlite)
        }
    }
}
