//! Get Status and Get Outages: what anyone may ask.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use rstest::rstest;
use serde_json::{Value, json};
use wattle_api::endpoints::{Access, ENDPOINTS, served};
use wattle_core::TenantId;
use wattle_tenants::discovery::{Extent, NewStatus, Outage, ServiceState, ServiceStatus};
use wattle_testbed::Engine;

use crate::support::{BANKSIA, CORREA, Platform, bare, code};

/// A request with nothing but a version.
fn asking(tenant: &str, what: &str) -> TestRequest {
    bare(Method::GET, &format!("/t/{tenant}/cds-au/v1/discovery/{what}")).insert_header(("x-v", "1"))
}

/// The answer of a process that starts now.
async fn answer(platform: &Platform, tenant: &str, what: &str) -> Value {
    Platform::send_to(platform.fresh().await, asking(tenant, what)).await.ok()
}

fn outage(at: DateTime<FixedOffset>, extent: Extent) -> Outage {
    Outage::new(at, "PT2H", extent, "The meters' \"big\" day", Utc::now()).unwrap()
}

#[rstest]
#[actix_web::test]
async fn a_tenant_of_whom_nothing_was_said_is_well_and_has_no_outages(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    let before = Utc::now() - TimeDelta::minutes(5);
    let mut status = answer(&platform, CORREA, "status").await;
    let updated: DateTime<Utc> = status["data"]["updateTime"].take().as_str().unwrap().parse().unwrap();
    assert!(before < updated && updated <= Utc::now());
    let links =
        |what: &str| json!({"self": format!("https://cdr.example/t/correa/cds-au/v1/discovery/{what}")});
    assert_eq!(
        status,
        json!({"data": {"status": "OK", "updateTime": null}, "links": links("status"), "meta": {}})
    );
    let outages = answer(&platform, CORREA, "outages").await;
    assert_eq!(outages, json!({"data": {"outages": []}, "links": links("outages"), "meta": {}}));
}

#[rstest]
#[actix_web::test]
async fn each_tenants_operator_says_how_its_service_is(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    let lifecycle = platform.lifecycle().await;
    let correa = TenantId::parse(CORREA).unwrap();
    let detected = (Utc::now() - TimeDelta::hours(1)).fixed_offset();
    let said = NewStatus {
        state: ServiceState::PartialFailure,
        explanation: Some("Billing is slow".into()),
        detected: Some(detected),
        expected_resolution: None,
    };
    let status = ServiceStatus::new(said, Utc::now()).unwrap();
    lifecycle.set_status(&correa, &status).await.unwrap();
    let found = answer(&platform, CORREA, "status").await;
    assert_eq!(found["data"], serde_json::to_value(&status).unwrap());
    assert_eq!(found["data"]["status"], "PARTIAL_FAILURE");
    assert_eq!(answer(&platform, BANKSIA, "status").await["data"]["status"], "OK");
    // Onboarding a tenant again leaves what was said.
    let secrets = platform.secrets.clone();
    let again = crate::support::new_tenant(&secrets, CORREA, wattle_tenants::Mode::Development, None);
    lifecycle.add_tenant(again).await.unwrap();
    assert_eq!(answer(&platform, CORREA, "status").await["data"]["status"], "PARTIAL_FAILURE");
    let error = lifecycle.set_status(&TenantId::parse("nobody").unwrap(), &status).await.unwrap_err();
    assert!(error.to_string().contains("there is no tenant nobody"), "{error}");
}

#[rstest]
#[actix_web::test]
async fn outages_are_announced_and_taken_back(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    let lifecycle = platform.lifecycle().await;
    let correa = TenantId::parse(CORREA).unwrap();
    let melbourne = FixedOffset::east_opt(11 * 3600).unwrap();
    let soon = (Utc::now() + TimeDelta::days(1)).with_timezone(&melbourne);
    let (later, first) = (outage(soon + TimeDelta::days(3), Extent::Full), outage(soon, Extent::Partial));
    for new in [&later, &first] {
        lifecycle.add_outage(&correa, new).await.unwrap();
    }
    let found = answer(&platform, CORREA, "outages").await;
    assert_eq!(found["data"]["outages"], json!([&first, &later]));
    assert_eq!(found["data"]["outages"][0]["isPartial"], true);
    assert!(found["data"]["outages"][0]["outageTime"].as_str().unwrap().ends_with("+11:00"));
    assert_eq!(answer(&platform, BANKSIA, "outages").await["data"]["outages"], json!([]));
    lifecycle.add_outage(&correa, &first).await.unwrap_err();
    lifecycle.remove_outage(&correa, first.begins()).await.unwrap();
    lifecycle.remove_outage(&correa, first.begins()).await.unwrap_err();
    assert_eq!(answer(&platform, CORREA, "outages").await["data"]["outages"], json!([&later]));
}

#[rstest]
#[actix_web::test]
async fn an_outage_that_is_over_is_not_told(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    let began = Utc::now() - TimeDelta::minutes(90);
    let of = |duration: &str| json!({"outageTime": began, "duration": duration, "explanation": "x"});
    let outages = json!([of("PT1H"), of("PT2H")]).to_string();
    let sql = format!("update tenant set outages = '{outages}' where tenant_id = 'correa'");
    match engine {
        Engine::Postgres => {
            let sql = sql.replace("update tenant", "update wattle.tenant");
            platform.database().psql(&sql).await.unwrap();
        }
        _ => drop(platform.execute(CORREA, &sql).await),
    }
    let found = answer(&platform, CORREA, "outages").await;
    assert_eq!(found["data"]["outages"], json!([of("PT2H")]));
}

#[rstest]
#[actix_web::test]
async fn anyone_may_ask_from_any_page_and_versions_are_negotiated(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    for endpoint in served().filter(|endpoint| endpoint.access == Access::Public) {
        let path = format!("/t/{CORREA}/cds-au/v1{}", endpoint.path);
        let ask = |headers: &[(&'static str, &'static str)]| {
            headers.iter().fold(bare(Method::GET, &path), |request, header| request.insert_header(*header))
        };
        // From anywhere, and with a token that is none, which nobody looks at.
        let odd = ask(&[
            ("x-v", "3"),
            ("x-min-v", "1"),
            ("authorization", "Bearer nonsense"),
            ("origin", "https://a.example"),
        ])
        .peer_addr("203.0.113.7:1".parse().unwrap());
        let answer = platform.send(odd).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-v")), (200, Some("1")), "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-expose-headers"), Some("x-v"));
        let cases: &[(&[(&str, &str)], _)] = &[
            (&[], code(400, "Header/Missing")),
            (&[("x-v", "0")], code(400, "Header/InvalidVersion")),
            (&[("x-v", "2")], code(406, "Header/UnsupportedVersion")),
            (&[("x-v", "1"), ("accept", "text/html")], code(406, "GeneralError/Expected")),
        ];
        for (headers, expected) in cases {
            let answer = platform.send(ask(headers)).await;
            assert_eq!(answer.code(), *expected, "{headers:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        }
        let preflight =
            platform.send(ask(&[("access-control-request-method", "GET")]).method(Method::OPTIONS)).await;
        assert_eq!(preflight.status, 204);
        assert!(preflight.header("x-fapi-interaction-id").is_some());
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(preflight.header("access-control-allow-headers"), Some("x-v, x-min-v"));
        assert_eq!(platform.send(ask(&[]).method(Method::POST)).await.status, 405);
    }
    let nobody = platform.send(asking("nobody", "status")).await;
    assert_eq!(nobody.code(), code(404, "Resource/NotFound"));
    // What is not for anyone is not opened to pages.
    let accounts = bare(Method::OPTIONS, &format!("/t/{CORREA}/cds-au/v1/energy/accounts"));
    let answer = platform.send(accounts).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (405, None));
    assert!(
        ENDPOINTS.iter().any(|endpoint| endpoint.access == Access::Public && endpoint.operation.is_none())
    );
}
