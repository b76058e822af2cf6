//! Every endpoint of the standard, in one table. Routing, the checks on a request, log fields and tests read it, so
//! an endpoint is what its row says and nothing else.

use actix_web::http::Method;

/// The part of every path that comes before those of the table.
pub const BASE_PATH: &str = "/cds-au/v1";

/// One endpoint of CDS 1.36.0.
#[derive(Debug)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: Method,
    /// The path after [`BASE_PATH`], with parameters in braces.
    pub path: &'static str,
    /// The standard's name of the operation; also the label in logs.
    pub operation_id: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The versions that are current, lowest first.
    pub versions: &'static [u32],
    /// The performance tier of customer-present calls.
    pub tier: Tier,
    /// Whether answers come in pages.
    pub paging: Paging,
    /// Whose data it is.
    pub owner: Owner,
    /// What serves it; none answers that the resource is not implemented.
    pub operation: Option<Operation>,
}

/// The operations served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Get Energy Accounts.
    ListEnergyAccounts,
    /// Get Energy Account Detail.
    GetEnergyAccountDetail,
    /// Get Balance For Energy Account.
    GetEnergyAccountBalance,
    /// Get Bulk Balances for Energy.
    ListEnergyAccountBalancesBulk,
    /// Get Balances For Specific Energy Accounts.
    ListEnergyAccountBalancesSpecificAccounts,
    /// Get Invoices For Account.
    GetEnergyAccountInvoices,
    /// Get Bulk Invoices.
    ListEnergyAccountInvoicesBulk,
    /// Get Invoices For Specific Accounts.
    ListEnergyInvoicesForSpecificAccounts,
    /// Get Billing For Account.
    GetBillingForEnergyAccount,
    /// Get Bulk Billing.
    ListEnergyAccountBillingBulk,
    /// Get Billing For Specific Accounts.
    ListEnergyAccountBillingForSpecificAccounts,
    /// Get Agreed Payment Schedule.
    GetEnergyAccountPaymentSchedule,
    /// Get Concessions.
    GetEnergyAccountConcessions,
    /// Get Customer.
    GetCustomer,
    /// Get Customer Detail.
    GetCustomerDetail,
    /// What anyone may ask.
    Public(PublicOperation),
}

/// The operations served to anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicOperation {
    /// Get Status.
    GetStatus,
    /// Get Outages.
    GetOutages,
}

/// A query parameter that narrows down a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub values: FilterValues,
    /// What is taken when it is absent, in words.
    pub default: &'static str,
}

/// What the values of a query parameter are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterValues {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A `DateString`.
    Date,
    /// A `DateTimeString`.
    DateTime,
}

impl Operation {
    /// The query parameters that the operation reads beside those of paging.
    pub fn filters(self) -> &'static [Filter] {
        match self {
            Self::ListEnergyAccounts => &[Filter {
                name: "open-status",
                values: FilterValues::Words(&["ALL", "OPEN", "CLOSED"]),
                default: "ALL",
            }],
            Self::GetEnergyAccountInvoices
            | Self::ListEnergyAccountInvoicesBulk
            | Self::ListEnergyInvoicesForSpecificAccounts => &[
                Filter { name: "newest-date", values: FilterValues::Date, default: "today" },
                Filter {
                    name: "oldest-date",
                    values: FilterValues::Date,
                    default: "24 months before newest-date",
                },
            ],
            Self::GetBillingForEnergyAccount
            | Self::ListEnergyAccountBillingBulk
            | Self::ListEnergyAccountBillingForSpecificAccounts => &[
                Filter { name: "newest-time", values: FilterValues::DateTime, default: "now" },
                Filter {
                    name: "oldest-time",
                    values: FilterValues::DateTime,
                    default: "12 months before newest-time",
                },
            ],
            Self::GetEnergyAccountDetail
            | Self::GetEnergyAccountBalance
            | Self::ListEnergyAccountBalancesBulk
            | Self::ListEnergyAccountBalancesSpecificAccounts
            | Self::GetEnergyAccountPaymentSchedule
            | Self::GetEnergyAccountConcessions
            | Self::GetCustomer
            | Self::GetCustomerDetail
            | Self::Public(_) => &[],
        }
    }
}

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A data recipient whose token holds this scope.
    Consumer(&'static str),
    /// The CDR Register, with this scope.
    Register(&'static str),
    /// Anyone.
    Public,
}

/// A performance tier of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// 1,000 ms.
    High,
    /// 1,500 ms.
    Low,
    /// 1,500 ms, without authentication.
    Unauthenticated,
    /// 4,000 ms.
    Unattended,
    /// 6,000 ms.
    LargePayload,
    /// 1,000 ms of the holder and 1,500 ms of AEMO.
    Secondary,
    /// 1,500 ms of the holder and 4,500 ms of AEMO.
    LargeSecondary,
}

/// Whether answers come in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// They do.
    Paged,
    /// There is one thing to answer.
    Single,
}

/// Whose data an endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The retailer.
    Retailer,
    /// AEMO, behind the retailer.
    Aemo,
    /// The AER and the Victorian department, which serve generic plans in the retailers' place.
    Government,
}

impl Endpoint {
    /// The tier that a call counts in: unattended calls have one of their own, but for large payloads, AEMO's, and
    /// what anyone may ask.
    pub fn tier_of(&self, presence: Presence) -> Tier {
        match (presence, self.tier) {
            (_, tier) if self.access == Access::Public => tier,
            (Presence::Unattended, Tier::High | Tier::Low) => Tier::Unattended,
            (Presence::Unattended, Tier::Secondary) => Tier::LargeSecondary,
            (_, tier) => tier,
        }
    }

    /// The value of the path's parameter, if the path is this endpoint's; a path without parameters gives "".
    fn matches<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (mut template, mut given) = (self.path.split('/'), path.split('/'));
        let mut parameter = "";
        loop {
            match (template.next(), given.next()) {
                (None, None) => return Some(parameter),
                (Some(name), Some(value)) if name.starts_with('{') && !value.is_empty() => parameter = value,
                (Some(literal), Some(value)) if literal == value => {}
                _ => return None,
            }
        }
    }

    fn has_parameter(&self) -> bool {
        self.path.contains('{')
    }
}

/// Whether the customer is there, which the customer's address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// They are.
    CustomerPresent,
    /// The data recipient calls on its own.
    Unattended,
}

/// What a method and path ask for.
#[derive(Debug, Clone, Copy)]
pub enum Resolved<'a> {
    /// An endpoint that is served, and the value of its path's parameter ("" if it has none).
    Served(&'static Endpoint, Operation, &'a str),
    /// An endpoint of the standard that is not served here.
    NotImplemented(&'static Endpoint),
    /// A path of the standard, with a method it does not have there.
    WrongMethod(&'static str),
    /// Nothing that the standard knows.
    Unknown,
}

/// Finds the endpoint of a path (without [`BASE_PATH`]). A literal segment goes before a parameter: the path
/// `/energy/accounts/invoices` is not the account `invoices`.
pub fn resolve<'a>(method: &Method, path: &'a str) -> Resolved<'a> {
    let closest = ENDPOINTS
        .iter()
        .filter_map(|endpoint| Some((endpoint, endpoint.matches(path)?)))
        .min_by_key(|(endpoint, _)| endpoint.has_parameter());
    let Some((closest, parameter)) = closest else { return Resolved::Unknown };
    let asked = of_path(closest.path).find(|endpoint| endpoint.method == *method);
    match asked {
        None => Resolved::WrongMethod(closest.path),
        Some(endpoint) => match endpoint.operation {
            Some(operation) => Resolved::Served(endpoint, operation, parameter),
            None => Resolved::NotImplemented(endpoint),
        },
    }
}

/// The endpoints of one path of the table: one per method.
pub fn of_path(path: &str) -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().filter(move |endpoint| endpoint.path == path)
}

/// The endpoints served.
pub fn served() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().filter(|endpoint| endpoint.operation.is_some())
}

/// Those of them that data recipients call, with a token.
pub fn served_to_recipients() -> impl Iterator<Item = &'static Endpoint> {
    served().filter(|endpoint| matches!(endpoint.access, Access::Consumer(_)))
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;

const ACCOUNTS_BASIC: Access = Access::Consumer("energy:accounts.basic:read");
const ACCOUNTS_DETAIL: Access = Access::Consumer("energy:accounts.detail:read");
const SCHEDULE: Access = Access::Consumer("energy:accounts.paymentschedule:read");
const CONCESSIONS: Access = Access::Consumer("energy:accounts.concessions:read");
const BILLING: Access = Access::Consumer("energy:billing:read");
const POINTS_BASIC: Access = Access::Consumer("energy:electricity.servicepoints.basic:read");
const POINTS_DETAIL: Access = Access::Consumer("energy:electricity.servicepoints.detail:read");
const USAGE: Access = Access::Consumer("energy:electricity.usage:read");
const DER: Access = Access::Consumer("energy:electricity.der:read");
const CUSTOMER_BASIC: Access = Access::Consumer("common:customer.basic:read");
const CUSTOMER_DETAIL: Access = Access::Consumer("common:customer.detail:read");
const METRICS: Access = Access::Register("admin:metrics.basic:read");
const METADATA: Access = Access::Register("admin:metadata:update");

use Access::Public;
use Operation::*;
use Owner::{Aemo, Government, Retailer};
use Paging::{Paged, Single};
use PublicOperation::{GetOutages, GetStatus};
use Tier::{High, LargePayload, LargeSecondary, Low, Secondary, Unattended, Unauthenticated};

/// Every endpoint of CDS 1.36.0 below [`BASE_PATH`].
#[rustfmt::skip] // a table is read by its columns
pub static ENDPOINTS: &[Endpoint] = &[
    row(GET, "/energy/accounts", "listEnergyAccounts", ACCOUNTS_BASIC, &[2], High, Paged, Retailer, Some(ListEnergyAccounts)),
    row(GET, "/energy/accounts/{accountId}", "getEnergyAccountDetail", ACCOUNTS_DETAIL, &[4], High, Single, Retailer, Some(GetEnergyAccountDetail)),
    row(GET, "/energy/accounts/{accountId}/payment-schedule", "getEnergyAccountPaymentSchedule", SCHEDULE, &[1], Low, Single, Retailer, Some(GetEnergyAccountPaymentSchedule)),
    row(GET, "/energy/accounts/{accountId}/concessions", "getEnergyAccountConcessions", CONCESSIONS, &[1], Low, Single, Retailer, Some(GetEnergyAccountConcessions)),
    row(GET, "/energy/accounts/{accountId}/balance", "getEnergyAccountBalance", BILLING, &[1], High, Single, Retailer, Some(GetEnergyAccountBalance)),
    row(GET, "/energy/accounts/balances", "listEnergyAccountBalancesBulk", BILLING, &[1], Low, Paged, Retailer, Some(ListEnergyAccountBalancesBulk)),
    row(POST, "/energy/accounts/balances", "listEnergyAccountBalancesSpecificAccounts", BILLING, &[1], Low, Paged, Retailer, Some(ListEnergyAccountBalancesSpecificAccounts)),
    row(GET, "/energy/accounts/{accountId}/invoices", "getEnergyAccountInvoices", BILLING, &[1], High, Paged, Retailer, Some(GetEnergyAccountInvoices)),
    row(GET, "/energy/accounts/invoices", "listEnergyAccountInvoicesBulk", BILLING, &[1], Low, Paged, Retailer, Some(ListEnergyAccountInvoicesBulk)),
    row(POST, "/energy/accounts/invoices", "listEnergyInvoicesForSpecificAccounts", BILLING, &[1], Low, Paged, Retailer, Some(ListEnergyInvoicesForSpecificAccounts)),
    row(GET, "/energy/accounts/{accountId}/billing", "getBillingForEnergyAccount", BILLING, &[3], Low, Paged, Retailer, Some(GetBillingForEnergyAccount)),
    row(GET, "/energy/accounts/billing", "listEnergyAccountBillingBulk", BILLING, &[3], LargePayload, Paged, Retailer, Some(ListEnergyAccountBillingBulk)),
    row(POST, "/energy/accounts/billing", "listEnergyAccountBillingForSpecificAccounts", BILLING, &[3], LargePayload, Paged, Retailer, Some(ListEnergyAccountBillingForSpecificAccounts)),
    row(GET, "/energy/electricity/servicepoints", "listElectricityServicePoints", POINTS_BASIC, &[2], Secondary, Paged, Aemo, None),
    row(GET, "/energy/electricity/servicepoints/{servicePointId}", "getElectricityServicePointDetail", POINTS_DETAIL, &[2], Secondary, Single, Aemo, None),
    row(GET, "/energy/electricity/servicepoints/{servicePointId}/usage", "getElectricityServicePointUsage", USAGE, &[1], LargeSecondary, Paged, Aemo, None),
    row(GET, "/energy/electricity/servicepoints/usage", "listElectricityUsageBulk", USAGE, &[1], LargeSecondary, Paged, Aemo, None),
    row(POST, "/energy/electricity/servicepoints/usage", "listElectricityUsageForServicePoints", USAGE, &[1], LargeSecondary, Paged, Aemo, None),
    row(GET, "/energy/electricity/servicepoints/{servicePointId}/der", "getElectricityDERForServicePoint", DER, &[1], Secondary, Single, Aemo, None),
    row(GET, "/energy/electricity/servicepoints/der", "listElectricityDERBulk", DER, &[1], LargeSecondary, Paged, Aemo, None),
    row(POST, "/energy/electricity/servicepoints/der", "listElectricityDERForSpecificServicePoints", DER, &[1], LargeSecondary, Paged, Aemo, None),
    row(GET, "/energy/plans", "listEnergyPlans", Public, &[1], Unauthenticated, Paged, Government, None),
    row(GET, "/energy/plans/{planId}", "getEnergyPlanDetail", Public, &[3], Unauthenticated, Single, Government, None),
    row(GET, "/common/customer", "getCustomer", CUSTOMER_BASIC, &[1], High, Single, Retailer, Some(GetCustomer)),
    row(GET, "/common/customer/detail", "getCustomerDetail", CUSTOMER_DETAIL, &[2], High, Single, Retailer, Some(GetCustomerDetail)),
    row(GET, "/discovery/status", "getStatus", Public, &[1], High, Single, Retailer, Some(Operation::Public(GetStatus))),
    row(GET, "/discovery/outages", "getOutages", Public, &[1], High, Single, Retailer, Some(Operation::Public(GetOutages))),
    row(GET, "/admin/metrics", "getMetrics", METRICS, &[5], Unattended, Single, Retailer, None),
    row(POST, "/admin/register/metadata", "metadataUpdate", METADATA, &[1], Unattended, Single, Retailer, None),
];

#[expect(clippy::too_many_arguments, reason = "the columns of the table")]
const fn row(
    method: Method,
    path: &'static str,
    operation_id: &'static str,
    access: Access,
    versions: &'static [u32],
    tier: Tier,
    paging: Paging,
    owner: Owner,
    operation: Option<Operation>,
) -> Endpoint {
    Endpoint { method, path, operation_id, access, versions, tier, paging, owner, operation }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation_id(method: Method, path: &str) -> Option<&'static str> {
        match resolve(&method, path) {
            Resolved::Served(endpoint, ..) | Resolved::NotImplemented(endpoint) => {
                Some(endpoint.operation_id)
            }
            Resolved::WrongMethod(_) | Resolved::Unknown => None,
        }
    }

    #[test]
    fn every_row_is_found_by_its_own_path_and_no_two_are_the_same() {
        for (at, endpoint) in ENDPOINTS.iter().enumerate() {
            let path = endpoint
                .path
                .replace("{accountId}", "x1")
                .replace("{servicePointId}", "x1")
                .replace("{planId}", "x1");
            assert_eq!(operation_id(endpoint.method.clone(), &path), Some(endpoint.operation_id));
            assert!(ENDPOINTS[at + 1..].iter().all(|other| other.operation_id != endpoint.operation_id));
            assert!(!endpoint.versions.is_empty() && endpoint.versions.is_sorted());
        }
    }

    #[test]
    fn literals_go_before_parameters() {
        assert_eq!(operation_id(GET, "/energy/accounts/invoices"), Some("listEnergyAccountInvoicesBulk"));
        assert_eq!(operation_id(GET, "/energy/accounts/invoice"), Some("getEnergyAccountDetail"));
        assert_eq!(operation_id(GET, "/energy/accounts/billing/billing"), Some("getBillingForEnergyAccount"));
    }

    #[test]
    fn other_paths_and_methods_are_told_apart() {
        for unknown in
            ["", "/", "/energy", "/energy/accounts/", "/energy/accounts/a/b", "/energy/accounts/a/balance/"]
        {
            assert!(matches!(resolve(&GET, unknown), Resolved::Unknown), "{unknown}");
        }
        let wrong = resolve(&Method::DELETE, "/energy/accounts/invoices");
        assert!(matches!(wrong, Resolved::WrongMethod("/energy/accounts/invoices")), "{wrong:?}");
        assert!(matches!(resolve(&POST, "/energy/accounts/x1"), Resolved::WrongMethod(_)));
        assert!(matches!(resolve(&GET, "/energy/plans"), Resolved::NotImplemented(_)));
    }

    #[test]
    fn unattended_calls_have_tiers_of_their_own() {
        let tier = |id: &str, presence| {
            ENDPOINTS.iter().find(|endpoint| endpoint.operation_id == id).unwrap().tier_of(presence)
        };
        assert_eq!(tier("listEnergyAccounts", Presence::CustomerPresent), Tier::High);
        assert_eq!(tier("listEnergyAccounts", Presence::Unattended), Tier::Unattended);
        assert_eq!(tier("listEnergyAccountBillingBulk", Presence::Unattended), Tier::LargePayload);
        assert_eq!(tier("listElectricityServicePoints", Presence::Unattended), Tier::LargeSecondary);
        assert_eq!(tier("getStatus", Presence::Unattended), Tier::High);
    }
}
