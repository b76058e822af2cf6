//! A target with tenants, records put in by hand, and a client that calls the API.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::App;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::JwkSet;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;
use wattle_api::endpoints::Endpoint;
use wattle_api::{ApiState, configure};
use wattle_core::{Key, SourceSystem, TenantId};
use wattle_tenants::consent::{Arrangement, ConsentedAccount, register};
use wattle_tenants::issuer::{Claims, DevelopmentIssuer};
use wattle_tenants::{Lifecycle, Mode, NewTenant, Secrets, TargetSettings, TenantSession, Tenants};
use wattle_testbed::{Database, Engine, Target};

use crate::described::assert_described;

pub(crate) const CORREA: &str = "correa";
pub(crate) const BANKSIA: &str = "banksia";
pub(crate) const PRODUCT: &str = "product-1";
pub(crate) const CUSTOMER: &str = "c1";
pub(crate) const ALL_SCOPES: &str = "openid energy:accounts.basic:read energy:accounts.detail:read \
    energy:accounts.paymentschedule:read energy:accounts.concessions:read energy:billing:read common:customer.basic:read common:customer.detail:read";
/// What the public addresses of the tenants begin with; the rest is the path on the shared host.
pub(crate) const PUBLIC: &str = "https://cdr.example";

/// A migrated target of a test's own, with two tenants.
pub(crate) struct Platform {
    target: Target,
    pub(crate) secrets: Secrets,
    pub(crate) tenants: Tenants,
    source_ids: AtomicU32,
}

impl Platform {
    pub(crate) async fn on(engine: Engine) -> Self {
        let target = Target::new(engine, "api").await.unwrap();
        let url = target.url();
        Self::through(target, &url).await
    }

    /// A platform whose running side reaches the target by an address of its own.
    pub(crate) async fn through(target: Target, url: &str) -> Self {
        let secrets = Secrets::new(&[7; 32]).unwrap();
        let lifecycle =
            Lifecycle::connect(&TargetSettings::new(target.url()), secrets.clone()).await.unwrap();
        lifecycle.migrate().await.unwrap();
        for (name, host) in [(CORREA, None), (BANKSIA, Some("cdr.banksia.example"))] {
            lifecycle.add_tenant(new_tenant(&secrets, name, Mode::Development, host)).await.unwrap();
        }
        let tenants = Tenants::connect(&TargetSettings::new(url), secrets.clone()).await.unwrap();
        Self { target, secrets, tenants, source_ids: AtomicU32::new(0) }
    }

    /// The administrator's side of it.
    pub(crate) async fn lifecycle(&self) -> Lifecycle {
        let settings = TargetSettings::new(self.target.url());
        Lifecycle::connect(&settings, self.secrets.clone()).await.unwrap()
    }

    /// The registry as a process sees it that starts now: the others take up what changes within seconds.
    pub(crate) async fn fresh(&self) -> Tenants {
        Tenants::connect(&TargetSettings::new(self.target.url()), self.secrets.clone()).await.unwrap()
    }

    /// The PostgreSQL database that it was made on.
    pub(crate) fn database(&self) -> &Database {
        match &self.target {
            Target::Postgres(database) => database,
            Target::Sqlite(_) => panic!("this platform is on SQLite"),
        }
    }

    pub(crate) async fn session(&self, tenant: &str) -> TenantSession {
        let tenant = self.tenants.tenant(&TenantId::parse(tenant).unwrap()).await.unwrap().unwrap();
        self.tenants.session(&tenant).await.unwrap()
    }

    /// Runs a statement as the tenant.
    pub(crate) async fn execute(&self, tenant: &str, sql: &str) -> u64 {
        self.session(tenant).await.db().execute_unprepared(sql).await.unwrap().rows_affected()
    }

    /// Puts a row into one of a tenant's tables. Columns that every record has are filled in.
    pub(crate) async fn insert(&self, tenant: &str, table: &str, mut row: Value) {
        let at = self.source_ids.fetch_add(1, Ordering::Relaxed);
        let fields = row.as_object_mut().unwrap();
        fields.entry("tenant_id").or_insert(json!(tenant));
        fields.entry("source_system").or_insert(json!("billing"));
        if table != "arrangement_account" {
            fields.entry("source_id").or_insert(json!(format!("{at:06}")));
        }
        let literal = |(name, value): (&String, &Value)| match value {
            // As sync writes times.
            Value::String(time) if name.ends_with("_at") => {
                format!("'{}'", time.parse::<DateTime<Utc>>().unwrap().to_rfc3339())
            }
            Value::String(text) => format!("'{}'", text.replace('\'', "''")),
            other => other.to_string(),
        };
        let names = fields.keys().cloned().collect::<Vec<_>>().join(", ");
        let values = fields.iter().map(literal).collect::<Vec<_>>().join(", ");
        self.execute(tenant, &format!("insert into {table} ({names}) values ({values})")).await;
    }

    /// A person of this name.
    pub(crate) async fn customer(&self, tenant: &str, id: &str, last_name: &str) {
        let body = |more: Value| {
            let mut person = json!({"lastName": last_name, "middleNames": []});
            person.as_object_mut().unwrap().append(more.clone().as_object_mut().unwrap());
            json!({"customerUType": "person", "person": person}).to_string()
        };
        let detail = json!({"phoneNumbers": [], "emailAddresses": [], "physicalAddresses": []});
        let row = json!({"source_id": id, "body": body(json!({})), "detail": body(detail)});
        self.insert(tenant, "customer", row).await;
    }

    /// An open account that the customer may share.
    pub(crate) async fn account(&self, tenant: &str, customer: &str, id: &str) {
        self.account_with(tenant, id, "OPEN", json!({"accountNumber": id, "plans": []})).await;
        self.holding(tenant, customer, id, true).await;
    }

    pub(crate) async fn account_with(&self, tenant: &str, id: &str, status: &str, body: Value) {
        let row = json!({
            "source_id": id, "open_status": status, "plan_ids": "[]",
            "body": body.to_string(), "detail": body.to_string()
        });
        self.insert(tenant, "account", row).await;
    }

    pub(crate) async fn holding(&self, tenant: &str, customer: &str, account: &str, shareable: bool) {
        let row = json!({
            "source_id": format!("{customer}|{account}"), "customer_id": customer, "account_id": account,
            "role": "HOLDER", "shareable": shareable
        });
        self.insert(tenant, "holding", row).await;
    }

    pub(crate) async fn quarantine(&self, tenant: &str, entity: &str, id: &str) {
        let at = "2026-11-01T00:00:00Z";
        let row = json!({
            "entity": entity, "source_id": id, "error": "e", "position": "p", "attempts": 1,
            "first_at": at, "last_at": at
        });
        self.insert(tenant, "quarantine", row).await;
    }

    /// Registers an arrangement of the customer and product that covers these accounts.
    pub(crate) async fn consent(
        &self,
        tenant: &str,
        customer: &str,
        product: &str,
        accounts: &[&str],
    ) -> Consent {
        let arrangement = arrangement(customer, product, accounts);
        register(&self.session(tenant).await, &arrangement).await.unwrap();
        Consent { tenant: tenant.to_owned(), arrangement }
    }

    /// A good token of an arrangement, with these scopes.
    pub(crate) fn token(&self, consent: &Consent, scope: &str) -> String {
        self.token_for(&consent.tenant, &consent.arrangement.software_product_id, consent, scope)
    }

    pub(crate) fn token_for(&self, tenant: &str, product: &str, consent: &Consent, scope: &str) -> String {
        self.mint(tenant, 300, &claims(tenant, product, consent, scope))
    }

    /// What a tenant's issuer would sign.
    pub(crate) fn mint(&self, tenant: &str, ttl_secs: i64, claims: &Claims) -> String {
        let issuer = DevelopmentIssuer::new(&self.secrets, &TenantId::parse(tenant).unwrap());
        issuer.mint(claims, ttl_secs).unwrap()
    }

    /// Calls the API with a request that is valid but for what the test changed.
    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        Self::send_to(self.tenants.clone(), request).await
    }

    /// Calls the API that serves these tenants.
    pub(crate) async fn send_to(tenants: Tenants, request: TestRequest) -> Answer {
        let state = ApiState::new(tenants);
        let app = init_service(App::new().configure(|cfg| configure(cfg, state))).await;
        let request = request.to_request();
        let (method, path) = (request.method().clone(), request.path().to_owned());
        let response = call_service(&app, request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        let answer = Answer { status, headers, text };
        assert_described(&method, &path, &answer);
        answer
    }

    /// Calls an endpoint for an arrangement, with all scopes.
    pub(crate) async fn get(&self, consent: &Consent, path: &str) -> Answer {
        let token = self.token(consent, ALL_SCOPES);
        self.send(request(&format!("/t/{}/cds-au/v1{path}", consent.tenant), &token)).await
    }

    /// Calls an endpoint for an arrangement about one account, with all scopes.
    pub(crate) async fn ask(&self, consent: &Consent, endpoint: &Endpoint, id: &str) -> Answer {
        let token = self.token(consent, ALL_SCOPES);
        self.send(asking(endpoint, &consent.tenant, id, &token)).await
    }

    /// The ids of the accounts listed, in order.
    pub(crate) async fn account_ids(&self, consent: &Consent) -> Vec<String> {
        let answer = self.get(consent, "/energy/accounts?page-size=1000").await.ok();
        let accounts = answer["data"]["accounts"].as_array().unwrap().clone();
        accounts.iter().map(|account| account["accountId"].as_str().unwrap().to_owned()).collect()
    }

    /// Walks a list by its `next` links from a first address; answers every record.
    pub(crate) async fn walk(&self, consent: &Consent, path: &str, list: &str) -> Vec<Value> {
        let mut records = Vec::new();
        let mut next = Some(format!("/t/{}/cds-au/v1{path}", consent.tenant));
        let token = self.token(consent, ALL_SCOPES);
        while let Some(path) = next {
            let page = self.send(request(&path, &token)).await.ok();
            records.extend(page["data"][list].as_array().unwrap().iter().cloned());
            next = page["links"]["next"].as_str().map(|url| url.strip_prefix(PUBLIC).unwrap().to_owned());
            assert!(records.len() as u64 <= page["meta"]["totalRecords"].as_u64().unwrap());
        }
        records
    }
}

/// The claims of a good token.
pub(crate) fn claims(tenant: &str, product: &str, consent: &Consent, scope: &str) -> Claims {
    Claims {
        iss: issuer_of(tenant),
        aud: base_url(tenant),
        sub: "someone".to_owned(),
        client_id: product.to_owned(),
        scope: scope.to_owned(),
        cdr_arrangement_id: consent.arrangement.arrangement_id,
    }
}

/// A registered arrangement.
pub(crate) struct Consent {
    pub(crate) tenant: String,
    pub(crate) arrangement: Arrangement,
}

pub(crate) fn arrangement(customer: &str, product: &str, accounts: &[&str]) -> Arrangement {
    let source_system = SourceSystem::parse("billing").unwrap();
    let now = chrono::Utc::now();
    let consented = |id: &&str| ConsentedAccount {
        source_system: source_system.clone(),
        account_id: Key::from_canonical(*id),
        customer_id: Key::from_canonical(customer),
    };
    Arrangement {
        arrangement_id: Uuid::new_v4(),
        software_product_id: product.to_owned(),
        source_system: source_system.clone(),
        customer_id: Key::from_canonical(customer),
        scopes: ALL_SCOPES.split(' ').map(str::to_owned).collect(),
        sharing_ends_at: now + chrono::Duration::days(90),
        amended_at: now,
        accounts: accounts.iter().map(consented).collect(),
    }
}

pub(crate) fn new_tenant(secrets: &Secrets, name: &str, mode: Mode, host: Option<&str>) -> NewTenant {
    let id = TenantId::parse(name).unwrap();
    let jwks: JwkSet = DevelopmentIssuer::new(secrets, &id).jwks();
    NewTenant {
        id,
        display_name: name.to_owned(),
        mode,
        issuer: issuer_of(name),
        audience: base_url(name),
        jwks,
        public_base_url: base_url(name),
        host: host.map(str::to_owned),
    }
}

pub(crate) fn base_url(tenant: &str) -> String {
    format!("{PUBLIC}/t/{tenant}")
}

pub(crate) fn issuer_of(tenant: &str) -> String {
    format!("https://auth.example/{tenant}")
}

/// A valid unattended request from this machine. Every endpoint that is served has a version up to 4.
pub(crate) fn request(path: &str, token: &str) -> TestRequest {
    bare(Method::GET, path)
        .insert_header(("authorization", format!("Bearer {token}")))
        .insert_header(("x-v", "4"))
        .insert_header(("x-min-v", "1"))
        .insert_header(("x-fapi-auth-date", "Tue, 24 Nov 2026 01:02:03 GMT"))
}

/// A valid unattended request of an endpoint about one account, which its path or its body names.
pub(crate) fn asking(endpoint: &Endpoint, tenant: &str, id: &str, token: &str) -> TestRequest {
    about(endpoint, id, request(&path_of(endpoint, tenant, id), token))
}

/// The address of an endpoint about one account.
pub(crate) fn path_of(endpoint: &Endpoint, tenant: &str, id: &str) -> String {
    format!("/t/{tenant}/cds-au/v1{}", endpoint.path.replace("{accountId}", id))
}

/// Gives a request the endpoint's method, and the body that names an account, if it takes one.
pub(crate) fn about(endpoint: &Endpoint, id: &str, request: TestRequest) -> TestRequest {
    let request = request.method(endpoint.method.clone());
    match endpoint.method {
        Method::POST => request.set_json(json!({"data": {"accountIds": [id]}})),
        _ => request,
    }
}

/// A request without headers.
pub(crate) fn bare(method: Method, path: &str) -> TestRequest {
    let local: SocketAddr = "127.0.0.1:40000".parse().unwrap();
    TestRequest::default().method(method).uri(path).peer_addr(local)
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// The status, the code after `urn:au-cds:error:cds-…:`, and the detail of an error.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, String, String) {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let text = |name: &str| body["errors"][0][name].as_str().unwrap_or_default().to_owned();
        let code = text("code").splitn(5, ':').nth(4).unwrap_or_default().to_owned();
        (self.status.as_u16(), code, text("detail"))
    }

    /// The status and the code of an error.
    #[track_caller]
    pub(crate) fn code(&self) -> (u16, String) {
        let (status, code, _) = self.error();
        (status, code)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// An error by status and code, to compare with.
pub(crate) fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
