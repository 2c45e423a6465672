use schemas::{
    ids::{CompanyId, LinkId, PartnerId},
    money::Currency,
    receipt::Visit,
    time::{Day, TimeMs},
    web::{Device, Page as WebPage},
};

/// UTC days `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub from: Day,
    pub until: Day,
}

impl Days {
    /// `days` UTC days, the last of them that of `now`.
    pub fn last(days: u32, now: TimeMs) -> Days {
        let until = now.day().0.saturating_add(1);
        Days { from: Day(until.saturating_sub_unsigned(days)), until: Day(until) }
    }

    pub fn iter(self) -> impl Iterator<Item = Day> {
        (self.from.0..self.until.0).map(Day)
    }
}

/// Which currency an answer is about, and which others the period has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Currencies {
    /// The one asked for, else the one with the most conversions; None where nothing was sold.
    pub shown: Option<Currency>,
    pub others: Vec<Currency>,
}

impl Currencies {
    /// The currency asked for, else the first of those found.
    pub(crate) fn of(asked: Option<Currency>, found: Vec<Currency>) -> Currencies {
        let shown = asked.or(found.first().copied());
        Currencies { shown, others: found.into_iter().filter(|currency| Some(*currency) != shown).collect() }
    }
}

/// A company's period. Money and conversions are of the shown currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyOverview {
    pub currencies: Currencies,
    pub clicks: u64,
    pub conversions: i64,
    /// Of all currencies.
    pub all_conversions: i64,
    pub revenue_minor: i64,
    pub commission_minor: i64,
    pub approved_minor: i64,
    /// Most revenue first.
    pub top: Vec<TopPartner>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopPartner {
    pub partner: PartnerId,
    pub conversions: i64,
    pub revenue_minor: i64,
    pub earned_minor: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompanyDay {
    pub day: Day,
    pub clicks: u64,
    pub conversions: i64,
    pub revenue_minor: i64,
}

/// A traffic source or a page, and its clicks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub name: String,
    pub clicks: u64,
}

/// A partner's period with all its companies. Earned is its part of what is attributed and not rejected, after refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerOverview {
    pub currencies: Currencies,
    pub clicks: u64,
    pub conversions: i64,
    pub earned_minor: i64,
    /// What of it is approved.
    pub approved_minor: i64,
    pub lifetime_earned_minor: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerDay {
    pub day: Day,
    pub conversions: i64,
    pub earned_minor: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerCompany {
    pub company: CompanyId,
    pub conversions: i64,
    pub earned_minor: i64,
}

/// A link's whole life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkStats {
    pub link: LinkId,
    pub clicks: u64,
    /// The currency with the most conversions first.
    pub sales: Vec<LinkSales>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSales {
    pub currency: Currency,
    pub conversions: i64,
    pub earned_minor: i64,
}

/// One click as its company and partner see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkClick {
    pub at: TimeMs,
    pub visit: Visit,
    pub landing: WebPage,
    pub referrer_host: Option<String>,
    pub device: Device,
}
