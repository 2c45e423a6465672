use lettre::{
    Message,
    message::{Mailbox, header::ContentType},
};

use super::sender::SendError;
use crate::email::Email;

/// The mail that holds a magic link.
pub(super) fn magic_link(from: &Mailbox, to: &Email, url: &str) -> Result<Message, SendError> {
    let to: lettre::Address = to.as_str().parse()?;
    let text = format!(
        "Hello,\n\nthis link signs you in. It works once, within 15 minutes:\n\n{url}\n\n\
         If you did not ask for it, you need not do anything.\n"
    );
    let letter = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject("Your sign-in link")
        .message_id(None)
        .date_now()
        .header(ContentType::TEXT_PLAIN);
    Ok(letter.body(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_plain_text_with_its_link_whole() {
        let from: Mailbox = "Refmill <refmill@localhost>".parse().unwrap();
        let to = Email::parse("Jane.D+x@example.com").unwrap();
        let url = format!("http://127.0.0.1:8080/login?token={}", "aB-_".repeat(11));
        let text = String::from_utf8(magic_link(&from, &to, &url).unwrap().formatted()).unwrap();
        for part in [
            "From: Refmill <refmill@localhost>\r\n",
            "To: Jane.D+x@example.com\r\n",
            "Message-ID: <",
            "Content-Type: text/plain",
            "Date: ",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let body = text.split_once("\r\n\r\n").unwrap().1.replace("=\r\n", "").replace("=3D", "=");
        assert!(body.contains(&url), "{body}");
    }
}
