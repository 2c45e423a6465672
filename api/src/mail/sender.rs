use std::{io, sync::Arc, time::Duration};

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::Mailbox, transport::smtp};
use schemas::{personal::mask, time::TimeMs};
use stores::{
    StoreError,
    catalog::{Catalog, IssueError, Issued, NewMagicLink},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{MailAsked, MailsAsked, letter, outbox::Outbox};
use crate::secret::Secret;

/// How many mails are under way at once, so that one slow server does not hold up all.
const MAILS_AT_ONCE: usize = 8;

/// From connecting to a mail server to its answer.
const SMTP_WAIT: Duration = Duration::from_secs(5);

/// Takes mails from their queue and sends them.
#[derive(Clone)]
pub struct MailSender {
    pub catalog: Catalog,
    pub transport: Transport,
    pub from: Mailbox,
    /// Without a slash at its end: what the links in mails begin with.
    pub public_url: String,
    pub now: fn() -> TimeMs,
}

#[derive(Clone)]
pub enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Files, and each link shown where whoever develops looks.
    Development {
        outbox: Outbox,
        print: Arc<dyn Fn(&str) + Send + Sync>,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("the SMTP URL is none: {0}")]
pub struct TransportError(#[from] smtp::Error);

#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("the store could not be asked: {0}")]
    Store(#[from] StoreError),
    #[error("no mail can be made for the address: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("the mail could not be written: {0}")]
    Letter(#[from] lettre::error::Error),
    #[error("the mail server did not take it: {0}")]
    Smtp(#[from] smtp::Error),
    #[error("the outbox did not take it: {0}")]
    Outbox(#[from] io::Error),
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

impl Transport {
    /// `smtp://user:password@host:port`, or `smtps://…`.
    pub fn smtp(url: &str) -> Result<Transport, TransportError> {
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.timeout(Some(SMTP_WAIT)).build();
        Ok(Transport::Smtp(server))
    }
}

impl MailSender {
    /// Sends until told to stop, and then what still waits.
    pub async fn run(self, mut mails: MailsAsked, shutdown: CancellationToken) {
        let mut under_way = JoinSet::new();
        loop {
            let asked = tokio::select! {
                asked = mails.asked.recv() => asked,
                () = shutdown.cancelled(), if !mails.asked.is_closed() => {
                    mails.asked.close();
                    continue;
                }
            };
            let Some(asked) = asked else { break };
            if under_way.len() == MAILS_AT_ONCE {
                under_way.join_next().await;
            }
            let sender = self.clone();
            under_way.spawn(async move { sender.send(asked).await });
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn send(&self, asked: MailAsked) {
        let outcome = match self.issue_and_send(asked).await {
            Ok(Sent::Yes) => "sent",
            Ok(Sent::NoAccount) => "no_account",
            Ok(Sent::OverLimit) => "over_limit",
            Err(error) => {
                // A mail server's answer may name the address.
                let persons = &self.catalog.secrets().person_key;
                tracing::error!(error = %mask(persons, &error.to_string()), "a mail was not sent");
                "failed"
            }
        };
        metrics::counter!("refmill_mails_total", "outcome" => outcome).increment(1);
    }

    async fn issue_and_send(&self, asked: MailAsked) -> Result<Sent, SendError> {
        let now = (self.now)();
        let token = Secret::token()?;
        let link = NewMagicLink {
            token_digest: token.digest,
            kind: asked.kind,
            email: asked.email.as_str().to_owned(),
            email_hash: self.catalog.secrets().person_key.email(asked.email.as_str()),
            address: asked.address,
            now,
        };
        match self.catalog.issue_magic_link(link).await {
            Ok(Issued::Mail) => {}
            Ok(Issued::NoAccount) => return Ok(Sent::NoAccount),
            Err(IssueError::OverLimit) => return Ok(Sent::OverLimit),
            Err(IssueError::Store(error)) => return Err(error.into()),
        }
        let url = format!("{}/login?token={}", self.public_url, token.text);
        self.deliver(letter::magic_link(&self.from, &asked.email, &url)?, &url).await?;
        Ok(Sent::Yes)
    }

    async fn deliver(&self, mail: Message, url: &str) -> Result<(), SendError> {
        match &self.transport {
            Transport::Smtp(server) => {
                server.send(mail).await?;
            }
            Transport::Development { outbox, print } => {
                outbox.put(&mail.formatted()).await?;
                print(url);
            }
        }
        Ok(())
    }
}

enum Sent {
    Yes,
    NoAccount,
    OverLimit,
}
