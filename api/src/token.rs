//! Access tokens: JWTs of the tenant's own issuer, bound to the client's certificate.
//!
//! Every claim is checked here rather than by the JWT library, whose reader of times does not understand numbers as
//! serde_json reads them with exact precision, and silently skips what it cannot read. The library verifies the
//! signature, under an algorithm of the two that the profile allows.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Number;
use uuid::Uuid;
use wattle_tenants::{Mode, Tenant};

use crate::error::ApiError;
use crate::headers::single;

/// How far the issuer's clock and ours may differ, in seconds. Tokens live for two to ten minutes.
const LEEWAY_SECS: f64 = 10.0;

/// The SHA-256 thumbprint of the client certificate that a connection presented. Whatever accepts the connection puts
/// it into the connection's data, once it has verified the certificate; a connection without it presented none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateThumbprint(pub [u8; 32]);

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The certificate presented.
    pub(crate) certificate: Option<CertificateThumbprint>,
    /// Whether the other end of the connection is on this machine.
    pub(crate) loopback: bool,
}

/// A genuine token of the tenant's issuer that is good now, presented by its holder.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    software_product: String,
    arrangement: Uuid,
    issued_at: DateTime<Utc>,
    scope: String,
}

impl AccessToken {
    /// The software product that the token was issued to.
    pub(crate) fn software_product(&self) -> &str {
        &self.software_product
    }

    /// The arrangement that the token stands for.
    pub(crate) fn arrangement(&self) -> Uuid {
        self.arrangement
    }

    /// When the token was issued, in whole seconds.
    pub(crate) fn issued_at(&self) -> DateTime<Utc> {
        self.issued_at
    }

    /// Whether the token holds a scope.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|held| held == scope)
    }
}

/// The claims that are looked at.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    client_id: String,
    scope: String,
    cdr_arrangement_id: Uuid,
    exp: Number,
    iat: Number,
    nbf: Option<Number>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn includes(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// What the holder of the token must prove to have.
#[derive(Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    certificate: Option<String>,
}

/// Finds the bearer token of a request and verifies it for a tenant.
pub(crate) fn authenticate(
    headers: &HeaderMap,
    tenant: &Tenant,
    origin: Origin,
    now: DateTime<Utc>,
) -> Result<AccessToken, ApiError> {
    let sent =
        single(headers, AUTHORIZATION).map_err(|_| ApiError::bad_token("more than one Authorization"))?;
    let (scheme, token) = sent.and_then(|text| text.split_once(' ')).ok_or_else(ApiError::no_token)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::no_token());
    }
    verify(token.trim(), tenant, origin, now).map_err(ApiError::bad_token)
}

/// Verifies a token; says in our words, for the log, what is wrong with it.
fn verify(
    token: &str,
    tenant: &Tenant,
    origin: Origin,
    now: DateTime<Utc>,
) -> Result<AccessToken, &'static str> {
    let claims = signed_claims(token, &tenant.jwks)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| "claims missing or of a wrong type")?;
    if claims.iss != tenant.issuer {
        return Err("another issuer");
    }
    if !claims.aud.includes(&tenant.audience) {
        return Err("for another audience");
    }
    let now = now.timestamp_micros() as f64 / 1e6;
    let time = |claim: &Number| claim.as_f64().filter(|time| time.is_finite()).ok_or("a time that is none");
    let issued_at = time(&claims.iat)?;
    if time(&claims.exp)? <= now - LEEWAY_SECS {
        return Err("expired");
    }
    if issued_at > now + LEEWAY_SECS {
        return Err("issued in the future");
    }
    if let Some(not_before) = &claims.nbf
        && time(not_before)? > now + LEEWAY_SECS
    {
        return Err("not good yet");
    }
    if claims.client_id.is_empty() {
        return Err("for no software product");
    }
    held_by_its_holder(&claims, tenant.mode, origin)?;
    Ok(AccessToken {
        software_product: claims.client_id,
        arrangement: claims.cdr_arrangement_id,
        issued_at: DateTime::from_timestamp(issued_at.floor() as i64, 0)
            .ok_or("issued at a time that is none")?,
        scope: claims.scope,
    })
}

/// A token is good only with the certificate that it is bound to. Tokens that are bound to none are for development,
/// on the same machine.
fn held_by_its_holder(claims: &Claims, mode: Mode, origin: Origin) -> Result<(), &'static str> {
    let bound_to = claims.cnf.as_ref().and_then(|cnf| cnf.certificate.as_deref());
    match (bound_to, mode) {
        (Some(thumbprint), _) => {
            let presented = origin.certificate.ok_or("bound to a certificate, and none was presented")?;
            if thumbprint == URL_SAFE_NO_PAD.encode(presented.0) {
                Ok(())
            } else {
                Err("bound to another certificate")
            }
        }
        (None, Mode::Production) => Err("not bound to a certificate"),
        (None, Mode::Development) if origin.loopback => Ok(()),
        (None, Mode::Development) => Err("not bound to a certificate, and not from this machine"),
    }
}

/// The claims of a token, if a key of the set signed them.
fn signed_claims(token: &str, keys: &JwkSet) -> Result<Vec<u8>, &'static str> {
    let (message, signature) = token.rsplit_once('.').ok_or("not a JWT")?;
    let (_, claims) = message.split_once('.').ok_or("not a JWT")?;
    let header = jsonwebtoken::decode_header(token).map_err(|_| "no readable JWT header")?;
    if !matches!(header.alg, Algorithm::PS256 | Algorithm::ES256) {
        return Err("an algorithm other than PS256 and ES256");
    }
    // RFC 9068 names the first; the second is what most servers still write.
    let of_type = |wanted: &str| header.typ.as_ref().is_some_and(|typ| typ.eq_ignore_ascii_case(wanted));
    if !["at+jwt", "application/at+jwt", "JWT"].into_iter().any(of_type) {
        return Err("not typed as an access token");
    }
    if header.crit.is_some() {
        return Err("a critical header that is not understood");
    }
    let key = signing_key(keys, header.alg, header.kid.as_deref()).ok_or("no such signing key")?;
    let key = DecodingKey::from_jwk(key).map_err(|_| "a signing key that cannot be used")?;
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, header.alg) {
        Ok(true) => URL_SAFE_NO_PAD.decode(claims).map_err(|_| "claims that are not base64"),
        Ok(false) | Err(_) => Err("a wrong signature"),
    }
}

/// The key of that id that fits the algorithm. A token without a key id is good only where no choice is left.
fn signing_key<'a>(keys: &'a JwkSet, algorithm: Algorithm, key_id: Option<&str>) -> Option<&'a Jwk> {
    let named = |key: &&Jwk| key_id.is_none() || key.common.key_id.as_deref() == key_id;
    let mut fitting = keys.keys.iter().filter(|key| signs_with(key, algorithm)).filter(named);
    let first = fitting.next()?;
    if fitting.next().is_some() { None } else { Some(first) }
}

fn signs_with(key: &Jwk, algorithm: Algorithm) -> bool {
    let (type_fits, named) = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::PS256) => (true, KeyAlgorithm::PS256),
        (AlgorithmParameters::EllipticCurve(parameters), Algorithm::ES256) => {
            (parameters.curve == EllipticCurve::P256, KeyAlgorithm::ES256)
        }
        _ => return false,
    };
    let algorithm_fits = key.common.key_algorithm.is_none_or(|for_algorithm| for_algorithm == named);
    let for_signing = key
        .common
        .public_key_use
        .as_ref()
        .is_none_or(|public_key_use| *public_key_use == PublicKeyUse::Signature);
    type_fits && algorithm_fits && for_signing
}

#[cfg(test)]
mod tests;
