//! The API as its callers see it: real requests, a real database, the real schema, records put in by hand.

#![expect(clippy::unwrap_used, reason = "what a test asks for and does not get fails the test")]

mod account;
mod balance;
mod billing_transaction;
mod concession;
mod consent;
mod customer;
mod described;
mod discovery;
mod invoice;
mod paging;
mod payment_schedule;
mod request;
mod several;
mod statement;
mod support;
mod tenancy;
