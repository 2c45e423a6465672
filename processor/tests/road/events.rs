//! Events as an edge stamps them.

use std::sync::atomic::Ordering;

use schemas::{
    event::{Body, Claim, Click, Dialect, Event, Sale},
    hashes::{AddressHash, KeyKind, KeyType},
    ids::{EventId, LinkId},
    money::Currency,
    receipt::{Receipt, ReceiptFields, Visit},
    route::partition_of_customer,
    time::TimeMs,
    web::{Device, Page, Utm},
};

use crate::{
    place::{COMPANY, PROGRAM, partner},
    road::Road,
};

/// Where all is that names no other partition.
const PARTITION: u32 = 0;

impl Road {
    pub(crate) fn click(&self, at: TimeMs) -> Event {
        self.click_in(PARTITION, at)
    }

    pub(crate) fn click_in(&self, partition: u32, at: TimeMs) -> Event {
        let id = self.next_id();
        self.visit(partition, at, false, id | 1 << 63)
    }

    pub(crate) fn click_with_id(&self, at: TimeMs, event_id_hash: u64) -> Event {
        self.visit(PARTITION, at, true, event_id_hash)
    }

    fn visit(&self, partition: u32, at: TimeMs, client_event_id: bool, event_id_hash: u64) -> Event {
        let fields = ReceiptFields {
            visit: Visit::Person,
            client_event_id,
            at,
            link: self.link(partition),
            visitor: 0,
            address_cut: event_id_hash,
            event_id_hash,
        };
        self.event(Body::Click(Box::new(Click {
            company: COMPANY,
            program: PROGRAM,
            partner: partner(partition),
            code: self.codes[partition as usize].folded().into(),
            receipt: Receipt::sign(&self.signing, &fields),
            address: AddressHash(u128::from(event_id_hash) << 64),
            address_before: None,
            landing: Page { host: "shop.example".into(), path: "/".into() },
            referrer_host: None,
            utm: Utm::default(),
            device: Device::Desktop,
        })))
    }

    pub(crate) fn sale(&self, order: &str, occurred_at: Option<TimeMs>) -> Event {
        self.sold(Claim { occurred_at, ..self.claim(PARTITION, order) })
    }

    pub(crate) fn sale_in(&self, partition: u32, order: &str) -> Event {
        self.sold(self.claim(partition, order))
    }

    /// By the code of a partition, to a customer whose home is another.
    pub(crate) fn sale_by_to(&self, partition: u32, home: u32, order: &str) -> Event {
        let person_key = &self.stores.catalog.secrets().person_key;
        let partitions = self.stores.log.partitions();
        let customers = (0..).map(|number| person_key.customer(COMPANY, &format!("{order}-{number}")));
        let mut claims = customers.map(|customer| Claim { customer: Some(customer), ..self.claim(partition, order) });
        let claim = claims.find(|claim| partition_of_customer(claim, partitions) == home);
        self.sold(claim.expect("some customer is there"))
    }

    fn sold(&self, claim: Claim) -> Event {
        self.event(Body::Sale(Box::new(Sale { claim, amount_minor: 9_999, currency: Currency::USD })))
    }

    fn claim(&self, partition: u32, order: &str) -> Claim {
        let id_key = &self.stores.catalog.secrets().id_key;
        let key = id_key.key_hash(COMPANY, KeyKind::Sale, KeyType::Order, order);
        Claim {
            company: COMPANY,
            dialect: Dialect::Refuel,
            conversion: id_key.conversion_id(COMPANY, key),
            keys: vec![key],
            label: order.to_owned(),
            program: None,
            code_link: Some(self.link(partition)),
            receipt: None,
            customer: None,
            email: None,
            disposable_email: false,
            occurred_at: None,
            body_hash: 0,
        }
    }

    fn link(&self, partition: u32) -> LinkId {
        LinkId(self.codes[partition as usize].route())
    }

    fn event(&self, body: Body) -> Event {
        Event {
            id: EventId(u128::from(self.next_id())),
            stamped_at: (self.now)(),
            resent: false,
            reply_to: None,
            key: None,
            first_appended_at: None,
            body,
        }
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }
}
