//! What every endpoint asks of a request, and says of a bad one.

use actix_web::http::Method;
use rstest::rstest;
use uuid::Uuid;
use wattle_api::endpoints::{ENDPOINTS, FilterValues, served_to_recipients};
use wattle_tenants::issuer::Claims;
use wattle_testbed::Engine;

use crate::support::{
    ALL_SCOPES, BANKSIA, CORREA, CUSTOMER, Consent, PRODUCT, Platform, about, asking, bare, base_url, claims,
    code, issuer_of, path_of, request,
};

/// A platform with one shareable account and everything that hangs off it.
async fn platform(engine: Engine) -> (Platform, Consent, String) {
    let platform = Platform::on(engine).await;
    platform.customer(CORREA, CUSTOMER, "Nguyen").await;
    platform.account(CORREA, CUSTOMER, "100").await;
    let balance = serde_json::json!({"account_id": "100", "balance": "12.30"});
    platform.insert(CORREA, "balance", balance).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    let id = platform.account_ids(&consent).await.remove(0);
    (platform, consent, id)
}

#[rstest]
#[actix_web::test]
async fn every_served_endpoint_answers_with_its_version_and_the_interaction_id(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    for endpoint in served_to_recipients() {
        let version = endpoint.versions.last().unwrap().to_string();
        let interaction = Uuid::new_v4().to_string();
        let asked = asking(endpoint, CORREA, &id, &token)
            .insert_header(("x-v", version.as_str()))
            .insert_header(("x-fapi-interaction-id", interaction.as_str()));
        let answer = platform.send(asked).await;
        assert_eq!(answer.status, 200, "{} {}", endpoint.operation_id, answer.text);
        assert_eq!(answer.header("x-v"), Some(version.as_str()));
        assert_eq!(answer.header("x-fapi-interaction-id"), Some(interaction.as_str()));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let made = platform.send(asking(endpoint, CORREA, &id, &token)).await;
        assert!(Uuid::try_parse(made.header("x-fapi-interaction-id").unwrap()).is_ok());
    }
}

/// Headers, and the status, code and detail that they are answered with.
type BadHeaders<'a> = (&'a [(&'a str, &'a str)], u16, &'a str, &'a str);

#[rstest]
#[actix_web::test]
async fn a_bad_request_gets_the_standards_code_at_every_endpoint(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    let present = ("x-fapi-customer-ip-address", "203.0.113.7");
    let cases: &[BadHeaders<'_>] = &[
        (&[("x-v", "0")], 400, "Header/InvalidVersion", "x-v"),
        (&[("x-v", "")], 400, "Header/InvalidVersion", "x-v"),
        (&[("x-min-v", "one")], 400, "Header/InvalidVersion", "x-min-v"),
        (&[("x-v", "9"), ("x-min-v", "8")], 406, "Header/UnsupportedVersion", ""),
        (&[("accept", "text/html")], 406, "GeneralError/Expected", "Accept"),
        (&[("x-fapi-interaction-id", "7")], 400, "Header/Invalid", "x-fapi-interaction-id"),
        (&[("x-fapi-auth-date", "yesterday")], 400, "Header/Invalid", "x-fapi-auth-date"),
        (&[present], 400, "Header/Missing", "x-cds-client-headers"),
        (&[present, ("x-cds-client-headers", "?")], 400, "Header/Invalid", "x-cds-client-headers"),
        (&[("x-fapi-customer-ip-address", "here")], 400, "Header/Invalid", "x-fapi-customer-ip-address"),
    ];
    for endpoint in served_to_recipients() {
        for (changes, status, expected, detail) in cases {
            let mut asked = asking(endpoint, CORREA, &id, &token);
            for header in *changes {
                asked = asked.insert_header(*header);
            }
            let answer = platform.send(asked).await;
            let (given_status, given_code, given_detail) = answer.error();
            assert_eq!((given_status, given_code.as_str()), (*status, *expected), "{changes:?}");
            assert!(detail.is_empty() || given_detail == *detail, "{changes:?}: {given_detail}");
            let interaction = answer.header("x-fapi-interaction-id").unwrap();
            assert!(Uuid::try_parse(interaction).is_ok());
            assert_eq!(answer.header("x-v"), None);
        }
        for missing in ["x-v", "x-fapi-auth-date"] {
            let asked = about(endpoint, &id, bare(Method::GET, &path_of(endpoint, CORREA, &id)))
                .insert_header(("authorization", format!("Bearer {token}")));
            let asked = match missing {
                "x-v" => asked.insert_header(("x-fapi-auth-date", "Tue, 24 Nov 2026 01:02:03 GMT")),
                _ => asked.insert_header(("x-v", "4")).insert_header(("x-min-v", "1")),
            };
            let expected = (400, "Header/Missing".to_owned(), missing.to_owned());
            assert_eq!(platform.send(asked).await.error(), expected);
        }
    }
}

#[rstest]
#[actix_web::test]
async fn versions_say_what_is_supported(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, consent, _) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    let asked =
        request(&format!("/t/{CORREA}/cds-au/v1/energy/accounts"), &token).insert_header(("x-min-v", "3"));
    let (status, unsupported, detail) = platform.send(asked).await.error();
    assert_eq!(
        (status, unsupported.as_str(), detail.as_str()),
        (406, "Header/UnsupportedVersion", "version 2 is supported")
    );
}

#[rstest]
#[actix_web::test]
async fn no_endpoint_answers_without_a_good_token(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    let (head, rest) = token.split_once('.').unwrap();
    let interaction = Uuid::new_v4().to_string();
    let good = || claims(CORREA, PRODUCT, &consent, ALL_SCOPES);
    let expired = platform.mint(CORREA, -300, &good());
    let elsewhere = Claims { aud: base_url(BANKSIA), ..good() };
    let elsewhere = platform.mint(CORREA, 300, &elsewhere);
    let stranger = Claims { iss: issuer_of(BANKSIA), ..good() };
    let stranger = platform.mint(CORREA, 300, &stranger);
    let theirs = platform.mint(BANKSIA, 300, &good());
    for endpoint in served_to_recipients() {
        for (authorization, challenge) in [
            (None, "Bearer"),
            (Some(String::new()), "Bearer"),
            (Some(format!("Basic {token}")), "Bearer"),
            (Some("Bearer nonsense".to_owned()), r#"Bearer error="invalid_token""#),
            (Some(format!("Bearer {head}x.{rest}")), r#"Bearer error="invalid_token""#),
            (Some(format!("Bearer {expired}")), r#"Bearer error="invalid_token""#),
            (Some(format!("Bearer {elsewhere}")), r#"Bearer error="invalid_token""#),
            (Some(format!("Bearer {stranger}")), r#"Bearer error="invalid_token""#),
            (Some(format!("Bearer {theirs}")), r#"Bearer error="invalid_token""#),
        ] {
            let mut asked = about(endpoint, &id, bare(Method::GET, &path_of(endpoint, CORREA, &id)))
                .insert_header(("x-fapi-interaction-id", interaction.as_str()));
            if let Some(authorization) = authorization {
                asked = asked.insert_header(("authorization", authorization));
            }
            let answer = platform.send(asked).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (401, ""));
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
            assert_eq!(answer.header("x-fapi-interaction-id"), Some(interaction.as_str()));
        }
        let lower = platform
            .send(
                asking(endpoint, CORREA, &id, &token)
                    .insert_header(("authorization", format!("bearer {token}"))),
            )
            .await;
        assert_eq!(lower.status, 200);
    }
}

#[rstest]
#[actix_web::test]
async fn a_development_tenants_tokens_work_from_this_machine_only(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, _) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    let path = format!("/t/{CORREA}/cds-au/v1/energy/accounts");
    for (peer, status) in
        [("203.0.113.7:1", 401), ("[::1]:1", 200), ("[::ffff:127.0.0.1]:1", 200), ("[2001:db8::1]:1", 401)]
    {
        let answer = platform.send(request(&path, &token).peer_addr(peer.parse().unwrap())).await;
        assert_eq!(answer.status, status, "{peer}");
    }
    // Whom a request says it was forwarded for does not count.
    let forwarded = request(&path, &token)
        .peer_addr("203.0.113.7:1".parse().unwrap())
        .insert_header(("x-forwarded-for", "127.0.0.1"))
        .insert_header(("forwarded", "for=127.0.0.1"));
    assert_eq!(platform.send(forwarded).await.status, 401);
}

#[rstest]
#[actix_web::test]
async fn a_token_without_the_scope_is_refused(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, consent, id) = platform(engine).await;
    for endpoint in served_to_recipients() {
        let token = platform.token(&consent, "openid energy:electricity.usage:read energy:billing");
        let answer = platform.send(asking(endpoint, CORREA, &id, &token)).await;
        assert_eq!(answer.code(), code(403, "Authorisation/InvalidConsent"));
    }
}

#[rstest]
#[actix_web::test]
async fn what_is_not_there_is_told_apart(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, consent, _) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    let at = |path: &str| format!("/t/{CORREA}/cds-au/v1{path}");
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.operation.is_none()) {
        let path = endpoint.path.replace("{accountId}", "x").replace("{servicePointId}", "x");
        let asked = request(&at(&path), &token).method(endpoint.method.clone());
        assert_eq!(platform.send(asked).await.code(), code(404, "Resource/NotImplemented"), "{path}");
    }
    for path in [
        at("/energy/account"),
        at("/energy/accounts/"),
        at(""),
        "/t/nobody/cds-au/v1/energy/accounts".to_owned(),
        "/t/NOBODY/cds-au/v1/energy/accounts".to_owned(),
        "/cds-au/v1/energy/accounts".to_owned(),
        "/cds-au/v2/energy/accounts".to_owned(),
        "/anything".to_owned(),
    ] {
        assert_eq!(
            platform.send(request(&path, &token)).await.code(),
            code(404, "Resource/NotFound"),
            "{path}"
        );
    }
    let wrong = platform.send(request(&at("/energy/accounts/invoices"), &token).method(Method::PUT)).await;
    assert_eq!(wrong.code(), code(405, "GeneralError/Expected"));
    assert_eq!(wrong.header("allow"), Some("GET, POST"));
    assert!(wrong.header("x-fapi-interaction-id").is_some());
}

#[rstest]
#[actix_web::test]
async fn a_host_of_its_own_serves_its_tenant(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    platform.account(BANKSIA, CUSTOMER, "1").await;
    let consent = platform.consent(BANKSIA, CUSTOMER, PRODUCT, &["1"]).await;
    let token = platform.token(&consent, ALL_SCOPES);
    let asked =
        |host: &str| request("/cds-au/v1/energy/accounts", &token).insert_header(("host", host.to_owned()));
    for host in ["cdr.banksia.example", "CDR.banksia.example:8443"] {
        let body = platform.send(asked(host)).await.ok();
        // Links never repeat what a caller claims the host to be.
        assert_eq!(body["links"]["self"], "https://cdr.example/t/banksia/cds-au/v1/energy/accounts");
    }
    for host in ["cdr.correa.example", "banksia.example", "localhost"] {
        assert_eq!(platform.send(asked(host)).await.code(), code(404, "Resource/NotFound"));
    }
    let forwarded = asked("localhost").insert_header(("x-forwarded-host", "cdr.banksia.example"));
    assert_eq!(platform.send(forwarded).await.status, 404);
}

#[rstest]
#[actix_web::test]
async fn paging_parameters_are_checked_at_every_paged_endpoint(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    let paged =
        served_to_recipients().filter(|endpoint| endpoint.paging == wattle_api::endpoints::Paging::Paged);
    for endpoint in paged {
        for (query, expected, detail) in [
            ("page=0", code(400, "Field/Invalid"), "page"),
            ("page=-1", code(400, "Field/Invalid"), "page"),
            ("page=one", code(400, "Field/Invalid"), "page"),
            ("page=1&page=2", code(400, "Field/Invalid"), "page"),
            ("page-size=0", code(400, "Field/Invalid"), "page-size"),
            ("page-size=1001", code(400, "Field/InvalidPageSize"), "page-size"),
            ("page=99", code(422, "Field/InvalidPage"), ""),
            ("page=99999999999999999999&page-size=1000", code(422, "Field/InvalidPage"), ""),
        ] {
            let path = format!("{}?{query}", path_of(endpoint, CORREA, &id));
            let answer = platform.send(about(endpoint, &id, request(&path, &token))).await;
            assert_eq!(answer.code(), expected, "{query}");
            assert!(detail.is_empty() || answer.error().2 == detail);
        }
        // What an endpoint does not know, it ignores.
        let odd = format!("{}?page-size=1000&x=1&x=2&=&%ff", path_of(endpoint, CORREA, &id));
        assert_eq!(platform.send(about(endpoint, &id, request(&odd, &token))).await.status, 200);
    }
}

#[rstest]
#[actix_web::test]
async fn what_a_filter_cannot_be_is_refused_at_every_endpoint_that_has_it(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let token = platform.token(&consent, ALL_SCOPES);
    for endpoint in served_to_recipients() {
        for filter in endpoint.operation.unwrap().filters() {
            let (good, bad, expected): (&[&str], &[&str], _) = match filter.values {
                FilterValues::Words(words) => (words, &["", "all", "ALL,OPEN", "NONE"], "Field/Invalid"),
                FilterValues::Date => (
                    &["2026-01-31", "2024-02-29"],
                    &["", "2026-02-30", "2026-1-31", "31-01-2026", "2026-01-31T00:00:00Z", "20260131"],
                    "Field/InvalidDateTime",
                ),
                FilterValues::DateTime => (
                    &["2026-01-31T00:00:00Z", "2026-01-31T00:00:00.5+11:00", "2026-01-31T00:00:00%2B11:00"],
                    &["", "2026-01-31", "2026-01-31T00:00:00", "2026-01-31T25:00:00Z", "now"],
                    "Field/InvalidDateTime",
                ),
            };
            let at = |value: &str| format!("{}?{}={value}", path_of(endpoint, CORREA, &id), filter.name);
            for value in good {
                let answer = platform.send(about(endpoint, &id, request(&at(value), &token))).await;
                assert_eq!(answer.status, 200, "{} {}", at(value), answer.text);
            }
            for value in bad {
                let answer = platform.send(about(endpoint, &id, request(&at(value), &token))).await;
                let expected = (400, expected.to_owned(), filter.name.to_owned());
                assert_eq!(answer.error(), expected, "{}", at(value));
            }
            let twice = format!("{}&{}={}", at(good[0]), filter.name, good[0]);
            let answer = platform.send(about(endpoint, &id, request(&twice, &token))).await;
            assert_eq!(answer.error(), (400, "Field/Invalid".to_owned(), filter.name.to_owned()));
        }
    }
}
