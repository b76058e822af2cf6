//! The engine on real servers: what the log says in every form, lost logs, fenced snapshots, and what `check` finds.

mod capture;
mod check;
mod lost;
mod read;
mod retailer;
