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
    link_counts, partners,
    rows::link_row,
};
use crate::{
    Listed, Page, StoreError,
    catalog::{Link, LinkError, LinkPartner, Linked, LinksOf, NewLink},
    postgres::{query, row::int},
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
        self.run(async |client: &Client| list(client, LinksOf::Company(company), page).await).await
    }

    pub(crate) async fn links_of_partner(&self, partner: PartnerId, page: Page) -> Result<Listed<Link>, StoreError> {
        self.run(async |client: &Client| list(client, LinksOf::Partner(partner), page).await).await
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
    if joining == Joining::Yes && link_counts::has_link(transaction, partner, company).await? {
        return Err(LinkError::AlreadyJoined);
    }
    let (folded, code, by) = (link.code.folded(), link.code.as_str(), int(partner.0));
    let values: query::Values<'_> = &[&id, &folded, &code, &company, &program, &by, &link.destination, &link.now.0];
    if query::execute(transaction, link_counts::MAKE, values).await? == 0 {
        return Err(LinkError::CodeTaken);
    }
    if let Some(name) = &link.name {
        Subject::Link(link.id).add(transaction, None, Some(name)).await?;
    }
    Ok((partner, changes::note(transaction, &[Changed::Link(link.id)]).await?))
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

async fn list(client: &Client, owner: LinksOf, page: Page) -> Result<Listed<Link>, StoreError> {
    let total = link_counts::of(client, owner).await?;
    let mut rows = Vec::new();
    if let Some(stretch) = page.within(total) {
        let (column, order) = (owner.column(), stretch.order());
        // What is passed over is read in the index only.
        let select = select(&format!(
            "WHERE links.id = ANY(ARRAY(SELECT id FROM catalog.links WHERE {column} = $1 \
                                        ORDER BY created_at {order}, id {order} LIMIT $2 OFFSET $3)) \
             ORDER BY created_at {order}, links.id {order}"
        ));
        let values: query::Values<'_> = &[&int(owner.id()), &stretch.limit, &stretch.skipped];
        rows = query::all(client, &select, values).await?.iter().map(link).collect::<Result<_, _>>()?;
        stretch.put_in_order(&mut rows);
    }
    Ok(Listed { rows, total })
}
