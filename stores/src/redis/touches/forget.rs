use super::{Touches, scripts};
use crate::StoreError;

/// Forgets whatever there is, or only what has this stamp. The epoch stands.
pub(super) async fn forget(store: &Touches, partition: u32, only: Option<&str>) -> Result<(), StoreError> {
    let mut call = scripts::on(&store.scripts.forget, &store.keys(partition));
    call.arg(store.stamp()).arg(only.unwrap_or_default());
    scripts::run(&call, &mut store.connection()?).await
}
