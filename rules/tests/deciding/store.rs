//! A ledger, a catalog, touches and facts in memory: it answers `Needs`, commits effects, and appends settles as a processor does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rules::{
    Effect, Known, Needs,
    effect::{KeyTaken, Parked, ParkedUntil},
    known::{Awaiting, ClickName, FactTouches, Ident, IdentRecord, LinkSales, RECENT_VALUES},
    needs,
    touches::{Seen, Touch, Touches, Visitor},
};
use schemas::{
    accounts::{Account, Transfer},
    catalog::LinkRow,
    conversion::{Conversion, Maturity, RefundApplied, Standing},
    decision::{Decision, EventKind, Outcome},
    event::{Body, Event, Logged, Settle},
    facts::{ConversionChange, Fact},
    hashes::{EmailHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, KeyId, LinkId, PartnerId, Position, ProgramId, TransferId},
    money::Currency,
    receipt::ReceiptKey,
    terms::Terms,
    time::{Day, TimeMs},
};

pub(crate) type Decide = fn(&mut Known, &Logged) -> Vec<Effect>;

#[derive(Default)]
pub(crate) struct Store {
    /// Of the log: which one this is, and how many there are; 0 stands for one.
    pub(crate) partition: u32,
    pub(crate) partitions: u32,

    pub(crate) receipt_keys: Vec<ReceiptKey>,
    pub(crate) revoked: HashMap<KeyId, TimeMs>,
    pub(crate) links: HashMap<LinkId, LinkRow>,
    pub(crate) partners: HashMap<PartnerId, EmailHash>,
    pub(crate) terms: HashMap<ProgramId, Vec<Terms>>,

    pub(crate) log: Vec<Logged>,
    /// Everything before it is decided.
    pub(crate) next: usize,

    pub(crate) kept: Ledger,
    pub(crate) touches: Touches,
    /// Those that count.
    pub(crate) clicks: Vec<Touch>,
    /// What facts hold already, where a log is decided once more.
    pub(crate) facts_before: Option<Vec<Touch>>,
    /// Facts hold less than all: what comes before this offset.
    pub(crate) facts_held: Option<u64>,
}

/// What two ways to the same end must agree on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) keys: HashMap<KeyHash, KeyTaken>,
    pub(crate) conversions: BTreeMap<ConversionId, Conversion>,
    /// Every state a lead or sale was put in by a decision of its own, in order.
    pub(crate) decided: Vec<Conversion>,
    pub(crate) refunds: Vec<RefundApplied>,
    pub(crate) transfers: BTreeMap<TransferId, Transfer>,
    pub(crate) counts: BTreeMap<(CompanyId, EventKind, Outcome, Day), i64>,
    pub(crate) replies: Vec<Decision>,
    pub(crate) changes: Vec<ConversionChange>,
    pub(crate) except_clicks: Vec<(Position, Option<Outcome>)>,
    pub(crate) parked: HashMap<ConversionId, Parked>,
    pub(crate) late: BTreeMap<ConversionId, BTreeSet<u64>>,
    awaiting: HashMap<LinkId, Vec<Awaiting>>,
    pub(crate) idents: HashMap<(CompanyId, Ident), IdentRecord>,
    click_customers: HashMap<ClickName, BTreeSet<u128>>,
    link_sales: HashMap<LinkId, LinkSales>,
    values: HashMap<(CompanyId, Currency), Vec<i64>>,
    pub(crate) budgets: HashMap<(ProgramId, Currency), i64>,
    /// Settles that decisions asked for, with the partition whose log they go to.
    pub(crate) to_append: Vec<(u32, Settle)>,
}

impl Store {
    pub(crate) fn append(&mut self, event: Event, appended_at: TimeMs) -> Logged {
        let position = Position { partition: self.partition, offset: self.log.len() as u64 };
        let appended_at = self.log.last().map_or(appended_at, |last| last.appended_at.max(appended_at));
        self.log.push(Logged { position, appended_at, event });
        self.log[self.log.len() - 1].clone()
    }

    /// Decides the log to its end in one batch.
    pub(crate) fn run(&mut self, decide: Decide) -> Vec<Effect> {
        self.run_batch(self.log.len() - self.next, decide)
    }

    /// Fetches, decides and commits. Every batch is decided twice, as after a commit that failed: the same must follow.
    pub(crate) fn run_batch(&mut self, length: usize, decide: Decide) -> Vec<Effect> {
        let batch: Vec<Logged> = self.log[self.next..self.next + length].to_vec();
        let decide_all = |store: &Store| {
            let mut known = store.fetch(&batch);
            batch.iter().flat_map(|logged| decide(&mut known, logged)).collect::<Vec<Effect>>()
        };
        let (effects, again) = (decide_all(self), decide_all(self));
        assert_eq!(effects, again, "a batch decided twice");
        self.commit(&effects);
        self.next += length;
        effects
    }

    /// What the processor appends after a batch: settles that were asked for, and those for what facts now hold.
    pub(crate) fn settles_due(&mut self) -> Vec<Settle> {
        let asked_for = std::mem::take(&mut self.kept.to_append).into_iter().map(|(_, settle)| settle);
        let mut settles: Vec<Settle> = asked_for.chain(self.settles_of_facts()).collect();
        settles.sort_by_key(|settle| settle.conversion);
        settles
    }

    /// Facts hold all that is committed.
    pub(crate) fn settles_of_facts(&self) -> Vec<Settle> {
        let facts_up_to = self.next as u64;
        let mut settles = Vec::new();
        for parked in self.kept.parked.values().filter(|parked| parked.logged.position.partition == self.partition) {
            let waits = matches!(parked.until, ParkedUntil::FactsHold { offset } if offset <= facts_up_to);
            let late = parked.until == ParkedUntil::LateClick
                && self
                    .kept
                    .late
                    .get(&parked.conversion)
                    .is_some_and(|notes| notes.range(..facts_up_to).next().is_some());
            if waits || late {
                settles.push(Settle { company: parked.company, conversion: parked.conversion, facts_up_to });
            }
        }
        settles
    }

    pub(crate) fn balance(&self, account: Account, currency: Currency) -> i128 {
        let of = self.kept.transfers.values().filter(|transfer| transfer.currency == currency);
        of.map(|transfer| {
            let amount = i128::from(transfer.amount_minor);
            amount * (i128::from(transfer.credit == account) - i128::from(transfer.debit == account))
        })
        .sum()
    }

    pub(crate) fn count(&self, kind: EventKind, outcome: Outcome) -> i64 {
        let same = |(key, _): &(&(CompanyId, EventKind, Outcome, Day), &i64)| (key.1, key.2) == (kind, outcome);
        self.kept.counts.iter().filter(same).map(|(_, count)| count).sum()
    }

    pub(crate) fn fetch(&self, batch: &[Logged]) -> Known {
        let (mut needs, mut known) = self.fetch_named(batch);
        self.fetch_rest(&mut needs, &mut known);
        known
    }

    /// What the events name of the ledger, which is looked up before the rest.
    pub(crate) fn fetch_named(&self, batch: &[Logged]) -> (Needs, Known) {
        let mut needs = needs(batch);
        needs.add_clicks(batch);
        let (partitions, receipt_keys) = (self.partitions, self.receipt_keys.clone());
        let mut known = Known { partitions, receipt_keys, ..Known::default() };
        if let Some(now) = needs.tick {
            known.due = self.due(now);
        }
        needs.conversions.extend(&known.due);
        let woken: BTreeSet<ConversionId> = needs.parked.iter().chain(&known.due).copied().collect();
        for id in &woken {
            if let Some(parked) = self.kept.parked.get(id) {
                needs.add_parked(parked);
            }
        }
        let by_ident =
            |parked: &&Parked| parked.idents.iter().any(|ident| needs.idents.contains(&(parked.company, *ident)));
        let parked = self.kept.parked.values().filter(|parked| woken.contains(&parked.conversion) || by_ident(parked));
        known.parked = parked.map(|parked| (parked.conversion, parked.clone())).collect();
        known.conversions = pick(needs.conversions.iter(), |id| self.kept.conversions.get(id).cloned());
        known.idents = pick(needs.idents.iter(), |id| self.kept.idents.get(id).copied());
        known.conversions.values().for_each(|conversion| needs.add_conversion(conversion));
        known.idents.values().for_each(|record| needs.add_ident(record));
        (needs, known)
    }

    pub(crate) fn fetch_rest(&self, needs: &mut Needs, known: &mut Known) {
        self.fetch_catalog(needs, known);
        self.fetch_clicks(needs, known);
        known.keys = pick(needs.keys.iter(), |key| self.kept.keys.get(key).copied());
        known.click_customers = pick(needs.click_names.iter(), |name| self.kept.click_customers.get(name).cloned());
        known.link_sales = pick(needs.sold_links.iter(), |link| self.kept.link_sales.get(link).cloned());
        known.budgets = pick(needs.budgets.iter(), |key| self.kept.budgets.get(key).copied());
        known.recent_values = pick(needs.values.iter(), |key| self.kept.values.get(key).cloned());
        known.awaiting = pick(needs.late.keys(), |link| {
            let waiting = self.kept.awaiting.get(link)?.iter();
            Some(waiting.filter(|awaiting| awaiting.at >= needs.late[link]).copied().collect())
        });
    }

    fn fetch_catalog(&self, needs: &mut Needs, known: &mut Known) {
        known.revoked = pick(needs.brought_by.iter(), |id| self.revoked.get(id).copied());
        known.links = pick(needs.links.iter(), |id| self.links.get(id).cloned());
        known.links.values().for_each(|link| needs.add_link(link));
        known.terms = pick(needs.programs.iter(), |id| self.terms.get(id).cloned());
        needs.add_terms(known.terms.values().flatten());
        known.partners = pick(needs.partners.iter(), |id| self.partners.get(id).copied());
    }

    fn fetch_clicks(&self, needs: &mut Needs, known: &mut Known) {
        let is_held = |settle: &Settle| self.facts_held.is_none_or(|held| settle.facts_up_to <= held);
        for settle in needs.settles.clone().into_iter().filter(is_held) {
            let links = needs.code_links.get(&settle.conversion).cloned().unwrap_or_default();
            let of_link = |touch: &&Touch| {
                links.contains(&touch.receipt.fields().link) && touch.position.offset < settle.facts_up_to
            };
            let facts = self.facts_before.as_ref().unwrap_or(&self.clicks);
            let touches: Vec<Touch> = facts.iter().filter(of_link).copied().collect();
            needs.add_fact_clicks(&touches);
            let FactTouches { up_to, clicks } = known.fact_clicks.entry(settle.conversion).or_default();
            if settle.facts_up_to >= *up_to {
                (*up_to, *clicks) = (settle.facts_up_to, touches);
            }
        }
        needs.add_touches(&self.touches);
        known.touches = self.touches.clone();
    }

    fn due(&self, now: TimeMs) -> Vec<ConversionId> {
        let over = |conversion: &&Conversion| matches!(conversion.maturity, Maturity::HeldUntil(until) if until <= now);
        let expired = |parked: &&Parked| matches!(parked.until, ParkedUntil::Lead { expires_at } if expires_at <= now);
        let here = |position: Position| position.partition == self.partition;
        let held = self.kept.conversions.values().filter(over).filter(|conversion| here(conversion.position));
        let waiting = self.kept.parked.values().filter(expired).filter(|parked| here(parked.logged.position));
        held.map(|conversion| conversion.id).chain(waiting.map(|parked| parked.conversion)).collect()
    }

    pub(crate) fn commit(&mut self, effects: &[Effect]) {
        for effect in effects {
            self.take(effect.clone());
        }
    }

    fn take(&mut self, effect: Effect) {
        let kept = &mut self.kept;
        match effect {
            Effect::Count { company, kind, outcome, day, by } => {
                *kept.counts.entry((company, kind, outcome, day)).or_default() += by
            }
            Effect::ExceptClick { position, outcome } => kept.except_clicks.push((position, outcome)),
            Effect::TakeKey { key, taken } => assert_eq!(kept.keys.insert(key, taken), None, "a key is taken once"),
            Effect::FreeKey { key } => assert!(kept.keys.remove(&key).is_some()),
            Effect::PutConversion(conversion) => kept.put(*conversion),
            Effect::PutRefund(refund) => kept.refunds.push(refund),
            Effect::Post(transfer) => {
                assert!(transfer.amount_minor > 0 && transfer.debit != transfer.credit, "{transfer:?}");
                assert_eq!(kept.transfers.insert(transfer.id, transfer), None, "a transfer is posted once");
            }
            Effect::PutIdent { company, ident, record } => _ = kept.idents.insert((company, ident), record),
            Effect::UseClick { click, customer } => _ = kept.click_customers.entry(click).or_default().insert(customer),
            Effect::CountSale { link, at } => kept.link_sales.entry(link).or_default().count(at),
            Effect::NoteValue { company, currency, amount_minor } => {
                let values = kept.values.entry((company, currency)).or_default();
                values.push(amount_minor);
                values.drain(..values.len().saturating_sub(RECENT_VALUES));
            }
            Effect::Park(parked) => _ = kept.parked.insert(parked.conversion, *parked),
            Effect::Unpark { conversion } => {
                kept.parked.remove(&conversion);
                kept.awaiting
                    .values_mut()
                    .for_each(|waiting| waiting.retain(|awaiting| awaiting.conversion != conversion));
            }
            Effect::NoteLate { conversion, click, .. } => {
                _ = kept.late.entry(conversion).or_default().insert(click.offset)
            }
            Effect::ClearLate { conversion, facts_up_to } => {
                kept.late.entry(conversion).or_default().retain(|offset| *offset >= facts_up_to);
            }
            Effect::AppendSettle { partition, settle } => kept.to_append.push((partition, settle)),
            Effect::Forward { .. } => {}
            Effect::Spend { program, currency, amount_minor } => {
                *kept.budgets.entry((program, currency)).or_default() += amount_minor;
            }
            Effect::Remember { link, touch, address_before } => {
                let address_cut = touch.receipt.fields().address_cut;
                if let Some(before) = address_before {
                    self.touches.carry_over(Visitor::of(link, before.cut()), Visitor::of(link, address_cut));
                }
                self.touches.remember(link, touch);
                self.clicks.push(touch);
            }
            Effect::See { id, position, at } => _ = self.touches.see(id, Seen { position, at }),
            Effect::Await { company, link, conversion, at } => {
                self.touches.await_click(link, at);
                let waiting = kept.awaiting.entry(link).or_default();
                waiting.retain(|awaiting| awaiting.conversion != conversion);
                waiting.push(Awaiting { company, conversion, at });
            }
            Effect::Record(Fact::Click(_)) => unreachable!("it follows from its record"),
            Effect::Record(Fact::Change(change)) => kept.changes.push(*change),
            Effect::Reply(decision) => kept.replies.push(decision),
        }
    }
}

impl Ledger {
    /// Names of what differs.
    pub(crate) fn difference(&self, other: &Ledger) -> Vec<&'static str> {
        let same = [
            ("keys", self.keys == other.keys),
            ("conversions", self.conversions == other.conversions),
            ("decided", self.decided == other.decided),
            ("refunds", self.refunds == other.refunds),
            ("transfers", self.transfers == other.transfers),
            ("counts", self.counts == other.counts),
            ("replies", self.replies == other.replies),
            ("changes", self.changes == other.changes),
            ("except_clicks", self.except_clicks == other.except_clicks),
            ("parked", self.parked == other.parked),
            ("late", self.late == other.late),
            ("awaiting", self.awaiting == other.awaiting),
            ("idents", self.idents == other.idents),
            ("click_customers", self.click_customers == other.click_customers),
            ("link_sales", self.link_sales == other.link_sales),
            ("values", self.values == other.values),
            ("budgets", self.budgets == other.budgets),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    fn put(&mut self, conversion: Conversion) {
        let before = self.conversions.get(&conversion.id);
        let is_decided = matches!(conversion.standing, Standing::Attributed | Standing::Unattributed(_));
        if is_decided && before.is_none_or(|before| before.standing != conversion.standing) {
            self.decided.push(conversion.clone());
        }
        self.conversions.insert(conversion.id, conversion);
    }
}

fn pick<'a, K: Copy + Eq + std::hash::Hash + 'a, V>(
    wanted: impl Iterator<Item = &'a K>,
    find: impl Fn(&K) -> Option<V>,
) -> HashMap<K, V> {
    wanted.filter_map(|key| Some((*key, find(key)?))).collect()
}

pub(crate) fn event(id: u128, body: Body) -> Event {
    Event {
        id: EventId(id),
        stamped_at: TimeMs(0),
        resent: false,
        reply_to: None,
        key: None,
        first_appended_at: None,
        body,
    }
}
