//! Questions that both engines take as they stand: the same tables and columns, and parameters in the order of their question marks.

/// Of company, from, until: currency, conversions, revenue, commission, approved.
pub(crate) const COMPANY_CURRENCIES: &str = "SELECT currency, sum(conversions) AS sold, sum(revenue_minor) AS revenue, sum(commission_minor), sum(approved_minor) \
     FROM sales_by_day WHERE company = ? AND day >= ? AND day < ? \
     GROUP BY currency HAVING sold <> 0 OR revenue <> 0 ORDER BY sold DESC, revenue DESC, currency";

/// Of company, from, until. Every counted click has a source, and a company has fewer sources than links.
pub(crate) const COMPANY_CLICKS: &str =
    "SELECT coalesce(sum(clicks), 0) FROM sources_by_day WHERE company = ? AND day >= ? AND day < ?";

/// Of company, from, until, currency, limit: partner, conversions, revenue, earned.
pub(crate) const TOP_PARTNERS: &str = "SELECT partner, sum(conversions) AS sold, sum(revenue_minor) AS revenue, sum(partner_minor) \
     FROM sales_by_day WHERE company = ? AND day >= ? AND day < ? AND currency = ? AND partner <> 0 \
     GROUP BY partner HAVING sold <> 0 OR revenue <> 0 ORDER BY revenue DESC, sold DESC, partner LIMIT ?";

/// Of company, from, until.
pub(crate) const COMPANY_CLICKS_DAILY: &str =
    "SELECT day, sum(clicks) FROM sources_by_day WHERE company = ? AND day >= ? AND day < ? GROUP BY day";

/// Of company, from, until, currency: day, conversions, revenue.
pub(crate) const COMPANY_SALES_DAILY: &str = "SELECT day, sum(conversions), sum(revenue_minor) FROM sales_by_day \
     WHERE company = ? AND day >= ? AND day < ? AND currency = ? GROUP BY day";

/// Of company, from, until, currency.
pub(crate) const REVENUE_BY_WEEKDAY: &str = "SELECT weekday, sum(revenue_minor) FROM sales_by_day \
     WHERE company = ? AND day >= ? AND day < ? AND currency = ? GROUP BY weekday";

/// Of company, from, until, limit.
pub(crate) const SOURCES: &str = "SELECT source, sum(clicks) AS clicked FROM sources_by_day WHERE company = ? AND day >= ? AND day < ? \
     GROUP BY source HAVING clicked <> 0 ORDER BY clicked DESC, source LIMIT ?";

/// Of company, from, until, limit.
pub(crate) const PAGES: &str = "SELECT path, sum(clicks) AS clicked FROM pages_by_day WHERE company = ? AND day >= ? AND day < ? \
     GROUP BY path HAVING clicked <> 0 ORDER BY clicked DESC, path LIMIT ?";

/// Of partner, from, until: currency, conversions, earned, approved.
pub(crate) const PARTNER_CURRENCIES: &str = "SELECT currency, sum(conversions) AS sold, sum(partner_minor) AS earned, sum(partner_approved_minor) \
     FROM sales_by_day WHERE partner = ? AND day >= ? AND day < ? \
     GROUP BY currency HAVING sold <> 0 OR earned <> 0 ORDER BY sold DESC, earned DESC, currency";

/// Of partner, from, until.
pub(crate) const PARTNER_CLICKS: &str =
    "SELECT coalesce(sum(clicks), 0) FROM clicks_by_day WHERE partner = ? AND day >= ? AND day < ?";

/// Of partner, from, until, currency: day, conversions, earned.
pub(crate) const PARTNER_DAILY: &str = "SELECT day, sum(conversions), sum(partner_minor) FROM sales_by_day \
     WHERE partner = ? AND day >= ? AND day < ? AND currency = ? GROUP BY day";

/// Of partner, from, until, currency, limit: company, conversions, earned.
pub(crate) const PARTNER_COMPANIES: &str = "SELECT company, sum(conversions) AS sold, sum(partner_minor) AS earned FROM sales_by_day \
     WHERE partner = ? AND day >= ? AND day < ? AND currency = ? \
     GROUP BY company HAVING sold <> 0 OR earned <> 0 ORDER BY earned DESC, sold DESC, company LIMIT ?";
