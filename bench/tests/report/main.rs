//! `bench report` from outside: documents in, a page and tables out.

mod documents;
mod figures;
mod growth;
mod page;
mod palette;
