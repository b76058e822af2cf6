//! What is said when a request cannot be served: to the client a code of the standard, to the operator the cause.
//!
//! The two never meet: [`ApiError`] has no `Display`, so the cause cannot be formatted into an answer by accident.

use std::error::Error;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, WWW_AUTHENTICATE};
use sea_orm::DbErr;
use serde::Serialize;
use wattle_core::ErrorClass;
use wattle_tenants::{TenantError, database_error_class};

/// An error code of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's own")]
pub enum ErrorCode {
    GeneralExpected,
    GeneralUnexpected,
    ServiceUnavailable,
    FieldMissing,
    FieldInvalid,
    FieldInvalidDateTime,
    FieldInvalidPageSize,
    FieldInvalidPage,
    HeaderMissing,
    HeaderInvalid,
    HeaderInvalidVersion,
    HeaderUnsupportedVersion,
    AdrStatusNotActive,
    RevokedConsent,
    InvalidConsent,
    InvalidArrangement,
    ResourceNotImplemented,
    ResourceNotFound,
    ResourceInvalid,
    ResourceUnavailable,
    InvalidEnergyAccount,
    UnavailableEnergyAccount,
    InvalidServicePoint,
    UnavailableServicePoint,
}

impl ErrorCode {
    /// The standard's list: what follows `urn:au-cds:error:`, the title, and the status. A resource named in a body
    /// has the same code with status 422.
    #[rustfmt::skip] // a table is read by its columns
    fn row(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::GeneralExpected => ("cds-all:GeneralError/Expected", "Expected Error Encountered", 400),
            Self::GeneralUnexpected => ("cds-all:GeneralError/Unexpected", "Unexpected Error Encountered", 500),
            Self::ServiceUnavailable => ("cds-all:Service/Unavailable", "Service Unavailable", 503),
            Self::FieldMissing => ("cds-all:Field/Missing", "Missing Required Field", 400),
            Self::FieldInvalid => ("cds-all:Field/Invalid", "Invalid Field", 400),
            Self::FieldInvalidDateTime => ("cds-all:Field/InvalidDateTime", "Invalid Date", 400),
            Self::FieldInvalidPageSize => ("cds-all:Field/InvalidPageSize", "Invalid Page Size", 400),
            Self::FieldInvalidPage => ("cds-all:Field/InvalidPage", "Invalid Page", 422),
            Self::HeaderMissing => ("cds-all:Header/Missing", "Missing Required Header", 400),
            Self::HeaderInvalid => ("cds-all:Header/Invalid", "Invalid Header", 400),
            Self::HeaderInvalidVersion => ("cds-all:Header/InvalidVersion", "Invalid Version", 400),
            Self::HeaderUnsupportedVersion => ("cds-all:Header/UnsupportedVersion", "Unsupported Version", 406),
            Self::AdrStatusNotActive => ("cds-all:Authorisation/AdrStatusNotActive", "ADR Status Is Not Active", 403),
            Self::RevokedConsent => ("cds-all:Authorisation/RevokedConsent", "Consent Is Revoked", 403),
            Self::InvalidConsent => ("cds-all:Authorisation/InvalidConsent", "Consent Is Invalid", 403),
            Self::InvalidArrangement => ("cds-all:Authorisation/InvalidArrangement", "Invalid Consent Arrangement", 422),
            Self::ResourceNotImplemented => ("cds-all:Resource/NotImplemented", "Resource Not Implemented", 404),
            Self::ResourceNotFound => ("cds-all:Resource/NotFound", "Resource Not Found", 404),
            Self::ResourceInvalid => ("cds-all:Resource/Invalid", "Invalid Resource", 404),
            Self::ResourceUnavailable => ("cds-all:Resource/Unavailable", "Unavailable Resource", 404),
            Self::InvalidEnergyAccount => ("cds-energy:Authorisation/InvalidEnergyAccount", "Invalid Energy Account", 404),
            Self::UnavailableEnergyAccount => ("cds-energy:Authorisation/UnavailableEnergyAccount", "Unavailable Energy Account", 404),
            Self::InvalidServicePoint => ("cds-energy:Authorisation/InvalidServicePoint", "Invalid Service Point", 404),
            Self::UnavailableServicePoint => ("cds-energy:Authorisation/UnavailableServicePoint", "Unavailable Service Point", 404),
        }
    }

    /// The code as it is sent.
    pub fn urn(self) -> String {
        format!("urn:au-cds:error:{}", self.row().0)
    }

    /// The title that belongs to the code.
    pub fn title(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status that belongs to the code.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().2).expect("the table holds statuses of HTTP")
    }
}

/// A request that cannot be served: what the client is told, and apart from it why.
#[derive(Debug)]
pub(crate) struct ApiError {
    answer: Answer,
    cause: Option<Cause>,
}

/// What the client is told.
#[derive(Debug)]
enum Answer {
    /// Codes of the standard with their details, and the status that goes with them here.
    Codes { status: StatusCode, errors: Vec<(ErrorCode, String)> },
    /// 401, which the standard leaves to the bearer token scheme: without a body.
    Challenge(&'static str),
    /// 405, with the methods that the path has.
    MethodNotAllowed(String),
}

/// What the operator is told. It has no `Display`: it may name hosts, roles and statements.
#[derive(Debug)]
pub(crate) enum Cause {
    /// A rule of ours that was not met.
    Rule(&'static str),
    /// An error from below.
    Failure(Box<dyn Error + Send + Sync>),
}

impl Cause {
    /// The whole chain of causes, for the log.
    pub(crate) fn for_log(&self) -> String {
        match self {
            Self::Rule(rule) => (*rule).to_owned(),
            Self::Failure(error) => wattle_core::explain(error.as_ref()),
        }
    }
}

impl ApiError {
    /// A code of the standard with its own status. The detail is for the client: a parameter's or header's name, a
    /// resource id, a number of pages.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::with_status(code.status(), vec![(code, detail.into())])
    }

    /// Resources that the body of a request names, and what is wrong with each.
    pub(crate) fn of_body(errors: Vec<(ErrorCode, String)>) -> Self {
        Self::with_status(StatusCode::UNPROCESSABLE_ENTITY, errors)
    }

    fn with_status(status: StatusCode, errors: Vec<(ErrorCode, String)>) -> Self {
        Self { answer: Answer::Codes { status, errors }, cause: None }
    }

    /// The fallback code, with a status that no code of the standard has.
    pub(crate) fn expected(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::with_status(status, vec![(ErrorCode::GeneralExpected, detail.into())])
    }

    /// No token was sent.
    pub(crate) fn no_token() -> Self {
        Self { answer: Answer::Challenge("Bearer"), cause: Some(Cause::Rule("no bearer token")) }
    }

    /// A token that is not good, and why; the client is only told that it is not.
    pub(crate) fn bad_token(why: &'static str) -> Self {
        Self { answer: Answer::Challenge(r#"Bearer error="invalid_token""#), cause: Some(Cause::Rule(why)) }
    }

    /// A method that the path does not have.
    pub(crate) fn method_not_allowed(allowed: String) -> Self {
        Self { answer: Answer::MethodNotAllowed(allowed), cause: None }
    }

    /// Something is broken on our side.
    pub(crate) fn unexpected(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::GeneralUnexpected, "").because(Cause::Failure(error.into()))
    }

    /// We cannot serve for now.
    pub(crate) fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::ServiceUnavailable, "").because(Cause::Failure(error.into()))
    }

    /// Adds the cause, for the log.
    pub(crate) fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Why, for the log.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// The first code that the client is told, for tests.
    #[cfg(test)]
    pub(crate) fn first_code(&self) -> ErrorCode {
        match &self.answer {
            Answer::Codes { errors, .. } => errors[0].0,
            other => panic!("no code: {other:?}"),
        }
    }

    fn of_class(class: ErrorClass, error: Box<dyn Error + Send + Sync>) -> Self {
        match class {
            ErrorClass::Transient => Self::unavailable(error),
            ErrorClass::Record | ErrorClass::Config | ErrorClass::Bug => Self::unexpected(error),
        }
    }

    /// The answer for the client.
    pub(crate) fn response(&self) -> HttpResponse {
        match &self.answer {
            Answer::Challenge(challenge) => {
                HttpResponse::Unauthorized().insert_header((WWW_AUTHENTICATE, *challenge)).finish()
            }
            Answer::MethodNotAllowed(allowed) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                let body = ErrorList { errors: vec![ErrorBody::new(ErrorCode::GeneralExpected, "")] };
                HttpResponse::build(status).insert_header((ALLOW, allowed.as_str())).json(body)
            }
            Answer::Codes { status, errors } => {
                let errors = errors.iter().map(|(code, detail)| ErrorBody::new(*code, detail)).collect();
                HttpResponse::build(*status).json(ErrorList { errors })
            }
        }
    }
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        Self::of_class(database_error_class(&error), error.into())
    }
}

impl From<TenantError> for ApiError {
    fn from(error: TenantError) -> Self {
        Self::of_class(error.class(), error.into())
    }
}

/// `ResponseErrorListV2`.
#[derive(Serialize)]
struct ErrorList<'a> {
    errors: Vec<ErrorBody<'a>>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: String,
    title: &'static str,
    detail: &'a str,
}

impl<'a> ErrorBody<'a> {
    fn new(code: ErrorCode, detail: &'a str) -> Self {
        Self { code: code.urn(), title: code.title(), detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use serde_json::json;

    async fn body(response: HttpResponse) -> serde_json::Value {
        serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
    }

    #[actix_web::test]
    async fn a_client_sees_the_code_and_never_the_cause() {
        let secret = std::io::Error::other("password for role x at 10.0.0.1 refused");
        let error = ApiError::unexpected(secret);
        assert!(error.cause().unwrap().for_log().contains("10.0.0.1"));
        let response = error.response();
        assert_eq!(response.status(), 500);
        let expected = json!({"errors": [{
            "code": "urn:au-cds:error:cds-all:GeneralError/Unexpected",
            "title": "Unexpected Error Encountered",
            "detail": ""
        }]});
        assert_eq!(body(response).await, expected);
    }

    #[actix_web::test]
    async fn a_refused_token_gets_a_challenge_and_no_body() {
        let response = ApiError::bad_token("expired").response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers().get(WWW_AUTHENTICATE).unwrap(), r#"Bearer error="invalid_token""#);
        assert!(to_bytes(response.into_body()).await.unwrap().is_empty());
    }

    #[test]
    fn codes_titles_and_statuses_are_the_standards() {
        for (code, urn, status) in [
            (ErrorCode::FieldInvalidPage, "urn:au-cds:error:cds-all:Field/InvalidPage", 422),
            (ErrorCode::FieldInvalidPageSize, "urn:au-cds:error:cds-all:Field/InvalidPageSize", 400),
            (ErrorCode::HeaderUnsupportedVersion, "urn:au-cds:error:cds-all:Header/UnsupportedVersion", 406),
            (ErrorCode::ResourceNotImplemented, "urn:au-cds:error:cds-all:Resource/NotImplemented", 404),
            (
                ErrorCode::UnavailableEnergyAccount,
                "urn:au-cds:error:cds-energy:Authorisation/UnavailableEnergyAccount",
                404,
            ),
        ] {
            assert_eq!((code.urn().as_str(), code.status().as_u16()), (urn, status));
        }
    }
}
