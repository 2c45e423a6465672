//! What the first start in an empty folder makes, so that there is something to try: a company, affiliates, links and keys.

use std::path::Path;

use anyhow::Context as _;
use schemas::{
    catalog::CredentialKind,
    code::Code,
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    money::Rate,
    time::TimeMs,
};
use stores::catalog::{Catalog, LinkPartner, NewCompany, NewCredential, NewLink, Payout, PayoutSchedule};

use crate::{
    demo::credentials::{self, DemoAffiliate, DemoCredentials},
    keys::random,
};

const COMPANY_NAME: &str = "Demo Store";
const COMPANY_EMAIL: &str = "owner@demo-store.example";
const DOMAIN: &str = "https://demo-store.example";
const RATE: Rate = Rate(100_000);
const WINDOW_DAYS: u32 = 30;
const PAYOUT_MINIMUM_MINOR: i64 = 5_000;

/// Who refers to the demo store, and with which codes.
const AFFILIATES: [(&str, &[&str]); 5] = [
    ("ada@partners.example", &["ADA10", "ada-blog"]),
    ("ben@partners.example", &["BEN10", "ben-video"]),
    ("cleo@partners.example", &["CLEO10"]),
    ("dan@partners.example", &["DAN10", "dan-news"]),
    ("eve@partners.example", &["EVE10"]),
];

/// Makes the demo where the catalog has no company yet. Where it has, `demo.toml` learns where the server is now.
pub(crate) async fn make(
    catalog: &Catalog,
    data_dir: &Path,
    base_url: &str,
    now: TimeMs,
) -> anyhow::Result<Option<DemoCredentials>> {
    if !catalog.load_page(None, 1).await?.rows.is_empty() {
        if let Some(mut made) = credentials::read(data_dir)?.filter(|made| made.base_url != base_url) {
            base_url.clone_into(&mut made.base_url);
            credentials::write(data_dir, &made)?;
        }
        return Ok(None);
    }
    let company = CompanyId(u64::from_be_bytes(random()?));
    let (secret_key, publishable_key) = (key_text(CredentialKind::Secret)?, key_text(CredentialKind::Publishable)?);
    let partners: Vec<PartnerId> =
        AFFILIATES.iter().map(|_| Ok(PartnerId(u64::from_be_bytes(random()?)))).collect::<anyhow::Result<_>>()?;
    let affiliates = AFFILIATES.iter().zip(&partners).map(|((email, codes), id)| DemoAffiliate {
        email: (*email).to_owned(),
        id: id.to_string(),
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
    });
    let made = DemoCredentials {
        base_url: base_url.to_owned(),
        company_id: company.to_string(),
        company_email: COMPANY_EMAIL.to_owned(),
        secret_key,
        publishable_key,
        affiliates: affiliates.collect(),
    };
    // The keys are shown nowhere else, so they are kept before they are any good.
    credentials::write(data_dir, &made)?;
    register(catalog, company, &made.secret_key, &made.publishable_key, now).await?;
    for ((email, codes), id_if_new) in AFFILIATES.into_iter().zip(partners) {
        let email_hash = catalog.secrets().person_key.email(email);
        let partner = catalog.partner_by_email_or_create(email.to_owned(), email_hash, id_if_new, now).await?;
        for code in codes {
            link(catalog, company, partner, code, now).await?;
        }
    }
    Ok(Some(made))
}

/// What to paste into a shell.
pub(crate) fn tell(made: &DemoCredentials) -> String {
    let DemoCredentials { base_url, company_id, secret_key, publishable_key, .. } = made;
    format!(
        "demo company {company_id} ({COMPANY_NAME})
  secret key      {secret_key}
  publishable key {publishable_key}
try:
  curl -X POST {base_url}/track/click -H 'Content-Type: application/json' -d '{{\"code\":\"ADA10\",\"landingPage\":\"{DOMAIN}/pricing\"}}' -A 'Mozilla/5.0 (X11; Linux x86_64) Firefox/142.0'
  curl -X POST {base_url}/track/conversion -H 'x-api-key: {secret_key}' -H 'Content-Type: application/json' -d '{{\"orderId\":\"order_1\",\"orderValue\":9999,\"currency\":\"USD\",\"affiliateCode\":\"ADA10\"}}'
  curl {base_url}/companies/dashboard -H 'x-api-key: {secret_key}'
  refmill demo    plays real clicks and orders against it"
    )
}

async fn register(
    catalog: &Catalog,
    id: CompanyId,
    secret: &str,
    publishable: &str,
    now: TimeMs,
) -> anyhow::Result<()> {
    let program = ProgramId(u64::from_be_bytes(random()?));
    let key = |kind, text: &str| anyhow::Ok(NewCredential::of(KeyId(u64::from_be_bytes(random()?)), kind, text));
    catalog
        .register_company(NewCompany {
            id,
            program,
            name: COMPANY_NAME.to_owned(),
            domain: DOMAIN.to_owned(),
            email: COMPANY_EMAIL.to_owned(),
            email_hash: catalog.secrets().person_key.email(COMPANY_EMAIL),
            terms: rules::presets::refuel(program, RATE, WINDOW_DAYS, now),
            payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: PAYOUT_MINIMUM_MINOR },
            keys: vec![key(CredentialKind::Secret, secret)?, key(CredentialKind::Publishable, publishable)?],
            now,
        })
        .await
        .context("the demo company could not be made")?;
    Ok(())
}

async fn link(
    catalog: &Catalog,
    company: CompanyId,
    partner: PartnerId,
    code: &str,
    now: TimeMs,
) -> anyhow::Result<()> {
    let code = Code::parse(code).context("a demo code is none")?;
    catalog
        .create_link(NewLink {
            id: LinkId(code.route()),
            code,
            company,
            partner: LinkPartner::Known(partner),
            destination: format!("{DOMAIN}/"),
            name: None,
            now,
        })
        .await
        .context("a demo link could not be made")?;
    Ok(())
}

fn key_text(kind: CredentialKind) -> anyhow::Result<String> {
    let bytes: [u8; 32] = random()?;
    Ok(format!("{}{}", kind.prefix(), data_encoding::BASE64URL_NOPAD.encode(&bytes)))
}
