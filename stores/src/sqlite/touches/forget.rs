use rusqlite::Connection;

use crate::StoreError;

pub(super) fn forget(connection: &mut Connection, partition: u32) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    for forgotten in [
        "DELETE FROM links WHERE partition = ?1",
        "DELETE FROM recent WHERE partition = ?1",
        "UPDATE progress SET next = 0 WHERE partition = ?1",
    ] {
        transaction.execute(forgotten, [partition])?;
    }
    transaction.commit()?;
    Ok(())
}
