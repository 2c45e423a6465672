//! One thread that sends: it waits until a request is due or an answer is there, and does what is to be done. Nothing on it sleeps,
//! and nothing it needs is shared.

use std::{
    collections::VecDeque,
    num::NonZeroU64,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventFlags},
    },
    fd::OwnedFd,
    io::Errno,
    time::{ClockId, clock_gettime},
};

use super::{
    Job, answer,
    connection::{Came, Connection, Flight},
    histogram,
    schedule::{NS_A_SECOND, Schedule},
    stream::Stream,
    tally::{Tally, Times},
};
use crate::record::{Offered, Scenario};

/// How often it looks after what has no event of its own.
const TICK: Duration = Duration::from_millis(250);
/// What is due within it goes in one go: a thread that wakes for each alone costs as much again.
const BURST: Duration = Duration::from_micros(100);
/// Without one answer between: a closed loop that nobody answers would run in circles.
const FAILED_IN_A_ROW: u32 = 1_000;
/// Before what is as it is started.
const NICE: i32 = -10;
const EVENTS_AT_ONCE: usize = 1_024;
const BUFFER_BYTES: usize = 256 << 10;
/// Requests for the API that wait for one of its connections while others go on.
const HELD_MAX: usize = 4_096;
/// One connection to the API for so many to the edge.
const EDGE_TO_API: u32 = 16;

pub(crate) struct Lane<'a> {
    job: &'a Job,
    thread: u32,
    stream: Stream<'a>,
    schedule: Schedule,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    /// By the place they lead to, the one longest free first.
    free: [VecDeque<usize>; 2],
    held: VecDeque<(u64, u64)>,
    flying: usize,
    failed_in_a_row: u32,
    tally: Tally,
    out: Vec<u8>,
    buffer: Vec<u8>,
    began: Instant,
    ticked: u64,
}

/// What a thread has done, and with how much of its time.
pub(crate) struct Done {
    pub(crate) tally: Tally,
    pub(crate) cpu_ns: u64,
    /// While it had something to do and no core to do it on.
    pub(crate) waited_ns: u64,
    pub(crate) took_ns: u64,
}

impl<'a> Lane<'a> {
    /// With its connections open, unless each request is to find them closed.
    pub(crate) fn open(job: &'a Job, thread: u32) -> anyhow::Result<Lane<'a>> {
        let share = |all: u32| all / job.threads + u32::from(thread < all % job.threads);
        let edge = share(job.load.connections);
        let api = job.world.names.api.as_ref().map(|api| (api.address, edge.div_ceil(EDGE_TO_API)));
        let places = std::iter::repeat_n(job.target.address, edge as usize);
        let places = places.chain(api.into_iter().flat_map(|(api, count)| std::iter::repeat_n(api, count as usize)));
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut connections: Vec<_> =
            (0..).zip(places).map(|(token, address)| Connection::new(address, token)).collect();
        if job.load.requests_a_connection.is_none() {
            connections.iter_mut().try_for_each(|connection| connection.open(&epoll))?;
        }
        let events = job.requests.div_ceil(job.threads.into()) * u64::from(job.load.events_a_request);
        let is_day = job.load.scenario == Scenario::Day;
        Ok(Lane {
            job,
            thread,
            stream: Stream::new(&job.target, &job.load, &job.world)?,
            schedule: Schedule::new(&job.load, job.requests, job.patience.overrun, thread, job.threads),
            epoll,
            free: [(0..edge as usize).collect(), (edge as usize..connections.len()).collect()],
            connections,
            held: VecDeque::new(),
            flying: 0,
            failed_in_a_row: 0,
            tally: Tally::new(&job.world.names.run, events, is_day)?,
            out: Vec::new(),
            buffer: vec![0; BUFFER_BYTES],
            began: Instant::now(),
            ticked: 0,
        })
    }

    pub(crate) fn run(mut self, began: Instant) -> anyhow::Result<Done> {
        // Woken when it is time, and not when it suits the system.
        let _ = rustix::thread::set_current_timer_slack(Some(NonZeroU64::MIN));
        if self.job.load.offered != Offered::AsAnswered {
            // This thread alone, where that is allowed: a client on another machine would not wait for what it measures either.
            let _ = rustix::process::setpriority_process(None, NICE);
        }
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_AT_ONCE);
        std::thread::sleep(began.saturating_duration_since(Instant::now()));
        self.began = began;
        let (cpu, waited) = (thread_cpu_ns(), thread_waited_ns());
        loop {
            self.send_what_is_due()?;
            let now = self.now();
            let next = self.schedule.next(now);
            let nothing_left = self.flying == 0 && self.held.is_empty() && next.is_none();
            if nothing_left || self.job.live.is_stopped() || self.is_given_up() {
                break;
            }
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&self.until(next, now))) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                let Event { flags, data, .. } = *event;
                self.on_event(data.u64() as usize, flags);
            }
            if self.now() - self.ticked >= TICK.as_nanos() as u64 {
                self.tick();
            }
        }
        let took_ns = self.now();
        let (cpu_ns, waited_ns) = (thread_cpu_ns() - cpu, thread_waited_ns() - waited);
        for due in self.schedule.never_sent(took_ns) {
            self.tally.never_sent(Times { due, began: due, ended: took_ns });
        }
        self.tell();
        Ok(Done { tally: self.tally, cpu_ns, waited_ns, took_ns })
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn is_given_up(&self) -> bool {
        self.failed_in_a_row >= FAILED_IN_A_ROW && self.job.load.offered == Offered::AsAnswered
    }

    fn send_what_is_due(&mut self) -> anyhow::Result<()> {
        loop {
            let now = self.now();
            let Some((number, due)) = self.schedule.next(now).filter(|(_, due)| *due <= now) else { break };
            let place = usize::from(self.stream.is_for_the_api(number));
            match self.free[place].pop_front() {
                Some(slot) => self.send(slot, number, due, now)?,
                None if place > 0 && self.held.len() < HELD_MAX => self.held.push_back((number, due)),
                None => break,
            }
            self.schedule.advance();
            if self.is_given_up() {
                break;
            }
        }
        while let Some(slot) = self.held.front().and_then(|_| self.free[1].pop_front())
            && let Some((number, due)) = self.held.pop_front()
        {
            self.send(slot, number, due, self.now())?;
        }
        Ok(())
    }

    fn send(&mut self, slot: usize, number: u64, due: u64, now: u64) -> anyhow::Result<()> {
        self.out.clear();
        let sent = self.stream.render(number, &mut self.out)?;
        let connection = &mut self.connections[slot];
        self.tally.sent(&sent, due, now, connection.free_since);
        connection.flight = Some(Flight { sent, due, began: now });
        self.flying += 1;
        if let Err(error) = connection.send(&self.out, &self.epoll) {
            self.fail(slot, false, || error.to_string());
        }
        Ok(())
    }

    /// How long nothing is to be done, if nothing comes.
    fn until(&self, next: Option<(u64, u64)>, now: u64) -> Timespec {
        let due = next.filter(|_| !self.free[0].is_empty()).map(|(_, due)| due.saturating_sub(now));
        let wait = due.map_or(TICK, |ns| Duration::from_nanos(ns).clamp(BURST, TICK));
        Timespec { tv_sec: 0, tv_nsec: wait.as_nanos() as i64 }
    }

    fn on_event(&mut self, slot: usize, flags: EventFlags) {
        let connection = &mut self.connections[slot];
        if flags.intersects(EventFlags::OUT | EventFlags::ERR | EventFlags::HUP)
            && let Err(error) = connection.has_room()
        {
            return self.fail(slot, false, || error.to_string());
        }
        if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
            self.read(slot, flags.intersects(EventFlags::RDHUP | EventFlags::HUP));
        }
    }

    fn read(&mut self, slot: usize, ends: bool) {
        loop {
            let connection = &mut self.connections[slot];
            let (bytes, ended) = match connection.read(&mut self.buffer) {
                Ok(Came::Nothing) => return,
                Ok(Came::End) => (&self.buffer[..0], true),
                Ok(Came::Bytes(count)) => (&self.buffer[..count], false),
                Err(error) => return self.fail(slot, false, || error.to_string()),
            };
            let Some(flight) = connection.flight else {
                // A server that closes what is idle may; what comes unasked is nobody's answer.
                return connection.close();
            };
            let all_read = bytes.len() < BUFFER_BYTES;
            let was_empty = connection.came.is_empty();
            if !was_empty {
                connection.came.extend_from_slice(bytes);
            }
            match answer::read(if was_empty { bytes } else { &connection.came }, ended) {
                Ok(Some(answer)) => {
                    let ended = self.began.elapsed().as_nanos() as u64;
                    let closes = answer.closes || ends;
                    self.tally.answered(&flight.sent, &answer, Times { due: flight.due, began: flight.began, ended });
                    self.failed_in_a_row = 0;
                    return self.free(slot, closes, ended);
                }
                Ok(None) if was_empty => connection.came.extend_from_slice(bytes),
                Ok(None) => {}
                Err(error) => return self.fail(slot, false, || format!("{error:#}")),
            }
            // Who is told that the other side has ended reads on until it comes to that.
            if all_read && !ends {
                return;
            }
        }
    }

    /// It can take the next request.
    fn free(&mut self, slot: usize, closes: bool, now: u64) {
        let connection = &mut self.connections[slot];
        connection.flight = None;
        connection.came.clear();
        connection.free_since = now;
        let is_used_up = self.job.load.requests_a_connection.is_some_and(|most| connection.used >= most);
        if closes || is_used_up {
            connection.close();
        }
        self.flying -= 1;
        self.free[usize::from(slot >= self.edge_connections())].push_back(slot);
    }

    fn fail(&mut self, slot: usize, waited: bool, why: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(flight) = self.connections[slot].flight {
            let times = Times { due: flight.due, began: flight.began, ended: now };
            self.tally.failed(&flight.sent, times, waited, why);
            self.failed_in_a_row += 1;
            self.free(slot, true, now);
        } else {
            self.connections[slot].close();
        }
    }

    fn edge_connections(&self) -> usize {
        let Job { load, threads, .. } = self.job;
        (load.connections / threads + u32::from(self.thread < load.connections % threads)) as usize
    }

    fn tick(&mut self) {
        let now = self.now();
        let patience = self.job.patience.answer;
        let waited = |flight: &Flight| now.saturating_sub(flight.began) >= patience.as_nanos() as u64;
        for slot in 0..self.connections.len() {
            if self.connections[slot].flight.as_ref().is_some_and(waited) {
                self.fail(slot, true, || format!("no answer within {patience:?}"));
            }
        }
        self.tell();
        if now / NS_A_SECOND != self.ticked / NS_A_SECOND {
            self.tally.recent.reset();
        }
        self.ticked = now;
    }

    fn tell(&self) {
        if let Some(live) = self.job.live.lane(self.thread) {
            live.answered.store(self.tally.answered, Ordering::Relaxed);
            live.errors.store(self.tally.failed + self.tally.surprises, Ordering::Relaxed);
            live.p99_us.store(histogram::p99(&self.tally.recent), Ordering::Relaxed);
        }
    }
}

/// Of the calling thread.
fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * NS_A_SECOND + time.tv_nsec.unsigned_abs()
}

/// Of the calling thread; none where the system does not tell.
fn thread_waited_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').nth(1).and_then(|ns| ns.parse().ok()).unwrap_or_default()
}
