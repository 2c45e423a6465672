use super::migrate::{STATEMENT_WAIT, execute};
use crate::{
    DeploymentId, OpenError,
    clickhouse::{ClickHouse, within},
};

/// Sees to it that this database is this deployment's: whoever comes first has it.
pub(super) async fn bind(server: &ClickHouse, deployment: DeploymentId) -> Result<(), OpenError> {
    let owner = match owner(server).await? {
        Some(owner) => Some(owner),
        None => {
            let own = format!("INSERT INTO deployment (id) SELECT toUInt128('{}')", deployment.0);
            execute(server, &own).await?;
            // Another may have come at the same time.
            owner(server).await?
        }
    };
    if owner == Some(deployment) {
        return Ok(());
    }
    Err(OpenError::Unfit {
        server: "ClickHouse",
        address: server.address.clone(),
        problem: format!("the database {} holds the facts of another deployment", server.database),
        advice: "Name another with --topic-prefix or in --clickhouse, or bring the Postgres back that belongs to it"
            .to_owned(),
    })
}

async fn owner(server: &ClickHouse) -> Result<Option<DeploymentId>, OpenError> {
    let select = "SELECT id FROM deployment ORDER BY bound_at, id LIMIT 1";
    let asked = within(STATEMENT_WAIT, server.client.query(select).fetch_optional::<u128>()).await;
    Ok(asked.map_err(|error| server.explain(error))?.map(DeploymentId))
}
