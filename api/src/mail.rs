//! Mails with magic links. They are made and sent behind the answer, so that it takes as long for every address.

mod letter;
mod outbox;
mod sender;

use schemas::hashes::AddressHash;
use stores::catalog::AccountKind;
use tokio::sync::mpsc;

pub use outbox::Outbox;
pub use sender::{MailSender, Transport, TransportError};

use crate::email::Email;

/// How many mails may wait; who asks for one more gets the same answer and no mail.
const MAILS_WAITING: usize = 1_024;

/// Where mails are asked for.
#[derive(Clone)]
pub struct MailQueue {
    asked: mpsc::Sender<MailAsked>,
}

/// What waits in the queue. Only a sender takes it out.
pub struct MailsAsked {
    asked: mpsc::Receiver<MailAsked>,
}

pub(crate) struct MailAsked {
    pub(crate) email: Email,
    pub(crate) kind: AccountKind,
    /// Who asks.
    pub(crate) address: AddressHash,
}

/// The queue's two ends: one for the router, one for a [`MailSender`].
pub fn queue() -> (MailQueue, MailsAsked) {
    let (sender, asked) = mpsc::channel(MAILS_WAITING);
    (MailQueue { asked: sender }, MailsAsked { asked })
}

impl MailQueue {
    pub(crate) fn ask(&self, mail: MailAsked) {
        if self.asked.try_send(mail).is_err() {
            metrics::counter!("refmill_mails_total", "outcome" => "dropped").increment(1);
            tracing::warn!("a mail was dropped: too many wait");
        }
    }
}
