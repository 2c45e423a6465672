//! What the stores take on disk, and how many rows dashboards have behind them.

use std::{collections::BTreeMap, fs::Metadata, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::Context as _;

use super::{Places, counts::Stores, store::Store};

/// Where dashboards look: sums by day, and clicks one by one.
const TABLES: [&str; 4] = ["clicks_by_day", "sources_by_day", "pages_by_day", "sales_by_day"];
/// By the system's count of what a file has been given, and not by its length: some are made long and empty.
const BLOCK_BYTES: u64 = 512;
/// Of one store.
const FILES_MAX: usize = 1 << 20;

/// By store. A store that can't be looked at is none of them.
pub(crate) async fn sizes(places: &Places) -> anyhow::Result<BTreeMap<String, u64>> {
    let stores = Stores::open(places).await?;
    let mut sizes = BTreeMap::new();
    if let Some(ledger @ Store::Postgres(_)) = &stores.ledger {
        let [bytes] = ledger.numbers("SELECT pg_database_size(current_database())").await?;
        sizes.insert("postgres".to_owned(), u64::try_from(bytes)?);
    }
    if let Some(facts @ Store::ClickHouse(_)) = &stores.facts {
        let question = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()";
        let [bytes] = facts.numbers(question).await?;
        sizes.insert("clickhouse".to_owned(), u64::try_from(bytes)?);
    }
    if let Some(folder) = &places.sqlite {
        for (file, bytes) in files(folder)? {
            // A database is one file, with what is not yet moved into it beside it.
            if let Some((name, "db" | "db-wal" | "db-shm")) = file.rsplit_once('.') {
                *sizes.entry(name.to_owned()).or_default() += bytes;
            }
        }
    }
    for (name, folder) in &places.folders {
        *sizes.entry(name.clone()).or_default() += below(folder)?;
    }
    Ok(sizes)
}

/// Of the facts' tables, and `clicks` for the clicks that these sums stand for.
pub(crate) async fn rows(places: &Places) -> anyhow::Result<BTreeMap<String, u64>> {
    let stores = Stores::open(places).await?;
    let mut rows = BTreeMap::new();
    if let Some(facts) = &stores.facts {
        for table in TABLES {
            let [count] = facts.numbers(&format!("SELECT count(*) FROM {table}")).await?;
            rows.insert(table.to_owned(), u64::try_from(count)?);
        }
        let [clicks, bots] = facts.numbers("SELECT sum(clicks), sum(bots) FROM clicks_by_day").await?;
        rows.insert("clicks".to_owned(), u64::try_from(clicks + bots)?);
    }
    Ok(rows)
}

fn files(folder: &Path) -> anyhow::Result<Vec<(String, u64)>> {
    let read = std::fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    let files = read.take(FILES_MAX).filter_map(|entry| {
        let entry = entry.ok()?;
        let found = entry.metadata().ok().filter(Metadata::is_file)?;
        Some((entry.file_name().into_string().ok()?, found.blocks() * BLOCK_BYTES))
    });
    Ok(files.collect())
}

/// What is deleted meanwhile takes nothing.
fn below(folder: &Path) -> anyhow::Result<u64> {
    let (mut bytes, mut seen, mut left) = (0, 0, vec![folder.to_owned()]);
    while let Some(folder) = left.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries {
            seen += 1;
            anyhow::ensure!(seen <= FILES_MAX, "{} has more than {FILES_MAX} files", folder.display());
            match entry.metadata() {
                Ok(found) if found.is_dir() => left.push(entry.path()),
                Ok(found) => bytes += found.blocks() * BLOCK_BYTES,
                Err(_) => {}
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_is_its_files_and_all_that_lies_beside_them() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, bytes: usize| std::fs::write(folder.path().join(name), vec![1; bytes]);
        std::fs::create_dir_all(folder.path().join("topics/a-0"))?;
        for (name, bytes) in
            [("log.db", 8_192), ("log.db-wal", 4_096), ("notes.txt", 4_096), ("topics/a-0/0.log", 40_960)]
        {
            write(name, bytes)?;
        }
        // Long and empty.
        std::fs::File::create(folder.path().join("topics/a-0/0.index"))?.set_len(10 << 20)?;
        let places = Places {
            sqlite: Some(folder.path().to_owned()),
            folders: vec![("kafka".to_owned(), folder.path().join("topics"))],
            ..Places::default()
        };
        let found = sizes(&places).await?;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["kafka", "log"]);
        assert!((40_960..80_000).contains(&found["kafka"]) && found["log"] >= 12_288, "{found:?}");
        Ok(())
    }
}
