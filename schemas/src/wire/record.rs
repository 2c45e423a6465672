//! The records as `prost` reads and writes them, field by field as in `proto/refmill.proto`.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Event {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    #[prost(int64, tag = "2")]
    pub(super) stamped_at_ms: i64,
    #[prost(bool, tag = "3")]
    pub(super) resent: bool,
    #[prost(uint32, optional, tag = "4")]
    pub(super) reply_to: Option<u32>,
    #[prost(fixed64, tag = "5")]
    pub(super) key_id: u64,
    #[prost(int64, optional, tag = "6")]
    pub(super) first_appended_at_ms: Option<i64>,
    #[prost(uint32, tag = "7")]
    pub(super) version: u32,
    #[prost(oneof = "EventBody", tags = "16, 17, 18, 19, 20, 21, 22, 23")]
    pub(super) body: Option<EventBody>,
}

#[derive(Clone, PartialEq, Eq, Oneof)]
pub(super) enum EventBody {
    #[prost(message, tag = "16")]
    Click(Click),
    #[prost(message, tag = "17")]
    Lead(Claim),
    #[prost(message, tag = "18")]
    Sale(Sale),
    #[prost(message, tag = "19")]
    Refund(Refund),
    #[prost(message, tag = "20")]
    Review(Review),
    #[prost(message, tag = "21")]
    Settle(Settle),
    #[prost(message, tag = "22")]
    EdgeCounts(EdgeCounts),
    #[prost(message, tag = "23")]
    Tick(Tick),
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Click {
    #[prost(fixed64, tag = "1")]
    pub(super) company: u64,
    #[prost(fixed64, tag = "2")]
    pub(super) program: u64,
    #[prost(fixed64, tag = "3")]
    pub(super) partner: u64,
    #[prost(string, tag = "4")]
    pub(super) code: String,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) receipt: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) address_hash: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) address_hash_before: Vec<u8>,
    #[prost(string, tag = "8")]
    pub(super) landing_host: String,
    #[prost(string, tag = "9")]
    pub(super) landing_path: String,
    #[prost(string, tag = "10")]
    pub(super) referrer_host: String,
    #[prost(string, tag = "11")]
    pub(super) utm_source: String,
    #[prost(string, tag = "12")]
    pub(super) utm_medium: String,
    #[prost(string, tag = "13")]
    pub(super) utm_campaign: String,
    #[prost(uint32, tag = "14")]
    pub(super) device: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Claim {
    #[prost(fixed64, tag = "1")]
    pub(super) company: u64,
    #[prost(uint32, tag = "2")]
    pub(super) dialect: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) conversion: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub(super) keys: Vec<Vec<u8>>,
    #[prost(string, tag = "5")]
    pub(super) label: String,
    #[prost(fixed64, tag = "6")]
    pub(super) program: u64,
    #[prost(fixed64, tag = "7")]
    pub(super) code_link: u64,
    #[prost(bytes = "vec", tag = "8")]
    pub(super) receipt: Vec<u8>,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) customer_hash: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub(super) email_hash: Vec<u8>,
    #[prost(bool, tag = "11")]
    pub(super) disposable_email: bool,
    #[prost(int64, optional, tag = "12")]
    pub(super) occurred_at_ms: Option<i64>,
    #[prost(bytes = "vec", tag = "13")]
    pub(super) body_hash: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Sale {
    #[prost(message, optional, tag = "1")]
    pub(super) claim: Option<Claim>,
    #[prost(int64, tag = "2")]
    pub(super) amount_minor: i64,
    #[prost(string, tag = "3")]
    pub(super) currency: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Refund {
    #[prost(fixed64, tag = "1")]
    pub(super) company: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) conversion: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) key: Vec<u8>,
    #[prost(string, tag = "4")]
    pub(super) label: String,
    #[prost(int64, optional, tag = "5")]
    pub(super) amount_minor: Option<i64>,
    #[prost(string, tag = "6")]
    pub(super) reason: String,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) body_hash: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Review {
    #[prost(fixed64, tag = "1")]
    pub(super) company: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) conversion: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) action: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Settle {
    #[prost(fixed64, tag = "1")]
    pub(super) company: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) conversion: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) facts_up_to: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct EdgeCounts {
    #[prost(message, repeated, tag = "1")]
    pub(super) counts: Vec<EdgeCount>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct EdgeCount {
    #[prost(fixed64, tag = "1")]
    pub(super) company: u64,
    #[prost(uint32, tag = "2")]
    pub(super) kind: u32,
    #[prost(uint64, tag = "3")]
    pub(super) refused: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Tick {}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Decision {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) event: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) partition: u32,
    #[prost(uint64, tag = "3")]
    pub(super) offset: u64,
    #[prost(uint32, optional, tag = "4")]
    pub(super) reply_to: Option<u32>,
    #[prost(fixed64, tag = "5")]
    pub(super) company: u64,
    #[prost(uint32, tag = "6")]
    pub(super) kind: u32,
    #[prost(oneof = "DecisionAnswer", tags = "16, 17, 18, 19, 20, 21")]
    pub(super) answer: Option<DecisionAnswer>,
}

#[derive(Clone, PartialEq, Eq, Oneof)]
pub(super) enum DecisionAnswer {
    #[prost(message, tag = "16")]
    Converted(Converted),
    #[prost(message, tag = "17")]
    Duplicate(Duplicate),
    #[prost(message, tag = "18")]
    Parked(Parked),
    #[prost(message, tag = "19")]
    Refunded(Refunded),
    #[prost(message, tag = "20")]
    Reviewed(Reviewed),
    #[prost(message, tag = "21")]
    Refused(Refused),
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Converted {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) conversion: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) unattributed: u32,
    #[prost(int64, tag = "3")]
    pub(super) commission_minor: i64,
    #[prost(int64, tag = "4")]
    pub(super) partner_minor: i64,
    #[prost(string, tag = "5")]
    pub(super) currency: String,
    #[prost(uint32, tag = "6")]
    pub(super) status: u32,
    #[prost(uint32, tag = "7")]
    pub(super) score_ppm: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Duplicate {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) first: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub(super) same_body: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Parked {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) conversion: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Refunded {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) conversion: Vec<u8>,
    #[prost(int64, tag = "2")]
    pub(super) refunded_minor: i64,
    #[prost(int64, tag = "3")]
    pub(super) commission_minor: i64,
    #[prost(int64, tag = "4")]
    pub(super) partner_minor: i64,
    #[prost(string, tag = "5")]
    pub(super) currency: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Reviewed {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) conversion: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) status: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Refused {
    #[prost(uint32, tag = "1")]
    pub(super) refusal: u32,
}
