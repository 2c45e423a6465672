use std::time::Duration;

use deadpool_postgres::{Client, Object};
use tokio::time::timeout;

use super::Postgres;
use crate::StoreError;

impl Postgres {
    /// Runs `work` on a connection. One that has not answered after `wait` is closed and not used again.
    pub(crate) async fn within<T, E, F>(&self, wait: Duration, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: AsyncFnOnce(&mut Client) -> Result<T, E>,
    {
        let mut client = self.client().await?;
        match timeout(wait, work(&mut client)).await {
            Ok(done) => done,
            Err(_) => {
                drop(Object::take(client));
                Err(StoreError::PostgresSilent(wait).into())
            }
        }
    }
}
