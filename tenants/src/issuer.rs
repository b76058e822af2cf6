//! The development issuer: stands in for the authorisation server of development tenants, and of no others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;
use wattle_core::TenantId;

use crate::Secrets;

/// What an access token says beyond what every token says.
#[derive(Debug, Clone, Serialize)]
pub struct Claims {
    /// `iss`.
    pub iss: String,
    /// `aud`.
    pub aud: String,
    /// The pairwise subject.
    pub sub: String,
    /// The software product.
    pub client_id: String,
    /// Scopes, separated by blanks.
    pub scope: String,
    /// The arrangement.
    pub cdr_arrangement_id: Uuid,
}

/// Signs access tokens of one development tenant with a key derived from the master secret (ES256).
pub struct DevelopmentIssuer {
    key: p256::SecretKey,
    key_id: String,
}

impl DevelopmentIssuer {
    /// The issuer of a tenant.
    pub fn new(secrets: &Secrets, tenant: &TenantId) -> Self {
        // A random 32-byte string is a valid scalar but for one in 2^32; the counter makes it certain.
        let key = (0u32..)
            .find_map(|attempt| {
                let bytes = secrets.derive(&["development-issuer", tenant.as_str(), &attempt.to_string()]);
                p256::SecretKey::from_slice(&bytes).ok()
            })
            .expect("a valid scalar is found before the counter ends");
        Self { key, key_id: format!("{tenant}-development") }
    }

    /// The key set that verifies its tokens.
    pub fn jwks(&self) -> JwkSet {
        use p256::elliptic_curve::sec1::ToEncodedPoint;
        let point = self.key.public_key().to_encoded_point(false);
        let coordinate =
            |bytes: Option<&_>| URL_SAFE_NO_PAD.encode::<&[u8]>(bytes.map_or(&[], |b: &p256::FieldBytes| b));
        let set = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id,
            "x": coordinate(point.x()), "y": coordinate(point.y()),
        }]});
        serde_json::from_value(set).expect("it is written as a key set")
    }

    /// An access token that is good for `ttl_secs` from now.
    pub fn mint(&self, claims: &Claims, ttl_secs: i64) -> Result<String, jsonwebtoken::errors::Error> {
        let now = chrono::Utc::now().timestamp();
        let mut all = serde_json::to_value(claims).expect("claims are plain data");
        all["iat"] = now.into();
        all["exp"] = (now + ttl_secs).into();
        all["jti"] = Uuid::new_v4().to_string().into();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.key_id.clone());
        let der = self.key.to_pkcs8_der().expect("a P-256 key has a PKCS#8 form");
        jsonwebtoken::encode(&header, &all, &EncodingKey::from_ec_der(der.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};

    #[test]
    fn its_key_set_verifies_its_tokens_and_no_other_tenants() {
        let secrets = Secrets::new(&[7; 32]).unwrap();
        let issuer = |name| DevelopmentIssuer::new(&secrets, &TenantId::parse(name).unwrap());
        let claims = Claims {
            iss: "i".into(),
            aud: "a".into(),
            sub: "s".into(),
            client_id: "c".into(),
            scope: "x".into(),
            cdr_arrangement_id: Uuid::nil(),
        };
        let token = issuer("correa").mint(&claims, 60).unwrap();
        let verify = |set: JwkSet| {
            let mut rules = Validation::new(Algorithm::ES256);
            rules.set_audience(&["a"]);
            let key = DecodingKey::from_jwk(&set.keys[0]).unwrap();
            jsonwebtoken::decode::<serde_json::Value>(&token, &key, &rules)
        };
        assert!(verify(issuer("correa").jwks()).is_ok());
        assert!(verify(issuer("banksia").jwks()).is_err());
    }
}
