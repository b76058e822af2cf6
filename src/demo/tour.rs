//! What to try while the demo runs.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, query_as};
use wattle_tenants::Tenant;

use super::folder::{self, Folder};
use crate::context::Context;
use crate::token;

/// The customer whose data the tour looks at, and their latest invoice.
pub(super) struct Shown {
    invoice_number: String,
}

impl Shown {
    /// Chooses a customer with one account, which they may share and which has invoices, and writes a token for them.
    pub(super) async fn choose(folder: &Folder, context: &Context, tenant: &Tenant) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().filename(folder.retailer()).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let candidates: Vec<(i64, String)> = query_as(
            "select g.client_id, (select i.invoice_no from invoices i
                                  where i.account = g.account and i.status <> 'void'
                                  order by i.issued_day desc, i.invoice_no limit 1) as latest
             from grants g join accounts a on a.number = g.account
             where g.rights & 16 and g.ends_at is null and not a.deleted and a.state = 'open' and latest is not null
               and (select count(*) from grants o where o.client_id = g.client_id) = 1
             order by g.client_id limit 20",
        )
        .fetch_all(&mut connection)
        .await?;
        connection.close().await?;
        for (client, invoice_number) in candidates {
            if let Ok(token) = token::for_a_day(context, &tenant.id, &client.to_string()).await {
                std::fs::write(folder.token(), token)
                    .with_context(|| format!("{} cannot be written", folder.token().display()))?;
                return Ok(Self { invoice_number });
            }
        }
        anyhow::bail!(
            "no customer of the demo's retailer has an account to share; `wattle demo --reset` starts anew"
        )
    }
}

/// How this program is called from where it was called.
fn program() -> String {
    let called = std::env::current_exe().unwrap_or_else(|_| "wattle".into());
    let here = std::env::current_dir().unwrap_or_default();
    called.strip_prefix(&here).unwrap_or(&called).display().to_string()
}

fn data_dir_argument(data_dir: &Path) -> String {
    if data_dir == Path::new(folder::DEFAULT) {
        String::new()
    } else {
        format!(" --data-dir {}", data_dir.display())
    }
}

/// The command that the demo was started with.
pub(super) fn command(data_dir: &Path) -> String {
    format!("{} demo{}", program(), data_dir_argument(data_dir))
}

/// Prints what to paste into another terminal.
pub(super) fn print(data_dir: &Path, listen: SocketAddr, shown: &Shown) {
    let (program, argument) = (program(), data_dir_argument(data_dir));
    let folder = data_dir.display();
    let invoice = &shown.invoice_number;
    println!(
        r#"
Dianella is at work, and Wattle serves it on http://{listen}/t/dianella/cds-au/v1/
Paste into another terminal, in this folder. First, once, how a data recipient asks:

  ask() {{ curl -s "http://{listen}/t/dianella/cds-au/v1$2" -H "Authorization: Bearer $(cat {folder}/token)" -H "x-v: $1" -H "x-fapi-auth-date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')" "${{@:3}}"; echo; }}

The customer's accounts:

  ask 2 /energy/accounts

The account's invoices, of which {invoice} is the latest:

  ACCOUNT=$(ask 2 /energy/accounts | sed 's/.*"accountId":"\([^"]*\)".*/\1/')
  ask 1 "/energy/accounts/$ACCOUNT/invoices?page-size=1"

All that a recipient may ask about the account and its customer:

  ask 4 "/energy/accounts/$ACCOUNT"
  ask 1 "/energy/accounts/$ACCOUNT/balance"
  ask 3 "/energy/accounts/$ACCOUNT/billing?page-size=2"
  ask 1 "/energy/accounts/$ACCOUNT/payment-schedule"
  ask 1 "/energy/accounts/$ACCOUNT/concessions"
  ask 1 /common/customer
  ask 2 /common/customer/detail

The same of all accounts of the consent, and of those that a body names:

  ask 1 /energy/accounts/balances
  ask 1 "/energy/accounts/invoices?page-size=2"
  ask 3 "/energy/accounts/billing?page-size=2"
  of() {{ ask "$1" "$2" -H "Content-Type: application/json" -d "{{\"data\":{{\"accountIds\":[\"$ACCOUNT\"]}}}}"; }}
  of 1 /energy/accounts/balances
  of 1 "/energy/accounts/invoices?page-size=2"
  of 3 "/energy/accounts/billing?page-size=2"

What anyone may ask; and all of it to read and to try in a browser, on http://{listen}/docs/

  ask 1 /discovery/status
  ask 1 /discovery/outages

The retailer corrects that bill by ten dollars; look at invoiceAmount a second later:

  {program} demo sql{argument} "update invoices set total_cents = total_cents + 1000 where invoice_no = '{invoice}'"
  sleep 1; ask 1 "/energy/accounts/$ACCOUNT/invoices?page-size=1"

How Wattle reads this retailer's tables, and how fresh its copy is:

  {program} graph dianella --config {folder}/wattle.toml
  {program} status --config {folder}/wattle.toml

The token is good for a day. Ctrl-C stops; the next run goes on where this one was, and `--reset` starts anew.
"#
    );
}
