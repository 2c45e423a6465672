use anyhow::bail;

use crate::cli::DemoArgs;
use crate::config::Config;

pub(crate) async fn run(config: Config, args: DemoArgs) -> anyhow::Result<()> {
    let _ = (config, args);
    bail!("the demo cannot be played yet")
}
