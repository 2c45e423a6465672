//! Money: every balance is its transfers added up again, all of them come to nothing, and each order's are what it earns.

use super::{Found, store::Store};

/// Each a number that has to be 0.
const NONE: [(&str, &str); 6] = [
    (
        "accounts whose balance is not what their transfers add up to",
        "SELECT count(*) FROM (SELECT 1 FROM (
            SELECT company, kind, partner, currency, amount_minor FROM @balances
            UNION ALL
            SELECT credit_company, credit_kind, credit_partner, currency, -amount_minor FROM @transfers
            UNION ALL
            SELECT debit_company, debit_kind, debit_partner, currency, amount_minor FROM @transfers
        ) AS moved GROUP BY company, kind, partner, currency HAVING sum(amount_minor) <> 0) AS wrong",
    ),
    (
        "currencies in which all balances do not come to nothing",
        "SELECT count(*) FROM (SELECT 1 FROM @balances GROUP BY currency HAVING sum(amount_minor) <> 0) AS wrong",
    ),
    (
        "transfers without an amount or two accounts",
        "SELECT count(*) FROM @transfers WHERE amount_minor <= 0 OR (debit_kind = credit_kind
            AND debit_company = credit_company AND debit_partner = credit_partner)",
    ),
    (
        "orders whose transfers are not what they earn",
        "SELECT count(*) FROM @conversions AS c LEFT JOIN (
            SELECT conversion,
                sum(CASE WHEN credit_kind = 1 THEN amount_minor WHEN debit_kind = 1 THEN -amount_minor ELSE 0 END) AS company,
                sum(CASE WHEN credit_kind IN (2, 3, 4) THEN amount_minor ELSE 0 END)
                    - sum(CASE WHEN debit_kind IN (2, 3, 4) THEN amount_minor ELSE 0 END) AS partner,
                sum(CASE WHEN credit_kind IN (5, 6) THEN amount_minor ELSE 0 END)
                    - sum(CASE WHEN debit_kind IN (5, 6) THEN amount_minor ELSE 0 END) AS platform
            FROM @transfers GROUP BY conversion) AS moved ON moved.conversion = c.id
        WHERE coalesce(moved.company, 0) <> CASE WHEN c.standing = 1 AND c.review <> 4 THEN -c.commission_minor ELSE 0 END
            OR coalesce(moved.partner, 0) <> CASE WHEN c.standing = 1 AND c.review <> 4 THEN c.partner_minor ELSE 0 END
            OR coalesce(moved.platform, 0) <> CASE WHEN c.standing = 1 AND c.review <> 4 THEN c.platform_minor ELSE 0 END",
    ),
    (
        "transfers of orders that are not there",
        "SELECT count(*) FROM @transfers AS t WHERE NOT EXISTS (SELECT 1 FROM @conversions AS c WHERE c.id = t.conversion)",
    ),
    (
        "counts of orders, by status and by partner, that are not what is there",
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM (
                SELECT company, kind, house_status, n FROM @status_counts
                UNION ALL SELECT company, kind, house_status, -1 FROM @conversions
            ) AS counted GROUP BY company, kind, house_status HAVING sum(n) <> 0) AS wrong)
            + (SELECT count(*) FROM (SELECT 1 FROM (
                SELECT partner, company, currency, conversions, commission_minor, partner_minor FROM @partner_totals
                UNION ALL SELECT partner, company, currency, -1, -commission_minor, -partner_minor FROM @conversions
                    WHERE standing = 1 AND review <> 4
            ) AS summed GROUP BY partner, company, currency
            HAVING sum(conversions) <> 0 OR sum(commission_minor) <> 0 OR sum(partner_minor) <> 0) AS wrong)",
    ),
];

pub(super) async fn compare(ledger: &Store, found: &mut Found) -> anyhow::Result<()> {
    let [transfers, orders] =
        ledger.numbers("SELECT (SELECT count(*) FROM @transfers), (SELECT count(*) FROM @conversions)").await?;
    if transfers == 0 && orders == 0 {
        return Ok(());
    }
    for (what, question) in NONE {
        let [wrong] = ledger.numbers(question).await?;
        found.nothing(what, wrong);
    }
    Ok(())
}
