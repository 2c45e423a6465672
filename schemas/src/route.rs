//! Which partition of the log an event belongs to.

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    event::{Body, Claim},
    ids::{CompanyId, LinkId},
};

/// Where clicks of a link go, and what is said to come of them.
pub fn partition_of_link(link: LinkId, partitions: u32) -> u32 {
    nth(link.0, partitions)
}

/// Where a lead or sale goes whose evidence is the customer alone; without a customer its first key stands for one.
pub fn partition_of_customer(claim: &Claim, partitions: u32) -> u32 {
    let customer = claim.customer.map(|hash| hash.0).or(claim.email.map(|hash| hash.0));
    let named = customer.or(claim.keys.first().map(|key| key.0)).unwrap_or(claim.conversion.0);
    nth(of_company(claim.company, named), partitions)
}

/// As far as the event itself says; None where who appends it has to know.
pub fn home(body: &Body, partitions: u32) -> Option<u32> {
    match body {
        Body::Click(click) => Some(partition_of_link(click.receipt.fields().link, partitions)),
        Body::Lead(claim) => Some(partition_of_claim(claim, partitions)),
        Body::Sale(sale) => Some(partition_of_claim(&sale.claim, partitions)),
        Body::Refund(_) | Body::Review(_) | Body::Settle(_) | Body::EdgeCounts(_) | Body::Tick => None,
    }
}

/// By the code's link, else the receipt's, else the customer.
fn partition_of_claim(claim: &Claim, partitions: u32) -> u32 {
    let link = claim.code_link.or_else(|| claim.receipt.map(|receipt| receipt.fields().link));
    link.map_or_else(|| partition_of_customer(claim, partitions), |link| partition_of_link(link, partitions))
}

fn of_company(company: CompanyId, named: u128) -> u64 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&company.0.to_be_bytes());
    bytes[8..].copy_from_slice(&named.to_be_bytes());
    xxh3_64(&bytes)
}

fn nth(route: u64, partitions: u32) -> u32 {
    (route % u64::from(partitions.max(1))) as u32
}
