//! What is served, as an OpenAPI document: made from the endpoint table and the payload trees, so that it says what
//! the code does.

mod schema;

use actix_web::http::Method;
use serde_json::{Map, Value, json};
use wattle_core::Entity;
use wattle_core::entity::{account_list_shape, customer_basic_shape, outage_shape, status_shape};

use crate::endpoints::{
    Access, BASE_PATH, Endpoint, Filter, FilterValues, Operation, Paging, PublicOperation, served,
};
use crate::error::ErrorCode;

const ABOUT: &str = "The Consumer Data Right's energy APIs of a retailer, by CDS 1.36.0, as Wattle serves them. \
    Made from the code that serves them.";

/// The OpenAPI 3.1 document of every endpoint that is served.
pub fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in served() {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[method] = operation(endpoint);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wattle: the CDR energy APIs of a retailer",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": format!("/t/{{tenant}}{BASE_PATH}"),
                "description": "A host that serves several retailers",
                "variables": {"tenant": {"default": "dianella", "description": "The retailer's name"}},
            },
            {"url": BASE_PATH, "description": "A host that serves one retailer alone"},
        ],
        "tags": [{"name": "energy"}, {"name": "common"}, {"name": "discovery"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token of the retailer's authorisation server, bound to the certificate of the connection.",
            }},
            "schemas": {
                "Links": links(&[]),
                "LinksPaginated": links(&["first", "prev", "next", "last"]),
                "Meta": {"type": "object"},
                "MetaPaginated": {
                    "type": "object",
                    "properties": {"totalRecords": natural(), "totalPages": natural()},
                    "required": ["totalRecords", "totalPages"],
                },
                "ResponseErrorListV2": errors(),
                "RequestAccountIdListV1": {
                    "type": "object",
                    "properties": {
                        "data": {
                            "type": "object",
                            "properties": {"accountIds": {"type": "array", "items": account_id()}},
                            "required": ["accountIds"],
                        },
                        "meta": {"type": "object"},
                    },
                    "required": ["data"],
                },
            },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let operation = endpoint.operation.expect("what is served has an operation");
    let mut described = json!({
        "operationId": endpoint.operation_id,
        "tags": [endpoint.path.split('/').nth(1).unwrap_or_default()],
        "summary": summary(operation),
        "parameters": parameters(endpoint, operation),
        "responses": responses(endpoint, operation),
        // None is needed where the list is empty.
        "security": [],
    });
    if let Access::Consumer(scope) = endpoint.access {
        described["security"] = json!([{"token": []}]);
        described["description"] = format!("Needs the scope `{scope}`.").into();
        described["x-scopes"] = json!([scope]);
    }
    if endpoint.method == Method::POST {
        described["requestBody"] = json!({"required": true, "content": content("RequestAccountIdListV1")});
    }
    described
}

fn parameters(endpoint: &Endpoint, operation: Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    if endpoint.path.contains("{accountId}") {
        parameters.push(json!({"name": "accountId", "in": "path", "required": true, "schema": account_id()}));
    }
    parameters.extend(operation.filters().iter().map(filter));
    if endpoint.paging == Paging::Paged {
        let page = json!({"type": "integer", "minimum": 1, "default": 1});
        let size = json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 25});
        for (name, schema) in [("page", page), ("page-size", size)] {
            parameters.push(json!({"name": name, "in": "query", "schema": schema}));
        }
    }
    let newest = endpoint.versions.last().map(u32::to_string);
    let version = json!({"type": "string", "pattern": "^[0-9]*[1-9][0-9]*$", "default": newest});
    parameters.push(header("x-v", true, "The version asked for.", version));
    let lowest = json!({"type": "string", "pattern": "^[0-9]*[1-9][0-9]*$"});
    parameters.push(header("x-min-v", false, "The lowest version that is good enough.", lowest));
    if endpoint.access != Access::Public {
        parameters.extend(fapi_headers());
    }
    parameters
}

fn fapi_headers() -> [Value; 4] {
    let text = json!({"type": "string"});
    [
        header(
            "x-fapi-interaction-id",
            false,
            "Comes back in the answer.",
            json!({"type": "string", "format": "uuid"}),
        ),
        header(
            "x-fapi-auth-date",
            true,
            "When the customer last logged in to the data recipient's software, as an HTTP date.",
            text.clone(),
        ),
        header(
            "x-fapi-customer-ip-address",
            false,
            "The customer's IP address, if the customer is there.",
            text.clone(),
        ),
        header(
            "x-cds-client-headers",
            false,
            "The customer's HTTP headers in Base64. Mandatory if the customer is there.",
            text,
        ),
    ]
}

fn header(name: &str, required: bool, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "header", "required": required, "description": description, "schema": schema})
}

fn filter(filter: &Filter) -> Value {
    let schema = match filter.values {
        FilterValues::Words(words) => json!({"type": "string", "enum": words, "default": filter.default}),
        FilterValues::Date => json!({"type": "string", "format": "date", "x-cds-type": "DateString"}),
        FilterValues::DateTime => {
            json!({"type": "string", "format": "date-time", "x-cds-type": "DateTimeString"})
        }
    };
    let description = format!("If absent: {}.", filter.default);
    json!({"name": filter.name, "in": "query", "description": description, "schema": schema})
}

/// The answers, with the error codes that each status has.
fn responses(endpoint: &Endpoint, operation: Operation) -> Value {
    use ErrorCode::{
        FieldInvalid, FieldInvalidDateTime, FieldInvalidPage, FieldInvalidPageSize, FieldMissing,
        GeneralExpected, GeneralUnexpected, HeaderInvalid, HeaderInvalidVersion, HeaderMissing,
        HeaderUnsupportedVersion, InvalidConsent, InvalidEnergyAccount, ResourceNotFound,
        ResourceUnavailable, RevokedConsent, ServiceUnavailable, UnavailableEnergyAccount,
    };
    let (public, paged) = (endpoint.access == Access::Public, endpoint.paging == Paging::Paged);
    let (named, posted) = (endpoint.path.contains("{accountId}"), endpoint.method == Method::POST);
    let dated = operation.filters().iter().any(|filter| !matches!(filter.values, FilterValues::Words(_)));
    let account = [InvalidEnergyAccount, UnavailableEnergyAccount];
    let mut codes = vec![
        (400, vec![HeaderMissing, HeaderInvalid, HeaderInvalidVersion]),
        (404, vec![ResourceNotFound]),
        (406, vec![HeaderUnsupportedVersion, GeneralExpected]),
        (500, vec![GeneralUnexpected]),
        (503, vec![ServiceUnavailable]),
    ];
    let mut may = |status: u16, more: &[ErrorCode]| match codes.iter_mut().find(|(known, _)| *known == status)
    {
        Some((_, known)) => known.extend(more),
        None => codes.push((status, more.to_vec())),
    };
    if paged || !operation.filters().is_empty() || posted {
        may(400, &[FieldInvalid]);
    }
    if paged {
        may(400, &[FieldInvalidPageSize]);
        may(422, &[FieldInvalidPage]);
    }
    if dated {
        may(400, &[FieldInvalidDateTime]);
    }
    if posted {
        may(400, &[FieldMissing]);
        may(413, &[GeneralExpected]);
        may(415, &[GeneralExpected]);
        may(422, &account);
    }
    if named {
        may(404, &account);
    }
    if matches!(operation, Operation::GetCustomer | Operation::GetCustomerDetail) {
        may(404, &[ResourceUnavailable]);
    }
    if !public {
        may(403, &[InvalidConsent, RevokedConsent]);
    }
    let mut responses = Map::new();
    responses.insert("200".into(), success(endpoint, operation));
    if !public {
        let challenge = json!({"required": true, "schema": {"type": "string"}});
        let headers = json!({"WWW-Authenticate": challenge, "x-fapi-interaction-id": interaction_id()});
        let description = "The access token is missing, no longer good, or not this connection's.";
        responses.insert("401".into(), json!({"description": description, "headers": headers}));
    }
    for (status, codes) in codes {
        responses.insert(status.to_string(), failure(&codes));
    }
    responses.into()
}

fn success(endpoint: &Endpoint, operation: Operation) -> Value {
    let (links, meta) = match endpoint.paging {
        Paging::Paged => ("LinksPaginated", "MetaPaginated"),
        Paging::Single => ("Links", "Meta"),
    };
    let body = json!({
        "type": "object",
        "properties": {"data": data(operation), "links": reference(links), "meta": reference(meta)},
        "required": ["data", "links", "meta"],
        "additionalProperties": false,
    });
    json!({
        "description": "What was asked for.",
        "headers": {
            "x-v": {"required": true, "description": "The version answered with.", "schema": {"type": "string"}},
            "x-fapi-interaction-id": interaction_id(),
        },
        "content": {"application/json": {"schema": body}},
    })
}

fn failure(codes: &[ErrorCode]) -> Value {
    let names: Vec<String> =
        codes.iter().map(|code| format!("{} (`{}`)", code.title(), code.urn())).collect();
    json!({
        "description": names.join(", "),
        "headers": {"x-fapi-interaction-id": interaction_id()},
        "content": content("ResponseErrorListV2"),
    })
}

/// What the standard calls an operation.
fn summary(operation: Operation) -> &'static str {
    match operation {
        Operation::ListEnergyAccounts => "Get Energy Accounts",
        Operation::GetEnergyAccountDetail => "Get Energy Account Detail",
        Operation::GetEnergyAccountPaymentSchedule => "Get Agreed Payment Schedule",
        Operation::GetEnergyAccountConcessions => "Get Concessions",
        Operation::GetEnergyAccountBalance => "Get Balance For Energy Account",
        Operation::ListEnergyAccountBalancesBulk => "Get Bulk Balances for Energy",
        Operation::ListEnergyAccountBalancesSpecificAccounts => "Get Balances For Specific Energy Accounts",
        Operation::GetEnergyAccountInvoices => "Get Invoices For Account",
        Operation::ListEnergyAccountInvoicesBulk => "Get Bulk Invoices",
        Operation::ListEnergyInvoicesForSpecificAccounts => "Get Invoices For Specific Accounts",
        Operation::GetBillingForEnergyAccount => "Get Billing For Account",
        Operation::ListEnergyAccountBillingBulk => "Get Bulk Billing",
        Operation::ListEnergyAccountBillingForSpecificAccounts => "Get Billing For Specific Accounts",
        Operation::GetCustomer => "Get Customer",
        Operation::GetCustomerDetail => "Get Customer Detail",
        Operation::Public(PublicOperation::GetStatus) => "Get Status",
        Operation::Public(PublicOperation::GetOutages) => "Get Outages",
    }
}

/// The `data` of a 200.
fn data(operation: Operation) -> Value {
    let of_account = |entity: Entity| schema::object_with(&[("accountId", account_id())], entity.shape());
    match operation {
        Operation::ListEnergyAccounts => {
            list("accounts", schema::object_with(&[("accountId", account_id())], account_list_shape()))
        }
        Operation::GetEnergyAccountDetail => of_account(Entity::Account),
        Operation::GetEnergyAccountPaymentSchedule => {
            list("paymentSchedules", schema::object(Entity::PaymentSchedule.shape()))
        }
        Operation::GetEnergyAccountConcessions => {
            list("concessions", schema::object(Entity::Concession.shape()))
        }
        Operation::GetEnergyAccountBalance => schema::object(Entity::Balance.shape()),
        Operation::ListEnergyAccountBalancesBulk | Operation::ListEnergyAccountBalancesSpecificAccounts => {
            list("balances", of_account(Entity::Balance))
        }
        Operation::GetEnergyAccountInvoices
        | Operation::ListEnergyAccountInvoicesBulk
        | Operation::ListEnergyInvoicesForSpecificAccounts => list("invoices", of_account(Entity::Invoice)),
        Operation::GetBillingForEnergyAccount
        | Operation::ListEnergyAccountBillingBulk
        | Operation::ListEnergyAccountBillingForSpecificAccounts => {
            list("transactions", of_account(Entity::BillingTransaction))
        }
        Operation::GetCustomer => schema::object(customer_basic_shape()),
        Operation::GetCustomerDetail => schema::object(Entity::Customer.shape()),
        Operation::Public(PublicOperation::GetStatus) => schema::object(status_shape()),
        Operation::Public(PublicOperation::GetOutages) => list("outages", schema::object(outage_shape())),
    }
}

fn list(name: &str, element: Value) -> Value {
    json!({
        "type": "object",
        "properties": {name: {"type": "array", "items": element}},
        "required": [name],
        "additionalProperties": false,
    })
}

fn account_id() -> Value {
    json!({"type": "string", "x-cds-type": "ASCIIString"})
}

fn natural() -> Value {
    json!({"type": "integer", "minimum": 0, "x-cds-type": "NaturalNumber"})
}

fn interaction_id() -> Value {
    json!({"required": true, "schema": {"type": "string", "format": "uuid"}})
}

fn links(pages: &[&str]) -> Value {
    let uri = json!({"type": "string", "format": "uri-reference", "x-cds-type": "URIString"});
    let properties: Map<_, _> =
        ["self"].iter().chain(pages).map(|name| ((*name).to_owned(), uri.clone())).collect();
    json!({"type": "object", "properties": properties, "required": ["self"], "additionalProperties": false})
}

fn errors() -> Value {
    let text = json!({"type": "string"});
    let error = json!({
        "type": "object",
        "properties": {"code": text, "title": text, "detail": text},
        "required": ["code", "title", "detail"],
    });
    json!({
        "type": "object",
        "properties": {"errors": {"type": "array", "minItems": 1, "items": error}},
        "required": ["errors"],
    })
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn content(schema: &str) -> Value {
    json!({"application/json": {"schema": reference(schema)}})
}
