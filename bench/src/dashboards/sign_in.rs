//! Signing in as an affiliate does: by the link in a mail, which is a file here.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::Connection;

const MAIL_COMES_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A bearer token of whoever has this address.
pub(super) async fn token(connection: &mut Connection, email: &str, mails: &Path) -> anyhow::Result<String> {
    let before = newest(mails, email);
    post(connection, "/auth/magic-link", &json!({"email": email, "type": "affiliate"})).await?;
    let began = Instant::now();
    let mail = loop {
        match newest(mails, email) {
            Some(mail) if before.as_ref() != Some(&mail) || began.elapsed() > MAIL_COMES_WITHIN => break mail,
            None if began.elapsed() > MAIL_COMES_WITHIN => {
                anyhow::bail!("no mail to {email} is in {}", mails.display())
            }
            _ => sleep(LOOK_EVERY).await,
        }
    };
    let answer = post(connection, "/auth/verify", &json!({"token": told(&mail.1)?})).await?;
    Ok(answer["data"]["token"].as_str().context("who signs in is given a token")?.to_owned())
}

/// When it was written, and what it says.
fn newest(mails: &Path, email: &str) -> Option<(SystemTime, String)> {
    let mails =
        fs::read_dir(mails).ok()?.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "eml"));
    let read = mails
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, fs::read_to_string(entry.path()).ok()?)));
    read.filter(|(_, text)| text.contains(email)).max_by_key(|(written, _)| *written)
}

/// The token in a mail's link.
fn told(mail: &str) -> anyhow::Result<String> {
    let text = mail.replace("=\r\n", "").replace("=3D", "=");
    let (_, rest) = text.split_once("token=").context("the mail has a link that signs in")?;
    Ok(rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')).collect())
}

async fn post(connection: &mut Connection, path: &str, body: &Value) -> anyhow::Result<Value> {
    let request = Request::post(path).body(Full::from(Bytes::from(body.to_string())))?;
    let (status, answer) = connection.ask(request).await?;
    ensure!(status == StatusCode::OK, "{path} was answered {status}: {}", String::from_utf8_lossy(&answer));
    Ok(serde_json::from_slice(&answer)?)
}
