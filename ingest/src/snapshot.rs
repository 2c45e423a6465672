//! What an edge knows of the catalog: links, companies, credentials and keys, in memory, whole and at one point in time.
//!
//! A link costs its code and destination and about 45 bytes. Links stand in [`SHARDS`] shards by id; a change copies the shard
//! it touches, so readers never wait and never see half of a change.

use std::{collections::HashMap, sync::Arc};

use hashbrown::HashTable;
use schemas::{
    catalog::{CatalogChange, ChangeNo, CompanyRow, CredentialKind, KeyRow, LinkRow},
    code::Code,
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
};
use sha2::{Digest, Sha256};

const SHARDS: usize = 256;

/// The catalog as of one change.
#[derive(Clone)]
pub struct Snapshot {
    shards: Vec<Arc<Shard>>,
    companies: Arc<HashMap<CompanyId, CompanyRow>>,
    credentials: Arc<HashMap<[u8; 32], KeyRow>>,
    change: ChangeNo,
}

/// A link as the snapshot knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    pub id: LinkId,
    /// As its maker spelled it.
    pub code: &'a str,
    pub company: CompanyId,
    pub program: ProgramId,
    pub partner: PartnerId,
    pub destination: &'a str,
}

/// Whose secret it is and what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    pub id: KeyId,
    pub company: CompanyId,
    pub kind: CredentialKind,
}

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot::load([], ChangeNo::default())
    }
}

impl Snapshot {
    /// Takes in all rows of a catalog that is current to `change`.
    pub fn load(rows: impl IntoIterator<Item = CatalogChange>, change: ChangeNo) -> Snapshot {
        let mut loading = Loading::default();
        loading.take(rows);
        loading.done(change)
    }

    /// The snapshot after these changes; copies only what they touch.
    pub fn after(&self, changes: Vec<CatalogChange>, change: ChangeNo) -> Snapshot {
        let mut next = Snapshot { change, ..self.clone() };
        let mut touched: HashMap<usize, Shard> = HashMap::new();
        for row in changes {
            match row {
                CatalogChange::Link(link) => {
                    let number = shard_of(link.id);
                    touched.entry(number).or_insert_with(|| Shard::clone(&self.shards[number])).put(&link);
                }
                CatalogChange::Company(company) => {
                    Arc::make_mut(&mut next.companies).insert(company.id, company);
                }
                CatalogChange::Key(key) => {
                    Arc::make_mut(&mut next.credentials).insert(key.digest, key);
                }
            }
        }
        for (number, shard) in touched {
            next.shards[number] = Arc::new(shard.settled());
        }
        next
    }

    /// The change up to which this is current.
    pub fn change(&self) -> ChangeNo {
        self.change
    }

    pub fn link_by_code(&self, code: &Code) -> Option<Link<'_>> {
        let link = self.link(LinkId(code.route()))?;
        link.code.eq_ignore_ascii_case(code.as_str()).then_some(link)
    }

    pub fn link(&self, id: LinkId) -> Option<Link<'_>> {
        self.shards[shard_of(id)].get(id)
    }

    pub fn company(&self, id: CompanyId) -> Option<&CompanyRow> {
        self.companies.get(&id)
    }

    /// The live credential that this secret is, looked up by its digest.
    pub fn credential(&self, secret: &str) -> Option<Credential> {
        let key = self.credentials.get(&digest(secret)).filter(|key| key.revoked_at.is_none())?;
        Some(Credential { id: key.id, company: key.company, kind: key.kind })
    }

    /// Whether the secret is one of the catalog's, live or revoked.
    pub fn knows_secret(&self, secret: &str) -> bool {
        self.credentials.contains_key(&digest(secret))
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A snapshot that is being made, some rows at a time.
pub struct Loading {
    shards: Vec<Shard>,
    companies: HashMap<CompanyId, CompanyRow>,
    credentials: HashMap<[u8; 32], KeyRow>,
}

impl Default for Loading {
    fn default() -> Loading {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Loading { shards, companies: HashMap::new(), credentials: HashMap::new() }
    }
}

impl Loading {
    pub fn take(&mut self, rows: impl IntoIterator<Item = CatalogChange>) {
        for row in rows {
            match row {
                CatalogChange::Link(link) => self.shards[shard_of(link.id)].put(&link),
                CatalogChange::Company(company) => drop(self.companies.insert(company.id, company)),
                CatalogChange::Key(key) => drop(self.credentials.insert(key.digest, key)),
            }
        }
    }

    pub fn done(self, change: ChangeNo) -> Snapshot {
        let shards = self.shards.into_iter().map(|shard| Arc::new(shard.settled())).collect();
        Snapshot { shards, companies: Arc::new(self.companies), credentials: Arc::new(self.credentials), change }
    }
}

/// Ids are hashes of codes, so their low bits are as good as any.
fn shard_of(id: LinkId) -> usize {
    (id.0 % SHARDS as u64) as usize
}

#[derive(Clone, Default)]
struct Shard {
    index: HashTable<u32>,
    rows: Vec<Row>,
    /// Code and destination of each row, one behind the other.
    text: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Row {
    id: LinkId,
    company: CompanyId,
    program: ProgramId,
    partner: PartnerId,
    text_at: u32,
    destination_len: u16,
    code_len: u8,
}

impl Shard {
    fn get(&self, id: LinkId) -> Option<Link<'_>> {
        let at = *self.index.find(id.0, |at| self.rows[*at as usize].id == id)?;
        let row = &self.rows[at as usize];
        let start = row.text_at as usize;
        let middle = start + usize::from(row.code_len);
        let text = |bytes| std::str::from_utf8(bytes).ok();
        Some(Link {
            id,
            code: text(&self.text[start..middle])?,
            company: row.company,
            program: row.program,
            partner: row.partner,
            destination: text(&self.text[middle..middle + usize::from(row.destination_len)])?,
        })
    }

    /// A link whose text does not fit is left out: the catalog takes no code over 64 and no destination over 2,048 bytes.
    fn put(&mut self, link: &LinkRow) {
        let (Ok(text_at), Ok(code_len), Ok(destination_len)) = (
            u32::try_from(self.text.len()),
            u8::try_from(link.code.as_str().len()),
            u16::try_from(link.destination.len()),
        ) else {
            return;
        };
        let row = Row {
            id: link.id,
            company: link.company,
            program: link.program,
            partner: link.partner,
            text_at,
            destination_len,
            code_len,
        };
        self.text.extend_from_slice(link.code.as_str().as_bytes());
        self.text.extend_from_slice(link.destination.as_bytes());
        match self.index.find(link.id.0, |at| self.rows[*at as usize].id == link.id) {
            Some(at) => self.rows[*at as usize] = row,
            None => {
                let Ok(at) = u32::try_from(self.rows.len()) else { return };
                self.rows.push(row);
                let rows = &self.rows;
                self.index.insert_unique(link.id.0, at, |at| rows[*at as usize].id.0);
            }
        }
    }

    fn settled(mut self) -> Shard {
        let rows = &self.rows;
        self.index.shrink_to_fit(|at| rows[*at as usize].id.0);
        self.rows.shrink_to_fit();
        self.text.shrink_to_fit();
        self
    }
}

#[cfg(test)]
mod tests {
    use schemas::time::TimeMs;

    use super::*;

    fn link(code: &str, destination: &str) -> LinkRow {
        let code = Code::parse(code).unwrap();
        LinkRow {
            id: LinkId(code.route()),
            code,
            company: CompanyId(1),
            program: ProgramId(2),
            partner: PartnerId(3),
            destination: destination.to_owned(),
        }
    }

    #[test]
    fn changes_make_a_new_snapshot_and_leave_the_old_one() {
        let key = KeyRow {
            id: KeyId(9),
            company: CompanyId(1),
            kind: CredentialKind::Secret,
            digest: Sha256::digest(b"sk_live_x").into(),
            revoked_at: None,
        };
        let first = Snapshot::load(
            [CatalogChange::Link(link("Jane-1", "https://a.example/")), CatalogChange::Key(key.clone())],
            ChangeNo(4),
        );
        let moved = CatalogChange::Link(link("jane-1", "https://b.example/other"));
        let revoked = CatalogChange::Key(KeyRow { revoked_at: Some(TimeMs(1)), ..key });
        let second =
            first.after(vec![moved, revoked, CatalogChange::Link(link("new", "https://c.example/"))], ChangeNo(7));

        let find = |snapshot: &Snapshot, code: &str| {
            let code = Code::parse(code).unwrap();
            snapshot.link_by_code(&code).map(|link| (link.code.to_owned(), link.destination.to_owned()))
        };
        assert_eq!(find(&first, "JANE-1"), Some(("Jane-1".into(), "https://a.example/".into())));
        assert_eq!(find(&first, "new"), None);
        assert_eq!(find(&second, "JANE-1"), Some(("jane-1".into(), "https://b.example/other".into())));
        assert_eq!(find(&second, "new"), Some(("new".into(), "https://c.example/".into())));
        assert_eq!(first.credential("sk_live_x").map(|found| found.id), Some(KeyId(9)));
        assert_eq!((second.credential("sk_live_x"), second.credential("sk_live_y")), (None, None));
        assert_eq!((first.change(), second.change()), (ChangeNo(4), ChangeNo(7)));
    }
}
