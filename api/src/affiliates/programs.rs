use std::collections::HashMap;

use schemas::{
    code::Code,
    ids::{CompanyId, PartnerId},
    money::Currency,
};
use serde::Serialize;
use stores::{
    Page,
    catalog::{CompanyStatus, Link, PartnerProgram},
};
use utoipa::ToSchema;

use crate::{
    Api,
    companies::rate_of,
    error::ApiError,
    links::{LinkTotals, totals, url},
    number::RateNumber,
};

/// How many programs and how many links an affiliate's overview looks at.
const PROGRAMS: u32 = 1_000;

/// A program that the affiliate has joined, and what its links there brought in all their time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinedProgram {
    #[schema(value_type = String, example = "cmp_0000000000001")]
    company_id: CompanyId,
    #[schema(example = "Acme")]
    company_name: String,
    #[schema(example = "https://acme.com")]
    domain: String,
    #[schema(value_type = f64, example = 0.10)]
    commission_rate: RateNumber,
    /// `active` or `paused`.
    #[schema(example = "active")]
    status: &'static str,
    /// Newest first.
    links: Vec<ProgramLink>,
    #[schema(example = 89)]
    clicks: u64,
    /// In the dashboard's currency.
    #[schema(example = 12)]
    conversions: i64,
    /// In the dashboard's currency, in minor units.
    #[schema(example = 800)]
    earned: i64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ProgramLink {
    #[schema(value_type = String, example = "jane10")]
    code: Code,
    #[schema(example = "http://127.0.0.1:8080/r/jane10")]
    url: String,
}

impl JoinedProgram {
    pub(super) fn is_active(&self) -> bool {
        self.status == CompanyStatus::Active.as_str()
    }

    fn of(program: PartnerProgram) -> JoinedProgram {
        JoinedProgram {
            company_id: program.company,
            company_name: program.name,
            domain: program.domain,
            commission_rate: RateNumber(rate_of(&program.terms)),
            status: program.status.as_str(),
            links: Vec::new(),
            clicks: 0,
            conversions: 0,
            earned: 0,
        }
    }

    fn add(&mut self, link: ProgramLink, totals: &LinkTotals, currency: Currency) {
        let sales = totals.of(currency);
        self.links.push(link);
        self.clicks += totals.clicks;
        self.conversions += sales.conversions;
        self.earned += sales.earned;
    }
}

/// The programs of an affiliate, the first joined first.
pub(super) async fn joined(api: &Api, partner: PartnerId, currency: Currency) -> Result<Vec<JoinedProgram>, ApiError> {
    let programs = api.catalog.programs_of_partner(partner, Page::first(PROGRAMS)).await?.rows;
    let links = api.catalog.links_of_partner(partner, Page::first(PROGRAMS)).await?.rows;
    let totals = totals(api, links.iter().map(|link| link.row.id).collect()).await?;
    let mut joined: Vec<JoinedProgram> = programs.into_iter().map(JoinedProgram::of).collect();
    let places: HashMap<CompanyId, usize> = joined.iter().map(|program| program.company_id).zip(0..).collect();
    for Link { row, .. } in links {
        let none = LinkTotals::default();
        let program = places.get(&row.company).and_then(|place| joined.get_mut(*place));
        if let Some(program) = program {
            let link = ProgramLink { url: url(api, &row.code), code: row.code };
            program.add(link, totals.get(&row.id).unwrap_or(&none), currency);
        }
    }
    Ok(joined)
}
