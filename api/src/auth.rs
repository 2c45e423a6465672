//! Who asks: magic links, tokens, sessions and keys.

pub(crate) mod bearer;
pub(crate) mod caller;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod magic_link;
pub(crate) mod token;
pub(crate) mod verify;
