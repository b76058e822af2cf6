//! The API as its callers see it: real requests, a real database, the real schema, records put in by hand.

mod account;
mod balance;
mod billing_transaction;
mod consent;
mod invoice;
mod request;
mod server;
mod statement;
mod support;
mod tenancy;
