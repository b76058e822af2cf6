//! `wattle token`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::{TimeDelta, Utc};
use clap::Args;
use serde_json::json;
use uuid::Uuid;
use wattle_core::{Key, SourceSystem, TenantId};
use wattle_tenants::Mode;
use wattle_tenants::consent::{Arrangement, ConsentedAccount, register, shareable_accounts};
use wattle_tenants::issuer::{Claims, DevelopmentIssuer};

use crate::context::Context;
use crate::output::print_json;

/// Everything that a retailer's energy data can be asked with.
const SCOPES: [&str; 7] = [
    "energy:accounts.basic:read",
    "energy:accounts.detail:read",
    "energy:accounts.paymentschedule:read",
    "energy:accounts.concessions:read",
    "energy:billing:read",
    "common:customer.basic:read",
    "common:customer.detail:read",
];

/// The name of a tenant's source unless told otherwise.
pub(crate) const DEFAULT_SOURCE: &str = "main";
const DEFAULT_PRODUCT: &str = "development-product";
/// A day.
const LONGEST_TTL_SECS: i64 = 86_400;

/// Makes an arrangement for a customer of a development tenant and prints an access token for it.
///
/// In production the authorisation server does this.
///
/// Example: wattle token correa --customer 42
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The tenant's name.
    tenant: TenantId,
    /// The customer, by the source's own key.
    #[arg(long)]
    customer: String,
    /// The accounts to share, by the source's own keys; all that the customer may share by default.
    #[arg(long = "account")]
    accounts: Vec<String>,
    /// The source that knows the customer.
    #[arg(long, default_value = DEFAULT_SOURCE)]
    source: SourceSystem,
    /// The software product to share with.
    #[arg(long, default_value = DEFAULT_PRODUCT)]
    product: String,
    /// The scopes of the arrangement; may be repeated.
    #[arg(long = "scope", default_values = SCOPES)]
    scopes: Vec<String>,
    /// Seconds for which the token is good.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(i64).range(1..=LONGEST_TTL_SECS))]
    ttl_secs: i64,
    /// Days for which the arrangement is good.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=365))]
    sharing_days: i64,
    /// Print JSON: token, arrangement id, accounts.
    #[arg(long)]
    json: bool,
}

/// A token and what it stands for.
struct Minted {
    token: String,
    arrangement: Arrangement,
}

/// An access token for everything that a customer of a development tenant may share, good for a day.
pub(crate) async fn for_a_day(
    context: &Context,
    tenant: &TenantId,
    customer: &str,
) -> anyhow::Result<String> {
    let asked = Token {
        tenant: tenant.clone(),
        customer: customer.to_owned(),
        accounts: Vec::new(),
        source: SourceSystem::parse(DEFAULT_SOURCE).expect("it is a name"),
        product: DEFAULT_PRODUCT.to_owned(),
        scopes: SCOPES.map(str::to_owned).to_vec(),
        ttl_secs: LONGEST_TTL_SECS,
        sharing_days: 1,
        json: false,
    };
    Ok(asked.mint(context).await?.token)
}

impl Token {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let Minted { token, arrangement } = self.mint(&context).await?;
        if self.json {
            let accounts: Vec<&Key> =
                arrangement.accounts.iter().map(|account| &account.account_id).collect();
            print_json(&json!({
                "access_token": token,
                "expires_in_secs": self.ttl_secs,
                "cdr_arrangement_id": arrangement.arrangement_id,
                "accounts": accounts,
            }))?;
        } else {
            println!("{token}");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Registers an arrangement and signs a token for it.
    async fn mint(&self, context: &Context) -> anyhow::Result<Minted> {
        let tenant = context.tenant(&self.tenant).await?;
        if tenant.mode != Mode::Development {
            bail!("{} is a production tenant: its tokens come from its own authorisation server", tenant.id);
        }
        let session = context.tenants.session(&tenant).await?;
        let customer = Key::from_canonical(self.customer.as_str());
        let shareable = shareable_accounts(&session, &self.source, &customer).await?;
        if shareable.is_empty() {
            bail!(
                "customer {} has no account to share in source {} (is it hydrated?)",
                self.customer,
                self.source
            );
        }
        let wanted: Vec<Key> = match self.accounts.as_slice() {
            [] => shareable.clone(),
            named => named.iter().map(|account| Key::from_canonical(account.as_str())).collect(),
        };
        if let Some(other) = wanted.iter().find(|account| !shareable.contains(account)) {
            let list = shareable.iter().map(Key::as_str).collect::<Vec<_>>().join(", ");
            bail!("customer {} may not share account {other}, only {list}", self.customer);
        }
        let now = Utc::now();
        let arrangement = Arrangement {
            arrangement_id: Uuid::new_v4(),
            software_product_id: self.product.clone(),
            source_system: self.source.clone(),
            customer_id: customer.clone(),
            scopes: self.scopes.clone(),
            sharing_ends_at: now + TimeDelta::days(self.sharing_days),
            amended_at: now,
            accounts: wanted
                .iter()
                .map(|account| ConsentedAccount {
                    source_system: self.source.clone(),
                    account_id: account.clone(),
                    customer_id: customer.clone(),
                })
                .collect(),
        };
        register(&session, &arrangement).await?;
        let claims = Claims {
            iss: tenant.issuer.clone(),
            aud: tenant.audience.clone(),
            sub: Uuid::new_v4().to_string(),
            client_id: self.product.clone(),
            scope: self.scopes.join(" "),
            cdr_arrangement_id: arrangement.arrangement_id,
        };
        let issuer = DevelopmentIssuer::new(context.tenants.secrets(), &tenant.id);
        let token = issuer.mint(&claims, self.ttl_secs).context("the token could not be signed")?;
        Ok(Minted { token, arrangement })
    }
}
