use schemas::{ids::PartnerId, time::TimeMs};

/// A partner as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    pub id: PartnerId,
    pub email: String,
    pub name: Option<String>,
    pub tier: String,
    pub status: String,
    pub stripe_connect_id: Option<String>,
    pub created_at: TimeMs,
}
