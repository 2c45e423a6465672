//! The arithmetic of an explanation, worked out again from its texts alone.

use schemas::{
    conversion::Conversion,
    explanation::{Parts, Step},
};

/// The partner's and the platform's part as the last steps of the explanation give them.
pub(crate) fn recomputed(conversion: &Conversion) -> (i64, i64) {
    let (mut left_minor, mut commission_minor, mut parts) = (conversion.amount_minor, 0, (0, 0));
    for step in &conversion.explanation.arithmetic {
        match step {
            Step::Commission { input, rate, exact, flat, result } => {
                assert_eq!(*input, left_minor, "{}: what the commission is worked out on", conversion.label);
                commission_minor = match (rate, exact, flat) {
                    (Some(rate), Some(exact), None) => {
                        let millionths = i128::from(*input) * i128::from(millionths(rate));
                        assert_eq!(millionths_of(exact), millionths, "{}: exact", conversion.label);
                        half_up(millionths)
                    }
                    (None, None, Some(_)) if *input == 0 => *result,
                    (None, None, Some(flat)) => *flat,
                    _ => 0,
                };
                assert_eq!(*result, commission_minor, "{}: rounded half up", conversion.label);
            }
            Step::Cap { left, result } => {
                assert_eq!(left, result, "{}: as much as there is", conversion.label);
                assert!(*left < commission_minor, "{}: a cap that takes nothing", conversion.label);
                commission_minor = *result;
            }
            Step::Split { fee, result: Parts { partner, platform } } => {
                let exact_platform = i128::from(commission_minor) * i128::from(millionths(fee));
                assert_eq!(partner + platform, commission_minor, "{}: the split sums", conversion.label);
                let off = (i128::from(*platform) * 1_000_000 - exact_platform).abs();
                assert!(off <= 500_000, "{}: each part is the nearest cent", conversion.label);
                parts = (*partner, *platform);
            }
            Step::Refund { refunded, left, .. } => {
                assert_eq!(refunded + left, conversion.amount_minor, "{}: refund", conversion.label);
                left_minor = *left;
            }
        }
    }
    assert_eq!(left_minor, conversion.left_minor(), "{}: what is left", conversion.label);
    parts
}

/// What transfers say the two hold of a conversion, wherever it stands.
pub(crate) fn posted(store: &crate::store::Store, conversion: &Conversion) -> (i64, i64) {
    let (mut partner, mut platform) = (0, 0);
    for transfer in store.kept.transfers.values().filter(|transfer| transfer.conversion == conversion.id) {
        for (account, sign) in [(transfer.credit, 1), (transfer.debit, -1)] {
            use schemas::accounts::AccountKind::*;
            match account.kind() {
                PartnerPending | PartnerAvailable | PartnerPaid => partner += sign * transfer.amount_minor,
                PlatformPending | PlatformEarned => platform += sign * transfer.amount_minor,
                Company => {}
            }
        }
    }
    (partner, platform)
}

fn half_up(millionths: i128) -> i64 {
    ((millionths + 500_000) / 1_000_000) as i64
}

fn millionths(text: &str) -> i64 {
    i64::try_from(millionths_of(text)).expect("a rate")
}

fn millionths_of(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<6}").parse().expect("a decimal of at most six decimals")
}
