use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use schemas::{ids::ProgramId, terms::Terms};

use crate::StoreError;

/// How many versions are kept. Past it all are let go, and read again as they are asked for.
const KEPT: usize = 4_096;

/// Terms as they were read: a version of a program's never changes.
#[derive(Default)]
pub(crate) struct TermsCache {
    kept: Mutex<HashMap<(ProgramId, u32), Arc<Terms>>>,
}

impl TermsCache {
    pub(crate) fn get(&self, program: ProgramId, version: u32) -> Option<Terms> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&(program, version)).cloned();
        kept.map(|terms| Terms::clone(&terms))
    }

    /// Reads a version's body, unless it has been.
    pub(crate) fn read(&self, program: ProgramId, version: u32, body: &str) -> Result<Terms, StoreError> {
        if let Some(terms) = self.get(program, version) {
            return Ok(terms);
        }
        let terms = parse(program, body)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert((program, version), Arc::new(terms.clone()));
        Ok(terms)
    }
}

pub(crate) fn parse(program: ProgramId, body: &str) -> Result<Terms, StoreError> {
    serde_json::from_str(body).map_err(|why| StoreError::Corrupt(format!("terms of {program}: {why}")))
}

pub(crate) fn write(terms: &Terms) -> Result<String, StoreError> {
    serde_json::to_string(terms).map_err(|why| StoreError::Corrupt(format!("terms cannot be written: {why}")))
}
