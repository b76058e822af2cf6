//! What a call costs the database.

use serde_json::json;
use wattle_api::endpoints::served_to_recipients;

use wattle_testbed::Engine;

use crate::support::{ALL_SCOPES, CORREA, CUSTOMER, PRODUCT, Platform, asking};

/// Enough that reading a whole table, or a wide part of an index, shows.
const OTHERS: usize = 5_000;
/// Often enough that a prepared statement may get its generic plan.
const CALLS: i64 = 12;
/// As many as a tenant may have.
const CONNECTIONS: i64 = 6;
/// Rows and index entries that one call may touch: the arrangement, its key, the account, its plans, its holding, and
/// the few records of each that the fixture has.
const ROWS_PER_CALL: i64 = 30;

/// One account of one customer among very many others that differ in the last part of every key.
async fn crowded() -> (Platform, String, String) {
    let platform = Platform::on(Engine::Postgres).await;
    let plan =
        json!([{"planDetail": {"$planDetail": "p1"}, "planOverview": {"displayName": {"$planName": "p1"}}}]);
    let body = json!({"plans": plan}).to_string();
    let account = json!({"source_id": "100", "open_status": "OPEN", "plan_ids": "[\"p1\"]", "body": body, "detail": body});
    platform.insert(CORREA, "account", account).await;
    platform.customer(CORREA, CUSTOMER, "Nguyen").await;
    platform.holding(CORREA, CUSTOMER, "100", true).await;
    platform.insert(CORREA, "balance", json!({"account_id": "100", "balance": "1.00"})).await;
    let numbers = format!("from generate_series(1, {OTHERS}) n");
    let many = format!("from generate_series(1, {OTHERS} * 10) n");
    let fill = format!(
        "insert into customer select 'correa', 'billing', 'f' || n, '{{}}', '{{}}' {numbers};
         insert into account select 'correa', 'billing', 'f' || n, 'OPEN', '[\"p' || n || '\"]', '{{}}', '{{}}' {numbers};
         insert into plan select 'correa', 'billing', 'p' || n, '{{\"displayName\":\"x\",\"planDetail\":{{}}}}' {numbers};
         insert into holding select 'correa', 'billing', 'h' || n, 'f' || n, 'f' || n, 'HOLDER', true {numbers};
         insert into balance select 'correa', 'billing', 'b' || n, 'f' || n, '1.00' {numbers};
         insert into invoice select 'correa', 'billing', 'i' || n, 'f' || n / 10, date '2026-01-01' + n % 300, '{{}}' {many};
         insert into billing_transaction
             select 'correa', 'billing', 'i' || n, 'f' || n / 10, now() - n * interval '1 minute', '{{}}' {many};
         insert into payment_schedule select 'correa', 'billing', 's' || n, 'f' || n, '{{}}' {numbers};
         insert into concession select 'correa', 'billing', 'c' || n, 'f' || n, '{{}}' {numbers};
         insert into quarantine select 'correa', 'billing', e, 'h' || n, 'e', 'p'
             from generate_series(1, {OTHERS}) n, unnest(array['account', 'holding', 'invoice']) e;
         insert into arrangement select 'correa', gen_random_uuid(), '{PRODUCT}', 'billing', 'f' || n, '', 'active', now(), now()
             {numbers};
         insert into arrangement_account
             select 'correa', a.arrangement_id, 'billing', a.customer_id, a.customer_id from arrangement a;
         insert into id_key select 'correa', '{PRODUCT}', 'billing', 'f' || n, 1 {numbers};
         insert into account_block select 'correa', 'billing', 'x' || n, 'r' {numbers}"
    );
    platform.execute(CORREA, &fill).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    platform.database().psql("vacuum analyze").await.unwrap();
    let id = platform.account_ids(&consent).await.remove(0);
    let token = platform.token(&consent, ALL_SCOPES);
    (platform, id, token)
}

#[actix_web::test]
async fn a_call_is_one_statement_that_reads_by_index() {
    let (platform, id, token) = crowded().await;
    for plans in ["auto", "force_generic_plan", "force_custom_plan"] {
        let database = platform.database().name();
        let set = format!("alter database {database} set plan_cache_mode = {plans}");
        platform.database().psql(&set).await.unwrap();
        for endpoint in served_to_recipients() {
            let operation = endpoint.operation_id;
            let before = rows_read(&platform).await;
            // The sessions were ended under it, which each of its connections finds out once.
            for _ in 0..CONNECTIONS {
                platform.send(asking(endpoint, CORREA, &id, &token)).await;
            }
            platform.database().reset_statements().await.unwrap();
            for _ in 0..CALLS {
                platform.send(asking(endpoint, CORREA, &id, &token)).await.ok();
            }
            let statements = platform.database().statements().await.unwrap();
            let own = statements.iter().filter(|statement| statement.role.ends_with("_t_correa"));
            let reads: Vec<_> = own.filter(|statement| statement.query.contains(" from ")).collect();
            assert_eq!(reads.len(), 1, "{operation}: {reads:?}");
            assert_eq!(reads[0].calls, CALLS, "{operation}");
            let read = rows_read(&platform).await - before;
            assert!(
                read <= (CALLS + CONNECTIONS) * ROWS_PER_CALL,
                "{operation} read {read} rows in {CALLS} calls, {plans}"
            );
        }
    }
}

/// Rows and index entries that the tenant's sessions have read. Sessions report when they end, so they are ended.
async fn rows_read(platform: &Platform) -> i64 {
    let end = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where usename like '%_t_correa' and datname = current_database()";
    platform.database().psql(end).await.unwrap();
    let sum = "select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = 't_correa')
                    + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 't_correa')";
    platform.database().value(sum).await.unwrap().unwrap().parse().unwrap()
}
