use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use api::mail::{MailQueue, MailSender, Outbox, Transport, queue};
use tokio::task::JoinSet;

use super::{ground::Ground, parts::announce};
use crate::clock::now;

/// Starts the task that sends mails; who holds the queue has some sent.
pub(super) fn start(ground: &Ground, tasks: &mut JoinSet<()>) -> anyhow::Result<MailQueue> {
    let mail = &ground.config.mail;
    let transport = match &mail.smtp {
        Some(url) => Transport::smtp(url.expose())?,
        None => to_files(&ground.config.data_dir)?,
    };
    let from = mail.from.parse().context("--smtp-from takes an e-mail address")?;
    let (queue, asked) = queue();
    let sender = MailSender {
        catalog: ground.deployment.catalog.clone(),
        transport,
        from,
        public_url: ground.public_url(),
        now,
    };
    tasks.spawn(sender.run(asked, ground.working.clone()));
    Ok(queue)
}

/// Without a mail server each mail is a file, and its link is printed.
fn to_files(data_dir: &Path) -> anyhow::Result<Transport> {
    let outbox = Outbox::open(data_dir.join("outbox")).context("the outbox could not be made")?;
    let print = Arc::new(|link: &str| {
        if let Err(error) = announce(&format!("mail {link}")) {
            tracing::warn!(error = format!("{error:#}"), "a mail's link could not be printed");
        }
    });
    Ok(Transport::Development { outbox, print })
}
