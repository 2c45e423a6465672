use std::sync::Arc;

use rules::replay::{ClickException, click_fact, told_click};
use schemas::{
    event::Logged,
    facts::{ConversionChange, Fact},
};

use super::{Block, Extent, Facts, InsertError, Inserted};
use crate::{StoreError, clickhouse::facts::Rows};

/// Facts of a block to be, in the form that their store takes: in ClickHouse's they need the least memory, and are made once.
pub struct Gathered(Form);

enum Form {
    Embedded(Vec<Fact>),
    Distributed(Rows),
}

/// All of them. Whoever tries again has them still.
#[derive(Clone)]
pub struct Whole(WholeForm);

#[derive(Clone)]
enum WholeForm {
    Embedded(Arc<[Fact]>),
    Distributed(Arc<Rows>),
}

impl Facts {
    /// None so far.
    pub fn gather(&self, incarnation: u32) -> Gathered {
        match self {
            Facts::Embedded(_) => Gathered::embedded(),
            Facts::Distributed(_) => Gathered::distributed(incarnation),
        }
    }

    /// [`Facts::insert`] of what was gathered for this block and this store.
    pub async fn insert_gathered(&self, block: Extent, whole: &Whole) -> Result<Inserted, InsertError> {
        match (self, &whole.0) {
            (Facts::Distributed(facts), WholeForm::Distributed(rows)) => facts.insert_rows(block, rows).await,
            (_, WholeForm::Embedded(facts)) => {
                let Extent { partition, from, to, incarnation } = block;
                self.insert(Block { partition, from, to, incarnation, facts: Arc::clone(facts) }).await
            }
            (Facts::Embedded(_), WholeForm::Distributed(_)) => {
                Err(StoreError::Corrupt("facts were gathered for another store".to_owned()).into())
            }
        }
    }
}

impl Gathered {
    pub fn embedded() -> Gathered {
        Gathered(Form::Embedded(Vec::new()))
    }

    pub fn distributed(incarnation: u32) -> Gathered {
        Gathered(Form::Distributed(Rows::new(incarnation)))
    }

    /// What there is to tell of a record that was decided, if it is a click.
    pub fn push_record(&mut self, logged: Logged, exception: Option<ClickException>) {
        match &mut self.0 {
            Form::Embedded(facts) => {
                facts.extend(click_fact(logged, exception).map(|click| Fact::Click(Box::new(click))));
            }
            Form::Distributed(rows) => {
                if let Some(told) = told_click(&logged, exception) {
                    rows.push_click(&logged, told);
                }
            }
        }
    }

    pub fn push_change(&mut self, change: ConversionChange) {
        match &mut self.0 {
            Form::Embedded(facts) => facts.push(Fact::Change(Box::new(change))),
            Form::Distributed(rows) => rows.push_change(&change),
        }
    }

    pub fn count(&self) -> usize {
        match &self.0 {
            Form::Embedded(facts) => facts.len(),
            Form::Distributed(rows) => rows.count(),
        }
    }

    /// About what they take in memory.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Form::Embedded(facts) => facts.len() * FACT_BYTES,
            Form::Distributed(rows) => rows.bytes(),
        }
    }

    pub fn whole(self) -> Whole {
        Whole(match self.0 {
            Form::Embedded(facts) => WholeForm::Embedded(facts.into()),
            Form::Distributed(rows) => WholeForm::Distributed(Arc::new(rows)),
        })
    }
}

/// A click with texts of the usual length.
const FACT_BYTES: usize = 512;

impl Whole {
    pub fn count(&self) -> usize {
        match &self.0 {
            WholeForm::Embedded(facts) => facts.len(),
            WholeForm::Distributed(rows) => rows.count(),
        }
    }

    /// Whether they may go into a block of this incarnation.
    pub fn is_of(&self, incarnation: u32) -> bool {
        match &self.0 {
            WholeForm::Embedded(_) => true,
            WholeForm::Distributed(rows) => rows.incarnation() == incarnation,
        }
    }
}
