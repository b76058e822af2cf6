//! The engines that a rule is tried on, each source with a target. What the two sides are to each other is nobody's rule:
//! that every source meets every target is seen by the schedules of faults.

use rstest_reuse::template;

#[template]
#[rstest::rstest]
#[case::postgres_to_postgres(Engine::Postgres, Engine::Postgres)]
#[case::sqlite_to_sqlite(Engine::Sqlite, Engine::Sqlite)]
#[case::mariadb_to_postgres(Engine::MariaDb, Engine::Postgres)]
#[case::sqlserver_to_sqlite(Engine::SqlServer, Engine::Sqlite)]
pub(crate) fn every_source(#[case] source: Engine, #[case] target: Engine) {}

/// For rules of sync that no engine has a part in.
#[template]
#[rstest::rstest]
#[case::postgres_to_sqlite(Engine::Postgres, Engine::Sqlite)]
#[case::sqlite_to_postgres(Engine::Sqlite, Engine::Postgres)]
pub(crate) fn two_sources(#[case] source: Engine, #[case] target: Engine) {}
