use clickhouse::Row;
use rules::replay::ToldClick;
use schemas::{
    CompactString,
    decision::{EventKind, Outcome},
    event::Logged,
    facts::{ClickFact, ConversionChange, Fact, source_of},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    money::Currency,
    receipt::Receipt,
    time::{Day, TimeMs},
    web::{Device, Page, Utm},
};
use serde::{Deserialize, Deserializer, de};

use crate::StoreError;

const RECEIPT_BYTES: usize = 48;

/// A click as it stands in `clicks`. Day, hour and weekday are the table's to work out.
#[derive(Row, Deserialize)]
pub(super) struct ClickRow<'a> {
    pub(super) company: u64,
    pub(super) at: i64,
    pub(super) partition: u32,
    pub(super) log_offset: u64,
    pub(super) event: u128,
    pub(super) program: u64,
    pub(super) partner: u64,
    pub(super) link: u64,
    pub(super) outcome: i8,
    pub(super) receipt: ReceiptColumn,
    pub(super) landing_host: &'a str,
    pub(super) landing_path: &'a str,
    #[serde(borrow)]
    pub(super) referrer_host: Option<&'a str>,
    #[serde(borrow)]
    pub(super) utm_source: Option<&'a str>,
    #[serde(borrow)]
    pub(super) utm_medium: Option<&'a str>,
    #[serde(borrow)]
    pub(super) utm_campaign: Option<&'a str>,
    pub(super) source: &'a str,
    pub(super) device: i8,
    pub(super) incarnation: u32,
}

impl<'a> ClickRow<'a> {
    pub(super) fn new(click: &'a ClickFact, incarnation: u32) -> ClickRow<'a> {
        ClickRow {
            company: click.company.0,
            at: click.at.0,
            partition: click.position.partition,
            log_offset: click.position.offset,
            event: click.event.0,
            program: click.program.0,
            partner: click.partner.0,
            link: click.link.0,
            outcome: outcome_number(click.outcome),
            receipt: ReceiptColumn(click.receipt),
            landing_host: &click.landing.host,
            landing_path: &click.landing.path,
            referrer_host: click.referrer_host.as_deref(),
            utm_source: click.utm.source.as_deref(),
            utm_medium: click.utm.medium.as_deref(),
            utm_campaign: click.utm.campaign.as_deref(),
            source: click.source(),
            device: device_number(click.device),
            incarnation,
        }
    }

    /// The same row, of its record.
    pub(super) fn of_record(logged: &'a Logged, told: ToldClick<'a>, incarnation: u32) -> ClickRow<'a> {
        let ToldClick { click, outcome, at } = told;
        let (utm_source, referrer_host) = (click.utm.source.as_deref(), click.referrer_host.as_deref());
        ClickRow {
            company: click.company.0,
            at: at.0,
            partition: logged.position.partition,
            log_offset: logged.position.offset,
            event: logged.event.id.0,
            program: click.program.0,
            partner: click.partner.0,
            link: click.receipt.fields().link.0,
            outcome: outcome_number(outcome),
            receipt: ReceiptColumn(click.receipt),
            landing_host: &click.landing.host,
            landing_path: &click.landing.path,
            referrer_host,
            utm_source,
            utm_medium: click.utm.medium.as_deref(),
            utm_campaign: click.utm.campaign.as_deref(),
            source: source_of(utm_source, referrer_host),
            device: device_number(click.device),
            incarnation,
        }
    }

    pub(super) fn fact(self) -> Result<Fact, StoreError> {
        let owned = |text: Option<&str>| text.map(CompactString::from);
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome_number(*outcome) == self.outcome);
        Ok(Fact::Click(Box::new(ClickFact {
            position: Position { partition: self.partition, offset: self.log_offset },
            event: EventId(self.event),
            company: CompanyId(self.company),
            program: ProgramId(self.program),
            partner: PartnerId(self.partner),
            link: LinkId(self.link),
            at: TimeMs(self.at),
            outcome: outcome.ok_or_else(|| unreadable("an outcome"))?,
            receipt: self.receipt.0,
            landing: Page { host: self.landing_host.into(), path: self.landing_path.into() },
            referrer_host: owned(self.referrer_host),
            utm: Utm {
                source: owned(self.utm_source),
                medium: owned(self.utm_medium),
                campaign: owned(self.utm_campaign),
            },
            device: device(self.device)?,
        })))
    }
}

/// A change as it stands in `conversion_changes`. An id that there is none of is 0.
#[derive(Row, Deserialize)]
pub(super) struct ChangeRow<'a> {
    pub(super) company: u64,
    pub(super) at: i64,
    pub(super) partition: u32,
    pub(super) log_offset: u64,
    pub(super) conversion: u128,
    pub(super) event: u128,
    pub(super) kind: i8,
    pub(super) program: u64,
    pub(super) partner: u64,
    pub(super) link: u64,
    pub(super) currency: &'a str,
    pub(super) changed_at: i64,
    pub(super) conversions: i64,
    pub(super) revenue_minor: i64,
    pub(super) commission_minor: i64,
    pub(super) approved_minor: i64,
    pub(super) partner_minor: i64,
    pub(super) partner_approved_minor: i64,
    pub(super) incarnation: u32,
}

impl ChangeRow<'_> {
    pub(super) fn new(change: &ConversionChange, incarnation: u32) -> ChangeRow<'static> {
        ChangeRow {
            company: change.company.0,
            at: change.at.0,
            partition: change.position.partition,
            log_offset: change.position.offset,
            conversion: change.conversion.0,
            event: change.event.0,
            kind: (change.kind as u8).cast_signed(),
            program: change.program.map_or(0, |id| id.0),
            partner: change.partner.map_or(0, |id| id.0),
            link: change.link.map_or(0, |id| id.0),
            currency: change.currency.code(),
            changed_at: change.changed_at.0,
            conversions: change.conversions,
            revenue_minor: change.revenue_minor,
            commission_minor: change.commission_minor,
            approved_minor: change.approved_minor,
            partner_minor: change.partner_minor,
            partner_approved_minor: change.partner_approved_minor,
            incarnation,
        }
    }

    pub(super) fn fact(self) -> Result<Fact, StoreError> {
        let some = |id: u64| Some(id).filter(|id| *id != 0);
        let kind = EventKind::ALL.into_iter().find(|kind| (*kind as u8).cast_signed() == self.kind);
        Ok(Fact::Change(Box::new(ConversionChange {
            position: Position { partition: self.partition, offset: self.log_offset },
            event: EventId(self.event),
            kind: kind.ok_or_else(|| unreadable("a kind of event"))?,
            conversion: ConversionId(self.conversion),
            company: CompanyId(self.company),
            program: some(self.program).map(ProgramId),
            partner: some(self.partner).map(PartnerId),
            link: some(self.link).map(LinkId),
            currency: currency(self.currency)?,
            at: TimeMs(self.at),
            changed_at: TimeMs(self.changed_at),
            conversions: self.conversions,
            revenue_minor: self.revenue_minor,
            commission_minor: self.commission_minor,
            approved_minor: self.approved_minor,
            partner_minor: self.partner_minor,
            partner_approved_minor: self.partner_approved_minor,
        })))
    }
}

/// `FixedString(48)`.
#[derive(Clone, Copy)]
pub(super) struct ReceiptColumn(pub(super) Receipt);

impl<'de> Deserialize<'de> for ReceiptColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ReceiptColumn, D::Error> {
        struct Bytes;

        impl<'de> de::Visitor<'de> for Bytes {
            type Value = ReceiptColumn;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the bytes of a receipt")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<ReceiptColumn, A::Error> {
                let mut bytes = [0; RECEIPT_BYTES];
                for (place, byte) in bytes.iter_mut().enumerate() {
                    *byte = sequence.next_element()?.ok_or_else(|| de::Error::invalid_length(place, &self))?;
                }
                Receipt::from_bytes(bytes).map(ReceiptColumn).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_tuple(RECEIPT_BYTES, Bytes)
    }
}

pub(super) fn unreadable(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} that this program does not know"))
}

pub(super) fn currency(code: &str) -> Result<Currency, StoreError> {
    Currency::parse(code).map_err(|_| unreadable("a currency"))
}

pub(super) fn device(number: i8) -> Result<Device, StoreError> {
    Device::ALL
        .into_iter()
        .find(|device| device_number(*device) == number)
        .ok_or_else(|| unreadable("a class of device"))
}

fn outcome_number(outcome: Outcome) -> i8 {
    (outcome as u8).cast_signed()
}

fn device_number(device: Device) -> i8 {
    match device {
        Device::Desktop => 1,
        Device::Mobile => 2,
        Device::Tablet => 3,
        Device::Tv => 4,
        Device::Other => 5,
    }
}

/// A `Date`, which has 65,536 days from 1970 on.
pub(super) fn day(number: u16) -> Day {
    Day(i32::from(number))
}

/// A day as a statement has it.
pub(super) fn date(day: Day) -> String {
    Day(day.0.clamp(0, i32::from(u16::MAX))).iso()
}

/// What a dashboard can show of an exact sum.
pub(super) fn shown(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
