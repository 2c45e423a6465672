use schemas::{
    hashes::{AddressHash, EmailHash},
    ids::{CompanyId, PartnerId},
    time::{HOUR_MS, MINUTE_MS, TimeMs},
};
use stores::catalog::{
    AccountKind, Catalog, FreshKeys, IssueError, Issued, MAILS_AN_ADDRESS, MAILS_AN_IP, NewMagicLink, Principal,
    RedeemError, Session, digest,
};

use crate::place::{NOON, Place, new_company, new_link};

fn asked(token: &str, kind: AccountKind, person: u128, address: u128, now: TimeMs) -> NewMagicLink {
    let email = format!("Person-{person}@example.com");
    NewMagicLink {
        token_digest: digest(token),
        kind,
        email,
        email_hash: EmailHash(person),
        address: AddressHash(address),
        now,
    }
}

#[tokio::test]
async fn a_magic_link_makes_a_partner_and_works_once() {
    for place in Place::all().await {
        let catalog = place.open().await;
        let issued = catalog.issue_magic_link(asked("one", AccountKind::Partner, 1 << 90, 1, NOON)).await.unwrap();
        assert_eq!(issued, Issued::Mail);
        let catalog = place.reopen(catalog).await;
        let tries = (0..32).map(|number| {
            let catalog = catalog.clone();
            tokio::spawn(
                async move { catalog.redeem_magic_link(digest("one"), PartnerId(number), NOON.plus_ms(1)).await },
            )
        });
        let mut redeemed = Vec::new();
        for attempt in tries.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(who) => redeemed.push(who),
                Err(RedeemError::NotValid) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(redeemed.len(), 1);
        assert_eq!(redeemed[0].email, format!("Person-{}@example.com", 1_u128 << 90));
        let Principal::Partner(partner) = redeemed[0].principal else { panic!("{redeemed:?}") };
        assert_eq!(catalog.partner(partner).await.unwrap().unwrap().email, redeemed[0].email);
        catalog.issue_magic_link(asked("two", AccountKind::Partner, 1 << 90, 1, NOON)).await.unwrap();
        let again = catalog.redeem_magic_link(digest("two"), PartnerId(99), NOON).await.unwrap();
        assert_eq!(again.principal, redeemed[0].principal, "one address is one partner");
        let renamed = catalog.set_partner_name(partner, "Zo\u{eb}".to_owned()).await.unwrap().unwrap();
        assert_eq!(renamed.name.as_deref(), Some("Zo\u{eb}"));
        assert_eq!(catalog.set_partner_name(PartnerId(1_000), "x".to_owned()).await.unwrap(), None);
        assert_eq!(catalog.partners(vec![PartnerId(1_000), partner]).await.unwrap(), [renamed]);
    }
}

#[tokio::test]
async fn only_a_registered_company_gets_mail() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(5)).await.unwrap();
        let unknown = catalog.issue_magic_link(asked("nobody", AccountKind::Company, 6, 1, NOON)).await.unwrap();
        assert_eq!(unknown, Issued::NoAccount);
        assert!(matches!(
            catalog.redeem_magic_link(digest("nobody"), PartnerId(1), NOON).await,
            Err(RedeemError::NotValid)
        ));
        let known = catalog.issue_magic_link(asked("owner", AccountKind::Company, 5, 1, NOON)).await.unwrap();
        assert_eq!(known, Issued::Mail);
        let owner = catalog.redeem_magic_link(digest("owner"), PartnerId(1), NOON).await.unwrap();
        assert_eq!((owner.principal, owner.email.as_str()), (Principal::Company(CompanyId(5)), "owner-5@example.com"));
    }
}

#[tokio::test]
async fn a_magic_link_lives_a_quarter_of_an_hour() {
    for place in Place::all().await {
        let catalog = place.open().await;
        for (token, after_ms, valid) in [("early", 15 * MINUTE_MS - 1, true), ("late", 15 * MINUTE_MS, false)] {
            catalog.issue_magic_link(asked(token, AccountKind::Partner, 1, 1, NOON)).await.unwrap();
            let redeemed = catalog.redeem_magic_link(digest(token), PartnerId(1), NOON.plus_ms(after_ms)).await;
            assert_eq!(redeemed.is_ok(), valid, "{token}");
        }
        rotate(&catalog, NOON.plus_ms(15 * MINUTE_MS)).await;
        let back = catalog.redeem_magic_link(digest("late"), PartnerId(1), NOON).await;
        assert!(matches!(back, Err(RedeemError::NotValid)), "what expired is gone");
    }
}

async fn rotate(catalog: &Catalog, now: TimeMs) {
    catalog.rotate_keys(now, FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] }).await.unwrap();
}

/// How many of `tries` mails are sent, the person and the address being those of each try.
async fn sent(catalog: &Catalog, tries: u128, who: impl Fn(u128) -> (u128, u128), now: TimeMs) -> u32 {
    let mut sent = 0;
    for number in 0..tries {
        let (person, address) = who(number);
        let token = format!("{number} {person} {address} {}", now.0);
        match catalog.issue_magic_link(asked(&token, AccountKind::Partner, person, address, now)).await {
            Ok(_) => sent += 1,
            Err(IssueError::OverLimit) => {}
            Err(other) => panic!("{other}"),
        }
    }
    sent
}

#[tokio::test]
async fn mails_are_limited_by_receiver_and_by_sender() {
    for place in Place::all().await {
        let catalog = place.open().await;
        assert_eq!(sent(&catalog, 9, |number| (1, 1_000 + number), NOON).await, MAILS_AN_ADDRESS);
        assert_eq!(sent(&catalog, 30, |number| (1_000 + number, 1), NOON).await, MAILS_AN_IP);
        let within = NOON.plus_ms(HOUR_MS - 1);
        rotate(&catalog, within).await;
        assert_eq!(sent(&catalog, 1, |_| (1, 5), within).await, 0, "the hour is not over");
        assert_eq!(sent(&catalog, 1, |_| (2, 1), within).await, 0, "the hour is not over");
        let over = NOON.plus_ms(HOUR_MS);
        rotate(&catalog, over).await;
        assert_eq!(sent(&catalog, 9, |_| (1, 5), over).await, MAILS_AN_ADDRESS);
    }
}

#[tokio::test]
async fn a_session_lives_until_it_is_ended_or_expires() {
    for place in Place::all().await {
        let catalog = place.open().await;
        catalog.register_company(new_company(1)).await.unwrap();
        catalog.create_link(new_link(1, 1, 1)).await.unwrap();
        let expires_at = NOON.plus_ms(HOUR_MS);
        let owners = [
            Principal::Company(CompanyId(1)),
            Principal::Company(CompanyId(1)),
            Principal::Partner(PartnerId(1)),
            Principal::Company(CompanyId(1)),
        ];
        for (principal, id) in owners.into_iter().zip(1..) {
            catalog.start_session(Session { id, principal, issued_at: NOON, expires_at }).await.unwrap();
        }
        let catalog = place.reopen(catalog).await;
        let live = async |now: TimeMs| {
            let mut live = Vec::new();
            for id in 1..=5 {
                if catalog.session_is_live(id, now).await.unwrap() {
                    live.push(id);
                }
            }
            live
        };
        assert_eq!(live(NOON).await, [1, 2, 3, 4]);
        assert_eq!(live(expires_at).await, []);
        catalog.end_session(1).await.unwrap();
        assert_eq!(live(NOON).await, [2, 3, 4]);
        catalog.end_all_sessions(Principal::Company(CompanyId(1))).await.unwrap();
        assert_eq!(live(NOON).await, [3], "another account's stays, even under the same number");
        rotate(&catalog, expires_at).await;
        assert_eq!(live(NOON).await, [], "what expired is gone");
    }
}
