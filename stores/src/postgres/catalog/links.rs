use deadpool_postgres::{Client, Transaction};
use schemas::{
    catalog::ChangeNo,
    code::Code,
    ids::{CompanyId, LinkId, PartnerId},
    time::TimeMs,
};
use tokio_postgres::Row;

use super::{
    PostgresCatalog,
    changes::{self, Changed},
    contacts::Subject,
    partners,
    rows::link_row,
};
use crate::{
    Listed, Page, StoreError,
    catalog::{Link, LinkError, LinkPartner, Linked, NewLink},
    postgres::{
        query,
        row::{get_id, int},
    },
};

impl PostgresCatalog {
    pub(crate) async fn create_link(&self, link: NewLink) -> Result<Linked, LinkError> {
        let create = async |transaction: &Transaction<'_>| make(transaction, &link, Joining::No).await;
        let (partner, change) = self.change(create).await?;
        Ok(Linked { partner, change })
    }

    pub(crate) async fn join_program(&self, link: NewLink) -> Result<Linked, LinkError> {
        let join = async |transaction: &Transaction<'_>| make(transaction, &link, Joining::Yes).await;
        let (partner, change) = self.change(join).await?;
        Ok(Linked { partner, change })
    }

    pub(crate) async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        let find = async |client: &Client| {
            let select = select("WHERE links.id = $1");
            query::one_or_none(client, &select, &[&int(id.0)]).await?.as_ref().map(link).transpose()
        };
        self.run(find).await
    }

    pub(crate) async fn link_by_code(&self, code: Code) -> Result<Option<Link>, StoreError> {
        let find = async |client: &Client| {
            let select = select("WHERE code_folded = $1");
            query::one_or_none(client, &select, &[&code.folded()]).await?.as_ref().map(link).transpose()
        };
        self.run(find).await
    }

    pub(crate) async fn links_of_company(&self, company: CompanyId, page: Page) -> Result<Listed<Link>, StoreError> {
        self.run(async |client: &Client| list(client, "company", company.0, page).await).await
    }

    pub(crate) async fn links_of_partner(&self, partner: PartnerId, page: Page) -> Result<Listed<Link>, StoreError> {
        self.run(async |client: &Client| list(client, "partner", partner.0, page).await).await
    }

    pub(crate) async fn partner_count(&self, company: CompanyId) -> Result<u64, StoreError> {
        let count = async |client: &Client| {
            let select = "SELECT count(DISTINCT partner) FROM catalog.links WHERE company = $1";
            get_id(&query::one(client, select, &[&int(company.0)]).await?, 0)
        };
        self.run(count).await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joining {
    Yes,
    No,
}

async fn make(
    transaction: &Transaction<'_>,
    link: &NewLink,
    joining: Joining,
) -> Result<(PartnerId, ChangeNo), LinkError> {
    let (id, company) = (int(link.id.0), int(link.company.0));
    let select = "SELECT program FROM catalog.companies WHERE id = $1";
    let found = query::one_or_none(transaction, select, &[&company]).await?;
    let program: i64 = found.ok_or(LinkError::UnknownCompany)?.try_get(0)?;
    let partner = match &link.partner {
        LinkPartner::Known(partner) => *partner,
        LinkPartner::Addressed { email, email_hash, id_if_new } => {
            partners::by_email_or_create(transaction, email, *email_hash, *id_if_new, link.now).await?
        }
    };
    if !partners::lock(transaction, partner).await? {
        return Err(LinkError::UnknownPartner);
    }
    if joining == Joining::Yes && has_link(transaction, partner, company).await? {
        return Err(LinkError::AlreadyJoined);
    }
    // It waits for whoever is taking the same code. The id is made of the code, so either index may find it first.
    let insert = "INSERT INTO catalog.links (id, code_folded, code, company, program, partner, destination, created_at) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let (folded, code, by) = (link.code.folded(), link.code.as_str(), int(partner.0));
    let values: query::Values<'_> = &[&id, &folded, &code, &company, &program, &by, &link.destination, &link.now.0];
    if query::execute(transaction, insert, values).await? == 0 {
        return Err(LinkError::CodeTaken);
    }
    if let Some(name) = &link.name {
        Subject::Link(link.id).add(transaction, None, Some(name)).await?;
    }
    Ok((partner, changes::note(transaction, &[Changed::Link(link.id)]).await?))
}

async fn has_link(transaction: &Transaction<'_>, partner: PartnerId, company: i64) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM catalog.links WHERE partner = $1 AND company = $2 LIMIT 1";
    Ok(query::one_or_none(transaction, select, &[&int(partner.0), &company]).await?.is_some())
}

/// The columns of [`link_row`], the name and `created_at`.
fn select(rest: &str) -> String {
    format!(
        "SELECT links.id, code, company, program, partner, destination, name, created_at FROM catalog.links \
         LEFT JOIN catalog.contacts ON contacts.kind = 3 AND contacts.id = int8send(links.id) {rest}"
    )
}

fn link(row: &Row) -> Result<Link, StoreError> {
    Ok(Link { row: link_row(row)?, name: row.try_get(6)?, created_at: TimeMs(row.try_get(7)?) })
}

async fn list(client: &Client, owner: &str, id: u64, page: Page) -> Result<Listed<Link>, StoreError> {
    let select = select(&format!("WHERE {owner} = $1 ORDER BY created_at DESC, links.id DESC LIMIT $2 OFFSET $3"));
    let count = format!("SELECT count(*) FROM catalog.links WHERE {owner} = $1");
    let id = int(id);
    let values: query::Values<'_> = &[&id, &page.limit(), &page.skipped()];
    let (found, total) =
        tokio::try_join!(query::all(client, &select, values), query::one(client, &count, &values[..1]))?;
    Ok(Listed { rows: found.iter().map(link).collect::<Result<_, _>>()?, total: get_id(&total, 0)? })
}
