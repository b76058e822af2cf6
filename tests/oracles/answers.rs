//! The second oracle: the API's answers equal what the sample World says they should be.

use std::collections::HashMap;

use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error as ActixError};
use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;
use wattle_acacia::Acacia;
use wattle_api::endpoints::{Resolved, resolve};
use wattle_banksia::Banksia;
use wattle_core::{Key, SourceSystem, TenantId};
use wattle_correa::Correa;
use wattle_dianella::Dianella;
use wattle_sample::{AccountId, Answers, CustomerId, Projection, World};
use wattle_tenants::consent::{Arrangement, ConsentedAccount, register};
use wattle_tenants::issuer::{Claims, DevelopmentIssuer};
use wattle_tenants::{Tenant, Tenants};

use crate::scene::Scene;
use crate::scene::workload::Workload;

/// Everything that the endpoints of the retailer ask for.
const SCOPES: &str = "energy:accounts.basic:read energy:accounts.detail:read \
    energy:accounts.paymentschedule:read energy:accounts.concessions:read energy:billing:read \
    common:customer.basic:read common:customer.detail:read";
const PRODUCT: &str = "oracle";

/// What else is asked of each answer: the operation that it is of, and its body.
pub(crate) type Check<'a> = &'a mut dyn FnMut(&str, &Value) -> Result<()>;

/// Asks the API everything about every customer of the retailer's World and compares; answers how many values were
/// compared.
pub(crate) async fn assert_equal_to_the_world(
    scene: &Scene,
    tenant: &str,
    workload: &Workload,
    check: Check<'_>,
) -> Result<usize> {
    let world = workload.world();
    match workload {
        Workload::Correa(_) => compared(scene, tenant, world, &Correa, check).await,
        Workload::Dianella(_) => compared(scene, tenant, world, &Dianella, check).await,
        Workload::Banksia(_) => compared(scene, tenant, world, &Banksia, check).await,
        Workload::Acacia(_) => compared(scene, tenant, world, &Acacia, check).await,
    }
}

async fn compared<P: Projection>(
    scene: &Scene,
    tenant: &str,
    world: &World,
    projection: &P,
    check: Check<'_>,
) -> Result<usize> {
    let tenants = scene.tenants().await?;
    let tenant = tenants.tenant(&TenantId::parse(tenant)?).await?.context("the tenant is onboarded")?;
    let state = wattle_api::ApiState::new(tenants.clone());
    let app = init_service(App::new().configure(|cfg| wattle_api::configure(cfg, state))).await;
    let mut compared = 0;
    for customer in world.customers() {
        let mut asking = Asking {
            app: &app,
            token: consent(&tenants, &tenant, world, projection, customer.id).await?,
            base: format!("/t/{}/cds-au/v1", tenant.id),
            ids: Bijection::default(),
            check: &mut *check,
        };
        compared += asking
            .customer(world, projection, customer.id)
            .await
            .with_context(|| format!("customer {}", customer.id))?;
    }
    Ok(compared)
}

/// An arrangement over everything that the customer ever had a part in and one account that is not theirs, and a
/// token for it: what may not be shared must be left out by the API.
async fn consent<P: Projection>(
    tenants: &Tenants,
    tenant: &Tenant,
    world: &World,
    projection: &P,
    customer: CustomerId,
) -> Result<String> {
    let source = SourceSystem::parse("main")?;
    let own = world.accounts_of(customer).to_vec();
    let foreign = world.accounts().map(|account| account.id).find(|account| !own.contains(account));
    let customer_id = Key::from_canonical(projection.customer_key(world, customer));
    let consented = |account: &AccountId| ConsentedAccount {
        source_system: source.clone(),
        account_id: Key::from_canonical(projection.account_key(world, *account)),
        customer_id: customer_id.clone(),
    };
    let mut accounts: Vec<ConsentedAccount> = own.iter().chain(&foreign).map(consented).collect();
    accounts.retain(|account| !account.account_id.as_str().is_empty());
    let arrangement = Arrangement {
        arrangement_id: Uuid::new_v4(),
        software_product_id: PRODUCT.to_owned(),
        source_system: source.clone(),
        customer_id: customer_id.clone(),
        scopes: SCOPES.split(' ').map(str::to_owned).collect(),
        sharing_ends_at: Utc::now() + TimeDelta::days(1),
        amended_at: Utc::now() - TimeDelta::seconds(5),
        accounts,
    };
    register(&tenants.session(tenant).await?, &arrangement).await?;
    let claims = Claims {
        iss: tenant.issuer.clone(),
        aud: tenant.audience.clone(),
        sub: Uuid::new_v4().to_string(),
        client_id: PRODUCT.to_owned(),
        scope: SCOPES.to_owned(),
        cdr_arrangement_id: arrangement.arrangement_id,
    };
    Ok(DevelopmentIssuer::new(tenants.secrets(), &tenant.id).mint(&claims, 300)?)
}

/// One customer's session with the API.
struct Asking<'a, S> {
    app: &'a S,
    token: String,
    base: String,
    ids: Bijection,
    check: Check<'a>,
}

impl<S, B> Asking<'_, S>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = ActixError>,
    B: actix_web::body::MessageBody,
{
    async fn customer<P: Projection>(
        &mut self,
        world: &World,
        projection: &P,
        customer: CustomerId,
    ) -> Result<usize> {
        let answers = Answers::new(world, projection);
        for (path, version, expected) in [
            ("/common/customer", 1, answers.customer(customer)),
            ("/common/customer/detail", 2, answers.customer_detail(customer)),
        ] {
            let found = self.get(path, version).await?;
            self.ids.same(&found["data"], &expected.context("the World has the customer")?, path)?;
        }
        let shareable = answers.shareable(customer);
        let listed = self.get("/energy/accounts?page-size=1000", 2).await?;
        let listed = listed["data"]["accounts"].as_array().context("accounts are listed")?.clone();
        ensure!(
            listed.len() == shareable.len(),
            "{} accounts are listed and {} may be shared",
            listed.len(),
            shareable.len()
        );
        let mut compared = 2;
        for account in &shareable {
            let account = *account;
            let key = projection.account_key(world, account);
            let number = world.account(account).map(|account| account.number.as_str());
            let found = listed.iter().find(|entry| entry["accountNumber"].as_str() == number);
            let found = found.with_context(|| format!("account {key} is not listed"))?;
            let compare =
                self.account(&answers, account, found).await.with_context(|| format!("account {key}"))?;
            compared += compare;
        }
        let ids: Vec<&str> = listed.iter().filter_map(|account| account["accountId"].as_str()).collect();
        compared += self.lists(&answers, &shareable, &ids).await?;
        Ok(compared)
    }

    async fn account<P: Projection>(
        &mut self,
        answers: &Answers<'_, P>,
        account: AccountId,
        listed: &Value,
    ) -> Result<usize> {
        let expected = answers.account(account).context("the World has the account")?;
        self.ids.same(listed, &expected, "account")?;
        let id = listed["accountId"].as_str().context("an accountId")?;
        let at = format!("/energy/accounts/{id}");
        let detail = self.get(&at, 4).await?;
        let expected = answers.account_detail(account).context("the World has the account")?;
        self.ids.same(&detail["data"], &expected, "detail")?;
        let balance = self.get(&format!("{at}/balance"), 1).await?;
        let expected = answers.balance(account).context("the World has the account")?;
        self.ids.same(&balance["data"], &expected, "balance")?;
        for (path, name, expected) in [
            ("payment-schedule", "paymentSchedules", answers.payment_schedules(account)),
            ("concessions", "concessions", answers.concessions(account)),
        ] {
            let found = self.get(&format!("{at}/{path}"), 1).await?;
            let found = found["data"][name].as_array().with_context(|| format!("{name} are a list"))?;
            // The standard sets no order for them.
            self.list(&sorted(found).into(), &sorted(&expected), name)?;
        }
        // All there ever was, so that nothing depends on today.
        let window = "oldest-date=2000-01-01&newest-date=2100-01-01&page-size=1000";
        let invoices = self.get(&format!("{at}/invoices?{window}"), 1).await?;
        let days = (
            NaiveDate::from_ymd_opt(2000, 1, 1).context("a date")?,
            NaiveDate::from_ymd_opt(2100, 1, 1).context("a date")?,
        );
        let expected = answers.invoices(account, days.0, days.1);
        self.list(&invoices["data"]["invoices"], &expected, "invoices")?;
        let window = "oldest-time=2000-01-01T00:00:00Z&newest-time=2100-01-01T00:00:00Z&page-size=1000";
        let transactions = self.get(&format!("{at}/billing?{window}"), 3).await?;
        let times: (DateTime<Utc>, DateTime<Utc>) =
            ("2000-01-01T00:00:00Z".parse()?, "2100-01-01T00:00:00Z".parse()?);
        let expected_transactions = answers.transactions(account, times.0, times.1);
        self.list(&transactions["data"]["transactions"], &expected_transactions, "transactions")?;
        Ok(3 + expected.len() + expected_transactions.len())
    }

    fn list(&mut self, found: &Value, expected: &[Value], what: &str) -> Result<()> {
        let found = found.as_array().with_context(|| format!("{what} are a list"))?;
        ensure!(
            found.len() == expected.len(),
            "{} {what} are served and {} are in the World",
            found.len(),
            expected.len()
        );
        found
            .iter()
            .zip(expected)
            .enumerate()
            .try_for_each(|(at, (found, expected))| self.ids.same(found, expected, &format!("{what}[{at}]")))
    }

    /// What is asked about several accounts at once is what is said of each of them, newest first.
    async fn lists<P: Projection>(
        &mut self,
        answers: &Answers<'_, P>,
        accounts: &[AccountId],
        ids: &[&str],
    ) -> Result<usize> {
        let (days, times) = (
            "oldest-date=2000-01-01&newest-date=2100-01-01",
            "oldest-time=2000-01-01T00:00:00Z&newest-time=2100-01-01T00:00:00Z",
        );
        let mut balances = Vec::new();
        let (mut invoices, mut transactions) = (Vec::new(), Vec::new());
        for account in accounts {
            balances.extend(answers.listed_balance(*account));
            invoices.extend(answers.invoices(*account, NaiveDate::MIN, NaiveDate::MAX));
            transactions.extend(answers.transactions(
                *account,
                DateTime::<Utc>::MIN_UTC,
                DateTime::<Utc>::MAX_UTC,
            ));
        }
        for (path, version, name, window, moment, expected) in [
            ("balances", 1, "balances", "", "", &balances),
            ("invoices", 1, "invoices", days, "issueDate", &invoices),
            ("billing", 3, "transactions", times, "executionDateTime", &transactions),
        ] {
            for body in [None, Some(json!({"data": {"accountIds": ids}}))] {
                let found =
                    self.walk(&format!("/energy/accounts/{path}?{window}"), version, name, body).await?;
                let moments = found.iter().map(|record| moment_of(&record[moment]));
                ensure!(moments.is_sorted_by(|a, b| a >= b), "{name} are not newest first");
                // Records of one moment come in no order that the standard sets, and accounts have ids of their own here.
                ensure!(
                    found.len() == expected.len(),
                    "{} {name} are listed, {} are in the World",
                    found.len(),
                    expected.len()
                );
                let mut left: Vec<&Value> = expected.iter().collect();
                for record in &found {
                    let at = left.iter().position(|other| self.ids.same(record, other, name).is_ok());
                    left.swap_remove(at.with_context(|| format!("{name}: {record} is not in the World"))?);
                }
            }
        }
        Ok(2 * (balances.len() + invoices.len() + transactions.len()))
    }

    /// All pages of a list.
    async fn walk(
        &mut self,
        path: &str,
        version: u32,
        name: &str,
        body: Option<Value>,
    ) -> Result<Vec<Value>> {
        /// Small enough that there are pages, and none that anything else comes out even with.
        const PAGE_SIZE: usize = 7;
        let mut found = Vec::new();
        for page in 1.. {
            let path = format!("{path}&page={page}&page-size={PAGE_SIZE}");
            let answer = self.ask(&path, version, body.as_ref()).await?;
            found.extend(
                answer["data"][name].as_array().with_context(|| format!("{name} are a list"))?.clone(),
            );
            let last = answer["links"].get("next").is_none();
            ensure!(
                answer["meta"]["totalPages"] == page || !last || answer["meta"]["totalPages"] == 0,
                "the walk of {name} ends at page {page}: {}",
                answer["meta"]
            );
            if last {
                ensure!(answer["meta"]["totalRecords"] == found.len(), "{name}: {}", answer["meta"]);
                break;
            }
        }
        Ok(found)
    }

    async fn get(&mut self, path: &str, version: u32) -> Result<Value> {
        self.ask(path, version, None).await
    }

    /// A GET, or a POST of a body.
    async fn ask(&mut self, path: &str, version: u32, body: Option<&Value>) -> Result<Value> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = TestRequest::default()
            .method(method.clone())
            .uri(&format!("{}{path}", self.base))
            .peer_addr("127.0.0.1:40000".parse()?)
            .insert_header(("authorization", format!("Bearer {}", self.token)))
            .insert_header(("x-v", version.to_string()))
            .insert_header(("x-fapi-auth-date", "Tue, 24 Nov 2026 03:00:00 GMT"));
        if let Some(body) = body {
            request = request.set_json(body);
        }
        let response =
            self.app.call(request.to_request()).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        let status = response.status();
        let body =
            to_bytes(response.into_body()).await.map_err(|_| anyhow::anyhow!("the body ended early"))?;
        ensure!(status.is_success(), "{method} {path} answered {status}: {}", String::from_utf8_lossy(&body));
        let body = serde_json::from_slice(&body)?;
        let plain = path.split('?').next().unwrap_or(path);
        let Resolved::Served(endpoint, ..) = resolve(&method, plain) else { bail!("{plain} is not served") };
        (self.check)(endpoint.operation_id, &body).with_context(|| format!("{method} {path}"))?;
        Ok(body)
    }
}

/// A date or a time, to be compared.
fn moment_of(moment: &Value) -> String {
    let text = moment.as_str().unwrap_or_default();
    DateTime::parse_from_rfc3339(text).map_or(text.to_owned(), |at| at.to_utc().to_rfc3339())
}

fn sorted(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    values.sort_by_key(Value::to_string);
    values
}

/// Which served id stands for which of the retailer's keys: one for one, in both directions.
#[derive(Default)]
struct Bijection {
    keys: HashMap<String, String>,
    ids: HashMap<String, String>,
}

impl Bijection {
    fn pair(&mut self, id: &str, key: &str) -> bool {
        let known = self.keys.entry(id.to_owned()).or_insert_with(|| key.to_owned()) == key;
        let known_back = self.ids.entry(key.to_owned()).or_insert_with(|| id.to_owned()) == id;
        known && known_back && id != key
    }

    fn same(&mut self, found: &Value, expected: &Value, path: &str) -> Result<()> {
        match (found, expected) {
            (Value::Object(found), Value::Object(expected)) => {
                for name in found.keys().chain(expected.keys()) {
                    let inner = format!("{path}.{name}");
                    match (found.get(name), expected.get(name)) {
                        (Some(found), Some(expected)) => self.same(found, expected, &inner)?,
                        (found, expected) => bail!("{inner}: served {found:?}, in the World {expected:?}"),
                    }
                }
                Ok(())
            }
            (Value::Array(found), Value::Array(expected)) => {
                ensure!(found.len() == expected.len(), "{path}: served {found:?}, in the World {expected:?}");
                found
                    .iter()
                    .zip(expected)
                    .enumerate()
                    .try_for_each(|(at, (f, e))| self.same(f, e, &format!("{path}.{at}")))
            }
            (Value::String(id), Value::String(key)) if is_id(path) => {
                ensure!(self.pair(id, key), "{path}: the id of {key} is not one for one");
                Ok(())
            }
            (found, expected) => {
                ensure!(found == expected, "{path}: served {found}, in the World {expected}");
                Ok(())
            }
        }
    }
}

fn is_id(path: &str) -> bool {
    ["accountId", "servicePointId"].iter().any(|name| path.ends_with(name))
        || ["servicePointIds.", "servicePoints."].iter().any(|list| path.contains(list))
}
