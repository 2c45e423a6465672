use std::{
    pin::Pin,
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
};

use schemas::ids::Position;
use stores::ledger::CommitError;
use tokio::sync::{mpsc, oneshot};

use super::*;

/// For whatever a test waits for.
const WAIT: Duration = Duration::from_secs(10);
const OWNERS_MAX: usize = 16;
const PARTITION: u32 = 1;
const BESIDE: u32 = 2;

type Owning = Pin<Box<dyn Future<Output = Result<(), ProcessError>> + Send>>;

/// An owner under way, whose end is in the test's hand.
struct Begun {
    partition: u32,
    stop: CancellationToken,
    end: oneshot::Sender<Result<(), ProcessError>>,
}

/// A pool, and who owns in it.
struct Scene {
    pool: Pool<Box<dyn Fn(u32, CancellationToken) -> Owning>>,
    begun: mpsc::Receiver<Begun>,
    status: watch::Receiver<Status>,
    /// What each that was asked to let go holds.
    asked_back: Vec<Receiver<()>>,
}

#[derive(Debug)]
enum Step {
    Take,
    GiveBack,
    /// The owner ends, of its own accord or as it was asked to.
    Ends(Result<(), ProcessError>),
}

use Step::{Ends, GiveBack, Take};

impl Scene {
    fn new() -> Scene {
        let (beginning, begun) = mpsc::channel(OWNERS_MAX);
        let own = move |partition, stop| -> Owning {
            let beginning = beginning.clone();
            Box::pin(async move {
                let (end, ended) = oneshot::channel();
                beginning.send(Begun { partition, stop, end }).await.expect("the test goes on");
                ended.await.unwrap_or(Err(ProcessError::TaskEnded))
            })
        };
        let (told, status) = watch::channel(Status::default());
        Scene { pool: Pool::new(told, Box::new(own)), begun, status, asked_back: Vec::new() }
    }

    fn take(&mut self, partition: u32) {
        self.pool.take_in(Moved::Take(partition));
    }

    fn let_go(&mut self, partition: u32) {
        let (held, gone) = sync_channel(1);
        self.asked_back.push(gone);
        self.pool.take_in(Moved::LetGo { partition, gone: LetGo::new(held) });
    }

    async fn next_begun(&mut self) -> Begun {
        timeout(WAIT, self.begun.recv()).await.expect("another owner begins").expect("the pool is there")
    }

    /// What the pool makes of the next owner's end.
    async fn next_ended(&mut self) -> Result<(), ProcessError> {
        let ended = timeout(WAIT, self.pool.owners.join_next_with_id()).await;
        self.pool.owner_ended(ended.expect("an owner ends").expect("there is one"))
    }

    async fn stage_is(&mut self, wanted: Stage) {
        let is_it = |status: &Status| status.owned.get(&PARTITION) == Some(&wanted);
        timeout(WAIT, self.status.wait_for(is_it)).await.expect("it is told").expect("the pool is there");
    }

    fn all_let_go(&self) -> bool {
        self.asked_back.iter().all(|gone| gone.try_recv() == Err(TryRecvError::Disconnected))
    }
}

/// Whether the partition has an owner after these steps. It never has two, and no owner means that it is let go of.
async fn check<const N: usize>(steps: [Step; N], is_owned: bool) {
    let told = format!("{steps:?}");
    let mut scene = Scene::new();
    let mut owner = None;
    for step in steps {
        match step {
            Take => {
                scene.take(PARTITION);
                if owner.is_none() {
                    owner = Some(scene.next_begun().await);
                }
            }
            GiveBack => scene.let_go(PARTITION),
            Ends(how) => {
                // One that has not begun yet ends by itself.
                if let Some(Begun { end, .. }) = owner.take() {
                    end.send(how).expect("it waits for its end");
                }
                scene.next_ended().await.unwrap_or_else(|error| panic!("{told}: the pool ends: {error}"));
            }
        }
        assert!(scene.pool.running.len() <= 1, "{told}: two owners");
    }
    assert_eq!(scene.pool.running.len() == 1, is_owned, "{told}: whether it is owned");
    assert_eq!(scene.status.borrow().owned.contains_key(&PARTITION), is_owned, "{told}: what is told");
    if is_owned {
        let Begun { partition, stop, .. } = match owner {
            Some(owner) => owner,
            None => scene.next_begun().await,
        };
        assert!(partition == PARTITION && !stop.is_cancelled(), "{told}: its owner is to go on");
    }
    assert!(scene.all_let_go(), "{told}: nobody waits for it");
}

fn fenced() -> Step {
    Ends(Err(ProcessError::Fenced))
}

#[tokio::test]
async fn a_partition_that_comes_back_before_its_last_owner_ended_has_an_owner() {
    tokio::join!(
        check([Take, GiveBack, Ends(Ok(()))], false),
        check([Take, GiveBack, fenced()], false),
        check([Take, GiveBack, Take, Ends(Ok(()))], true),
        check([Take, GiveBack, Take, fenced()], true),
        check([Take, GiveBack, Take, GiveBack, Ends(Ok(()))], false),
        check([Take, GiveBack, Take, GiveBack, Take, Ends(Ok(()))], true),
        check([Take, GiveBack, Take, GiveBack, Ends(Ok(())), Take], true),
        check([Take, GiveBack, Take, Ends(Ok(())), GiveBack, Ends(Ok(()))], false),
    );
}

#[tokio::test]
async fn a_plan_whose_answer_was_lost_ends_its_owner_and_no_other() {
    let plan = || ProcessError::Commit(CommitError::PlanOutOfOrder { from: 3, to: 5 });
    let mut scene = Scene::new();
    scene.take(PARTITION);
    scene.take(BESIDE);
    let (first, second) = (scene.next_begun().await, scene.next_begun().await);
    let (owner, beside) = if first.partition == PARTITION { (first, second) } else { (second, first) };
    owner.end.send(Err(plan())).expect("it waits for its end");
    scene.next_ended().await.expect("the pool goes on");
    let next = scene.next_begun().await;
    assert!(next.partition == PARTITION && !next.stop.is_cancelled() && !beside.stop.is_cancelled());

    // What does not pass ends the process.
    next.end.send(Err(ProcessError::TaskEnded)).expect("it waits for its end");
    assert!(matches!(scene.next_ended().await, Err(ProcessError::TaskEnded)));
}

#[tokio::test]
async fn what_a_newer_version_has_decided_holds_its_partition_alone() {
    let mut scene = Scene::new();
    scene.take(PARTITION);
    let owner = scene.next_begun().await;
    scene.take(BESIDE);
    let beside = scene.next_begun().await;
    scene.stage_is(Stage::Recovering).await;
    let at = Position { partition: PARTITION, offset: 7 };
    owner.end.send(Err(ProcessError::Newer { at })).expect("it waits for its end");
    scene.stage_is(Stage::Held).await;
    assert!(scene.pool.owners.try_join_next_with_id().is_none(), "it stands still and does not end");
    assert!(!beside.stop.is_cancelled() && !scene.status.borrow().is_ready());

    // Whoever is to have it next does not wait for this one.
    scene.let_go(PARTITION);
    scene.next_ended().await.expect("the pool goes on");
    assert!(scene.all_let_go() && !scene.status.borrow().owned.contains_key(&PARTITION));
    scene.take(PARTITION);
    scene.stage_is(Stage::Recovering).await;
    assert_eq!(scene.next_begun().await.partition, PARTITION);
}
