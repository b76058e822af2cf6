//! The rules of sync, each with tests that fail when the rule is taken out of the code. `docs/src/rules-and-tests.md`
//! says which test guards what, and what was taken out to see it fail.

#[path = "../mini/mod.rs"]
mod mini;

mod engines;

mod altered_table;
mod before_the_first_key;
mod blast_radius;
mod classes;
mod cost_at_the_source;
mod division;
mod due;
mod equality;
mod fan_out;
mod fence;
mod freshness;
mod function_of_the_source;
mod given_up;
mod guards;
mod isolation;
mod lineage;
mod lost_position;
mod marker;
mod monotone_snapshots;
mod pauses;
mod quarantine;
mod reconcile;
mod retention;
mod rewind;
mod terms_of_hearing;
mod tls;
mod unannounced;
mod upgrade;
