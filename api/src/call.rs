//! An authorised call: what a query must be given before it may read anything.

use actix_web::http::Method;
use wattle_tenants::{Tenant, TenantSession, Tenants};

use crate::endpoints::{Access, BASE_PATH, Endpoint};
use crate::envelope::Address;
use crate::error::{ApiError, Cause, ErrorCode};
use crate::ids::{Kind, Recipient, ResourceId};
use crate::query::Query;
use crate::request;
use crate::token::AccessToken;

/// Which accounts a list is of.
pub(crate) enum Which {
    /// All of the consent that may be shared: the others are left out without a word.
    All,
    /// These, by their ids as sent: one that may not be shared fails the whole request.
    These(Vec<String>),
}

/// A call by the holder of a good token that has the endpoint's scope. There is no other way to make one than
/// [`Call::authorise`], and no query without one. What the arrangement and the holdings allow is for the statement to
/// say that reads the data.
pub(crate) struct Call<'a> {
    tenants: &'a Tenants,
    tenant: &'a Tenant,
    token: AccessToken,
    endpoint: &'static Endpoint,
    scope: &'static str,
    parameter: &'a str,
    /// The query parameters.
    pub(crate) query: Query<'a>,
    body: &'a [u8],
}

impl<'a> Call<'a> {
    /// Authorises a token for an endpoint. `parameter` is the one of the path.
    pub(crate) fn authorise(
        tenants: &'a Tenants,
        tenant: &'a Tenant,
        token: AccessToken,
        endpoint: &'static Endpoint,
        parameter: &'a str,
        query: Query<'a>,
        body: &'a [u8],
    ) -> Result<Self, ApiError> {
        let Access::Consumer(scope) = endpoint.access else {
            return Err(ApiError::unexpected(
                "an endpoint that is not for data recipients was served as one",
            ));
        };
        if !token.has_scope(scope) {
            return Err(ApiError::new(ErrorCode::InvalidConsent, format!("The scope {scope} is missing"))
                .because(Cause::Rule("the token lacks the scope")));
        }
        Ok(Self { tenants, tenant, token, endpoint, scope, parameter, query, body })
    }

    /// The token that the call was made with.
    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }

    /// The scope that the arrangement must have, too.
    pub(crate) fn scope(&self) -> &'static str {
        self.scope
    }

    /// A session of the tenant's own. It holds one of the tenant's few permits, so it is asked for last.
    pub(crate) async fn session(&self) -> Result<TenantSession, ApiError> {
        Ok(self.tenants.session(self.tenant).await?)
    }

    /// For whom ids are minted and opened.
    pub(crate) fn recipient(&self) -> Recipient<'_> {
        Recipient {
            secrets: self.tenants.secrets(),
            tenant: &self.tenant.id,
            software_product: self.token.software_product(),
        }
    }

    /// The account id of the path, as it was sent.
    pub(crate) fn account_id(&self) -> &'a str {
        self.parameter
    }

    /// What the account id of the path names. One that names nothing is no error yet: the statement runs all the
    /// same, so that it is answered like one that names an account outside the consent.
    pub(crate) fn account(&self) -> Option<ResourceId> {
        self.recipient().open(Kind::Account, self.parameter)
    }

    /// Which accounts a list is of: those that the body names, where the endpoint takes one.
    pub(crate) fn which(&self) -> Result<Which, ApiError> {
        match self.endpoint.method {
            Method::POST => Ok(Which::These(request::account_ids(self.body)?)),
            _ => Ok(Which::All),
        }
    }

    /// The address that the recipient knows this call by: the tenant's registered one, never the Host header's.
    pub(crate) fn address(&self) -> Address<'a> {
        // Only an id that was minted here gets as far as an answer with links, and such ids need no escaping.
        let path = self.endpoint.path.replace("{accountId}", self.parameter);
        Address { url: format!("{}{BASE_PATH}{path}", self.tenant.public_base_url), query: self.query }
    }
}
