use super::*;

use std::sync::LazyLock;

use jsonwebtoken::{EncodingKey, Header};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::EncodePrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use wattle_migrations::entity::tenant::Model;

const NOW: i64 = 1_795_500_000;
const ARRANGEMENT: &str = "0190d3c4-7a3e-4c3f-8f5e-1f2e3d4c5b6a";

static EC_KEY: LazyLock<p256::SecretKey> = LazyLock::new(|| p256::SecretKey::from_slice(&[7; 32]).unwrap());
static OTHER_EC_KEY: LazyLock<p256::SecretKey> =
    LazyLock::new(|| p256::SecretKey::from_slice(&[8; 32]).unwrap());
static RSA_KEY: LazyLock<rsa::RsaPrivateKey> =
    LazyLock::new(|| rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap());

fn ec_jwk(key: &p256::SecretKey, id: Option<&str>) -> Value {
    let point = key.public_key().to_encoded_point(false);
    let text = |bytes: &p256::FieldBytes| URL_SAFE_NO_PAD.encode(bytes);
    let (x, y) = (text(point.x().unwrap()), text(point.y().unwrap()));
    json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": x, "y": y})
}

fn rsa_jwk() -> Value {
    let text = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    json!({"kty": "RSA", "alg": "PS256", "kid": "rsa", "n": text(RSA_KEY.n()), "e": text(RSA_KEY.e())})
}

fn tenant(mode: Mode, keys: Value) -> Tenant {
    let row = Model {
        login_role: None,
        secret_check: String::new(),
        tenant_id: "correa".into(),
        display_name: "Correa".into(),
        mode: mode.name().into(),
        issuer: "https://auth.correa.example".into(),
        audience: "https://cdr.correa.example".into(),
        jwks: json!({"keys": keys}).to_string(),
        public_base_url: "https://cdr.correa.example".into(),
        host: None,
        retention_days: 14,
        reconcile_every_hours: 0,
        service_status: None,
        outages: "[]".into(),
        created_at: DateTime::UNIX_EPOCH,
    };
    row.try_into().unwrap()
}

fn development() -> Tenant {
    tenant(Mode::Development, json!([ec_jwk(&EC_KEY, Some("ec")), rsa_jwk()]))
}

fn header(algorithm: Algorithm, key_id: Option<&str>) -> Header {
    let mut header = Header::new(algorithm);
    header.typ = Some("at+jwt".into());
    header.kid = key_id.map(str::to_owned);
    header
}

fn claims() -> Value {
    json!({
        "iss": "https://auth.correa.example",
        "aud": "https://cdr.correa.example",
        "sub": "someone",
        "client_id": "product-1",
        "scope": "openid energy:billing:read",
        "cdr_arrangement_id": ARRANGEMENT,
        "iat": NOW - 5,
        "exp": NOW + 300,
    })
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn sign_ec(key: &p256::SecretKey, header: &Header, claims: &Value) -> String {
    let der = key.to_pkcs8_der().unwrap();
    jsonwebtoken::encode(header, claims, &EncodingKey::from_ec_der(der.as_bytes())).unwrap()
}

fn signed(claims: &Value) -> String {
    sign_ec(&EC_KEY, &header(Algorithm::ES256, Some("ec")), claims)
}

const LOCAL: Origin = Origin { certificate: None, loopback: true };

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn why(token: &str) -> &'static str {
    verify(token, &development(), LOCAL, now()).map(|_| "good").unwrap_or_else(|why| why)
}

#[test]
fn a_good_token_says_who_calls() {
    let token = verify(&signed(&claims()), &development(), LOCAL, now()).unwrap();
    assert_eq!(token.software_product(), "product-1");
    assert_eq!(token.arrangement().to_string(), ARRANGEMENT);
    assert_eq!(token.issued_at().timestamp(), NOW - 5);
    assert!(token.has_scope("energy:billing:read") && !token.has_scope("energy:billing"));
}

#[test]
fn both_algorithms_of_the_profile_are_taken() {
    let der = RSA_KEY.to_pkcs1_der().unwrap();
    let key = EncodingKey::from_rsa_der(der.as_bytes());
    let rsa = |algorithm| jsonwebtoken::encode(&header(algorithm, Some("rsa")), &claims(), &key).unwrap();
    assert_eq!(why(&rsa(Algorithm::PS256)), "good");
    for algorithm in [Algorithm::RS256, Algorithm::PS384, Algorithm::PS512] {
        assert_eq!(why(&rsa(algorithm)), "an algorithm other than PS256 and ES256");
    }
}

#[test]
fn unsigned_and_symmetric_tokens_are_refused() {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "NONE"] {
        let head = part(&json!({"alg": algorithm, "typ": "at+jwt", "kid": "ec"}));
        assert_eq!(why(&format!("{head}.{}.", part(&claims()))), "no readable JWT header");
    }
    // The public key as an HMAC secret: the classic confusion.
    let public = EC_KEY.public_key().to_encoded_point(false);
    let secret = EncodingKey::from_secret(public.as_bytes());
    let token = jsonwebtoken::encode(&header(Algorithm::HS256, Some("ec")), &claims(), &secret).unwrap();
    assert_eq!(why(&token), "an algorithm other than PS256 and ES256");
}

#[test]
fn signatures_are_checked_with_the_key_of_the_id() {
    let other = sign_ec(&OTHER_EC_KEY, &header(Algorithm::ES256, Some("ec")), &claims());
    assert_eq!(why(&other), "a wrong signature");
    let unknown = sign_ec(&EC_KEY, &header(Algorithm::ES256, Some("new")), &claims());
    assert_eq!(why(&unknown), "no such signing key");
    // An RSA key is no key for ES256, whatever its id.
    let crossed = sign_ec(&EC_KEY, &header(Algorithm::ES256, Some("rsa")), &claims());
    assert_eq!(why(&crossed), "no such signing key");
    let token = signed(&claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let raised = URL_SAFE_NO_PAD.encode(changed("scope", json!("everything")).to_string());
    assert_eq!(why(&format!("{head}.{raised}.{signature}")), "a wrong signature");
}

#[test]
fn a_token_without_a_key_id_needs_the_choice_to_be_clear() {
    let token = sign_ec(&EC_KEY, &header(Algorithm::ES256, None), &claims());
    let outcome = |keys| verify(&token, &tenant(Mode::Development, keys), LOCAL, now()).map(|_| ());
    assert_eq!(outcome(json!([ec_jwk(&EC_KEY, None), rsa_jwk()])), Ok(()));
    let two = json!([ec_jwk(&EC_KEY, Some("ec")), ec_jwk(&OTHER_EC_KEY, Some("other"))]);
    assert_eq!(outcome(two), Err("no such signing key"));
    let mut encryption = ec_jwk(&OTHER_EC_KEY, None);
    encryption["use"] = json!("enc");
    assert_eq!(outcome(json!([ec_jwk(&EC_KEY, None), encryption])), Ok(()));
}

#[test]
fn only_access_tokens_are_taken() {
    let typed = |typ: Option<&str>| {
        let mut header = header(Algorithm::ES256, Some("ec"));
        header.typ = typ.map(str::to_owned);
        why(&sign_ec(&EC_KEY, &header, &claims()))
    };
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "JWT"] {
        assert_eq!(typed(Some(typ)), "good", "{typ}");
    }
    assert_eq!(typed(Some("id+jwt")), "not typed as an access token");
    assert_eq!(typed(None), "not typed as an access token");
    let mut critical = header(Algorithm::ES256, Some("ec"));
    critical.crit = Some(vec!["b64".into()]);
    assert_eq!(why(&sign_ec(&EC_KEY, &critical, &claims())), "a critical header that is not understood");
}

#[test]
fn claims_must_be_there_and_right() {
    for (name, value, expected) in [
        ("iss", json!("https://auth.banksia.example"), "another issuer"),
        ("aud", json!("https://cdr.banksia.example"), "for another audience"),
        ("aud", json!(["a", "https://cdr.correa.example"]), "good"),
        ("aud", json!([]), "for another audience"),
        ("client_id", json!(""), "for no software product"),
        ("exp", json!(NOW - 9), "good"),
        ("exp", json!(NOW - 10), "expired"),
        ("exp", json!(NOW as f64 + 0.5), "good"),
        ("exp", json!("soon"), "claims missing or of a wrong type"),
        ("iat", json!(NOW + 10), "good"),
        ("iat", json!(NOW + 11), "issued in the future"),
        ("nbf", json!(NOW + 10), "good"),
        ("nbf", json!(NOW + 11), "not good yet"),
        ("cdr_arrangement_id", json!("7"), "claims missing or of a wrong type"),
    ] {
        assert_eq!(why(&signed(&changed(name, value.clone()))), expected, "{name} {value}");
    }
    for name in ["iss", "aud", "client_id", "scope", "cdr_arrangement_id", "exp", "iat"] {
        assert_eq!(why(&signed(&changed(name, Value::Null))), "claims missing or of a wrong type", "{name}");
    }
}

#[test]
fn texts_that_are_no_tokens_are_refused() {
    for text in ["", "x", "a.b", "a.b.c", "a.b.c.d", "...", "🦘.🦘.🦘"] {
        assert!(verify(text, &development(), LOCAL, now()).is_err(), "{text}");
    }
}

#[test]
fn a_token_is_good_for_its_holder_only() {
    let thumbprint = CertificateThumbprint([3; 32]);
    let bound = changed("cnf", json!({"x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint.0)}));
    let keys = || json!([ec_jwk(&EC_KEY, Some("ec"))]);
    let outcome = |mode, claims: &Value, certificate, loopback| {
        let origin = Origin { certificate, loopback };
        verify(&signed(claims), &tenant(mode, keys()), origin, now()).map(|_| ())
    };
    let (presented, other) = (Some(thumbprint), Some(CertificateThumbprint([4; 32])));
    for mode in [Mode::Production, Mode::Development] {
        assert_eq!(outcome(mode, &bound, presented, false), Ok(()));
        assert_eq!(outcome(mode, &bound, other, true), Err("bound to another certificate"));
        let none = Err("bound to a certificate, and none was presented");
        assert_eq!(outcome(mode, &bound, None, true), none);
    }
    for certificate in [None, presented] {
        let refused = Err("not bound to a certificate");
        assert_eq!(outcome(Mode::Production, &claims(), certificate, true), refused);
        assert_eq!(outcome(Mode::Production, &changed("cnf", json!({})), certificate, true), refused);
    }
    assert_eq!(outcome(Mode::Development, &claims(), None, true), Ok(()));
    let far = Err("not bound to a certificate, and not from this machine");
    assert_eq!(outcome(Mode::Development, &claims(), None, false), far);
}
