use std::{io, path::PathBuf};

/// Why the spool cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error(
        "spool folder {folder} cannot be used: {source}. Choose another with --spool-dir, or give this user the right to write there"
    )]
    NotUsable { folder: PathBuf, source: io::Error },
    #[error(
        "spool folder {folder} is in use by another process. Stop that one, or choose another folder with --spool-dir"
    )]
    InUse { folder: PathBuf },
    #[error("{file} was made by another version of Refmill. Start that version until its spool is empty")]
    OtherVersion { file: PathBuf },
    #[error("the spool's thread could not be started: {0}")]
    Thread(io::Error),
}
