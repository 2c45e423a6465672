//! What one thread has counted; added up when all have ended.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::{
    answer::Answer,
    ask::{Deserved, Kind, Sent, Visit},
    histogram,
    render::refund_name,
    said::{self, Reader, Said},
};
use crate::audit::acknowledged::{Acknowledged, Refund};

const STATUSES: usize = 1_000;

/// When a request was due, sent and ended, in ns on the thread's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) due: u64,
    pub(crate) began: u64,
    pub(crate) ended: u64,
}

pub(crate) struct Tally {
    reader: Reader,
    /// As ids have it.
    run: String,
    by_status: Vec<u64>,
    /// Which clicks were acknowledged, by their number: only where some are sent twice.
    seen: Option<Vec<u64>>,
    pub(crate) events_sent: u64,
    pub(crate) events_acknowledged: u64,
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    /// Answers other than what the request deserved.
    pub(crate) surprises: u64,
    pub(crate) first_surprise: Option<String>,
    pub(crate) first_failure: Option<String>,
    /// From when it was due to the end of the answer.
    pub(crate) latency: Histogram<u64>,
    pub(crate) by_kind: Option<[Histogram<u64>; 3]>,
    /// From when it was sent to the end of the answer: what a closed loop sees.
    pub(crate) service: Histogram<u64>,
    /// From when it was due to when it was sent.
    pub(crate) lateness: Histogram<u64>,
    /// The same where a connection was free: what the generator itself was late.
    pub(crate) own_lateness: Histogram<u64>,
    /// Of the latest requests, for who watches.
    pub(crate) recent: Histogram<u64>,
    pub(crate) last_answer_ns: u64,
    pub(crate) acknowledged: Acknowledged,
}

impl Tally {
    /// With room for so many clicks; a day's are told apart by number and by kind.
    pub(crate) fn new(run: &str, clicks: u64, is_day: bool) -> anyhow::Result<Tally> {
        let by_kind = || Ok::<_, anyhow::Error>([histogram::new()?, histogram::new()?, histogram::new()?]);
        Ok(Tally {
            reader: Reader::new(),
            run: run.to_owned(),
            by_status: vec![0; STATUSES],
            seen: is_day.then(Vec::new),
            events_sent: 0,
            events_acknowledged: 0,
            requests: 0,
            answered: 0,
            failed: 0,
            surprises: 0,
            first_surprise: None,
            first_failure: None,
            latency: histogram::new()?,
            by_kind: if is_day { Some(by_kind()?) } else { None },
            service: histogram::new()?,
            lateness: histogram::new()?,
            own_lateness: histogram::new()?,
            recent: histogram::new()?,
            last_answer_ns: 0,
            // Grown in the measured time it would be copied there.
            acknowledged: Acknowledged { clicks: Vec::with_capacity(clicks as usize), ..Acknowledged::default() },
        })
    }

    pub(crate) fn sent(&mut self, sent: &Sent, due: u64, began: u64, free_since: u64) {
        self.requests += 1;
        self.acknowledged.told.entry(sent.kind).or_default().sent += u64::from(sent.events);
        self.events_sent += u64::from(sent.events);
        self.lateness.saturating_record(began.saturating_sub(due) / 1_000);
        if free_since <= due {
            self.own_lateness.saturating_record(began.saturating_sub(due) / 1_000);
        }
    }

    pub(crate) fn answered(&mut self, sent: &Sent, answer: &Answer<'_>, times: Times) {
        self.answered += 1;
        self.by_status[usize::from(answer.status).min(STATUSES - 1)] += 1;
        self.last_answer_ns = times.ended;
        self.took(sent.kind, times);
        let said = self.reader.read(sent, answer, &mut self.acknowledged.clicks);
        let right = match (&said, sent.deserves) {
            (Said::Nothing, Deserved::Refused(status)) => status == answer.status,
            (Said::Known, Deserved::TakenOnce) => true,
            (Said::Nothing | Said::Unsure | Said::Known, _) => false,
            (_, deserved) => !matches!(deserved, Deserved::Refused(_)),
        };
        let is_unsure = said == Said::Unsure;
        let taken = self.keep(sent, said);
        let told = self.acknowledged.told.entry(sent.kind).or_default();
        let left = u64::from(sent.events - taken.min(sent.events));
        match left {
            0 => {}
            _ if is_unsure => told.unsure += left,
            _ if sent.events > 1 && answer.status < 300 => {
                let refused = said::refused(&answer.body);
                refused.into_iter().for_each(|(status, count)| *told.refused.entry(status).or_default() += count);
            }
            _ => *told.refused.entry(answer.status).or_default() += left,
        }
        if !right || (left > 0 && sent.events > 1) {
            self.surprises += 1;
            self.first_surprise.get_or_insert_with(|| {
                let body: String = String::from_utf8_lossy(&answer.body).chars().take(SURPRISE_CHARS).collect();
                format!("{} {}: {body}", name(sent.kind), answer.status)
            });
        }
    }

    /// It was sent and not answered, or not even that; what was waited for it counts, or else the longest waits would be left out.
    pub(crate) fn failed(&mut self, sent: &Sent, times: Times, waited: bool, why: impl FnOnce() -> String) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(why);
        self.acknowledged.told.entry(sent.kind).or_default().unsure += u64::from(sent.events);
        if waited {
            self.took(sent.kind, times);
        }
    }

    /// Was due and never sent, as the target fell too far behind.
    pub(crate) fn never_sent(&mut self, times: Times) {
        self.requests += 1;
        self.failed += 1;
        self.first_failure.get_or_insert_with(|| "no connection was free in time".to_owned());
        self.latency.saturating_record(times.ended.saturating_sub(times.due) / 1_000);
        self.recent.saturating_record(times.ended.saturating_sub(times.due) / 1_000);
    }

    pub(crate) fn merge(&mut self, other: Tally) -> anyhow::Result<()> {
        self.by_status.iter_mut().zip(other.by_status).for_each(|(mine, theirs)| *mine += theirs);
        if let (Some(mine), Some(theirs)) = (&mut self.seen, other.seen) {
            mine.resize(mine.len().max(theirs.len()), 0);
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine |= theirs);
        }
        self.events_sent += other.events_sent;
        self.events_acknowledged += other.events_acknowledged;
        self.requests += other.requests;
        self.answered += other.answered;
        self.failed += other.failed;
        self.surprises += other.surprises;
        self.first_surprise = self.first_surprise.take().or(other.first_surprise);
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.latency.add(other.latency)?;
        if let (Some(mine), Some(theirs)) = (&mut self.by_kind, other.by_kind) {
            mine.iter_mut().zip(theirs).try_for_each(|(mine, theirs)| mine.add(theirs))?;
        }
        self.service.add(other.service)?;
        self.lateness.add(other.lateness)?;
        self.own_lateness.add(other.own_lateness)?;
        self.last_answer_ns = self.last_answer_ns.max(other.last_answer_ns);
        self.add_acknowledged(other.acknowledged);
        Ok(())
    }

    /// Each click once: what was sent twice is one, whichever of the two was acknowledged.
    pub(crate) fn count_repeats(&mut self) {
        if let Some(seen) = &self.seen {
            let all = self.acknowledged.visits.people;
            self.acknowledged.visits.people = seen.iter().map(|word| u64::from(word.count_ones())).sum();
            self.acknowledged.visits.repeats = all - self.acknowledged.visits.people;
        }
    }

    pub(crate) fn statuses(&self) -> BTreeMap<u16, u64> {
        let statuses = (0_u16..).zip(&self.by_status);
        statuses.filter(|(_, count)| **count > 0).map(|(status, count)| (status, *count)).collect()
    }

    fn add_acknowledged(&mut self, other: Acknowledged) {
        let mine = &mut self.acknowledged;
        mine.clicks.extend(other.clicks);
        mine.orders.extend(other.orders);
        mine.refunds.extend(other.refunds);
        mine.visits.people += other.visits.people;
        mine.visits.bots += other.visits.bots;
        mine.visits.repeats += other.visits.repeats;
        for (kind, theirs) in other.told {
            let told = mine.told.entry(kind).or_default();
            told.sent += theirs.sent;
            told.unsure += theirs.unsure;
            theirs.refused.into_iter().for_each(|(status, count)| *told.refused.entry(status).or_default() += count);
        }
    }

    fn took(&mut self, kind: Kind, times: Times) {
        let latency = times.ended.saturating_sub(times.due) / 1_000;
        self.latency.saturating_record(latency);
        self.recent.saturating_record(latency);
        self.service.saturating_record(times.ended.saturating_sub(times.began) / 1_000);
        if let Some(by_kind) = &mut self.by_kind {
            by_kind[kind as usize].saturating_record(latency);
        }
    }

    /// How many events are kept now.
    fn keep(&mut self, sent: &Sent, said: Said) -> u32 {
        let taken = match said {
            Said::Taken(taken) => taken,
            Said::Order(order) => {
                self.acknowledged.orders.push(order);
                1
            }
            Said::Orders(orders) => {
                let taken = u32::try_from(orders.len()).unwrap_or(u32::MAX);
                self.acknowledged.orders.extend(orders);
                taken
            }
            Said::Refund(conversion) => {
                self.acknowledged.refunds.push(Refund { conversion, name: refund_name(&self.run, sent.event) });
                1
            }
            // It is kept: as the one that it repeats.
            Said::Known => 1,
            Said::Unsure | Said::Nothing => 0,
        };
        self.events_acknowledged += u64::from(taken);
        if sent.kind == Kind::Click {
            match sent.visit {
                Visit::Bot => self.acknowledged.visits.bots += u64::from(taken),
                Visit::Person => self.acknowledged.visits.people += u64::from(taken),
            }
            if let (Some(seen), Visit::Person, 1) = (&mut self.seen, sent.visit, taken) {
                let (word, bit) = ((sent.event / 64) as usize, sent.event % 64);
                if seen.len() <= word {
                    seen.resize(word + 1 + seen.len() / 2, 0);
                }
                seen[word] |= 1 << bit;
            }
        }
        taken
    }
}

/// As the report calls it.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Click => "click",
        Kind::Order => "order",
        Kind::Refund => "refund",
    }
}

const SURPRISE_CHARS: usize = 300;
