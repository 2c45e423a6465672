use rusqlite::{OptionalExtension as _, Params, Row, Transaction, params};
use schemas::{
    catalog::{ChangeNo, LinkRow},
    code::Code,
    ids::{CompanyId, LinkId, PartnerId, ProgramId},
    time::TimeMs,
};

use super::{
    SqliteCatalog,
    changes::{self, Changed},
    contacts::Subject,
    link_counts, partners,
    rows::{LINK_COLUMNS, link_row},
};
use crate::{
    Listed, Page, StoreError,
    catalog::{Link, LinkError, LinkPartner, Linked, LinksOf, NewLink},
    sqlite::row::{get_id, int},
};

impl SqliteCatalog {
    pub(crate) async fn create_link(&self, link: NewLink) -> Result<Linked, LinkError> {
        let (partner, change) = self.change(move |transaction| make(transaction, &link, Joining::No)).await?;
        Ok(Linked { partner, change })
    }

    pub(crate) async fn join_program(&self, link: NewLink) -> Result<Linked, LinkError> {
        let (partner, change) = self.change(move |transaction| make(transaction, &link, Joining::Yes)).await?;
        Ok(Linked { partner, change })
    }

    pub(crate) async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        self.readers.read(move |transaction| one(transaction, "id = ?1", [int(id.0)])).await
    }

    pub(crate) async fn link_by_code(&self, code: Code) -> Result<Option<Link>, StoreError> {
        self.readers.read(move |transaction| one(transaction, "code_folded = ?1", [code.folded()])).await
    }

    pub(crate) async fn links_of_company(&self, company: CompanyId, page: Page) -> Result<Listed<Link>, StoreError> {
        self.readers.read(move |transaction| list(transaction, LinksOf::Company(company), page)).await
    }

    pub(crate) async fn links_of_partner(&self, partner: PartnerId, page: Page) -> Result<Listed<Link>, StoreError> {
        self.readers.read(move |transaction| list(transaction, LinksOf::Partner(partner), page)).await
    }
}

pub(super) fn row(transaction: &Transaction<'_>, id: LinkId) -> rusqlite::Result<Option<LinkRow>> {
    let select = format!("SELECT {LINK_COLUMNS} FROM links WHERE id = ?1");
    transaction.prepare_cached(&select)?.query_row([int(id.0)], link_row).optional()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joining {
    Yes,
    No,
}

fn make(transaction: &Transaction<'_>, link: &NewLink, joining: Joining) -> Result<(PartnerId, ChangeNo), LinkError> {
    let select = "SELECT program FROM companies WHERE id = ?1";
    let program =
        transaction.prepare_cached(select)?.query_row([int(link.company.0)], |row| get_id(row, 0).map(ProgramId));
    let program = program.optional()?.ok_or(LinkError::UnknownCompany)?;
    let partner = match &link.partner {
        LinkPartner::Known(partner) if partners::exists(transaction, *partner)? => *partner,
        LinkPartner::Known(_) => return Err(LinkError::UnknownPartner),
        LinkPartner::Addressed { email, email_hash, id_if_new } => {
            partners::by_email_or_create(transaction, email, *email_hash, *id_if_new, link.now)?
        }
    };
    if joining == Joining::Yes && link_counts::has_link(transaction, partner, link.company)? {
        return Err(LinkError::AlreadyJoined);
    }
    let folded = link.code.folded();
    if transaction.prepare_cached("SELECT 1 FROM links WHERE code_folded = ?1")?.exists([&folded])? {
        return Err(LinkError::CodeTaken);
    }
    let insert = "INSERT INTO links (id, code_folded, code, company, program, partner, destination, created_at) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    transaction.prepare_cached(insert)?.execute(params![
        int(link.id.0),
        folded,
        link.code.as_str(),
        int(link.company.0),
        int(program.0),
        int(partner.0),
        link.destination,
        link.now.0,
    ])?;
    link_counts::add(transaction, partner, link.company, link.now)?;
    if let Some(name) = &link.name {
        Subject::Link(link.id).add(transaction, None, Some(name))?;
    }
    Ok((partner, changes::note(transaction, Changed::Link(link.id))?))
}

/// `created_at` follows the columns of the row.
fn link(transaction: &Transaction<'_>, found: &Row<'_>) -> rusqlite::Result<Link> {
    let row = link_row(found)?;
    let name = Subject::Link(row.id).read(transaction)?.name;
    Ok(Link { row, name, created_at: TimeMs(found.get(6)?) })
}

fn one(transaction: &Transaction<'_>, condition: &str, key: impl Params) -> Result<Option<Link>, StoreError> {
    let select = format!("SELECT {LINK_COLUMNS}, created_at FROM links WHERE {condition}");
    Ok(transaction.prepare_cached(&select)?.query_row(key, |row| link(transaction, row)).optional()?)
}

fn list(transaction: &Transaction<'_>, owner: LinksOf, page: Page) -> Result<Listed<Link>, StoreError> {
    let total = link_counts::of(transaction, owner)?;
    let mut rows = Vec::new();
    if let Some(stretch) = page.within(total) {
        let (column, order) = (owner.column(), stretch.order());
        let select = format!(
            "SELECT {LINK_COLUMNS}, created_at FROM links WHERE {column} = ?1 \
             ORDER BY created_at {order}, id {order} LIMIT ?2 OFFSET ?3"
        );
        let mut select = transaction.prepare_cached(&select)?;
        let values = params![int(owner.id()), stretch.limit, stretch.skipped];
        let found = select.query_map(values, |row| link(transaction, row))?;
        rows = found.collect::<rusqlite::Result<_>>()?;
        stretch.put_in_order(&mut rows);
    }
    Ok(Listed { rows, total })
}
