//! The bodies of requests: which accounts are asked for.

use serde_json::{Map, Value};

use crate::error::{ApiError, ErrorCode};

/// What errors call the body as a whole.
const BODY: &str = "body";

/// The account ids of `RequestAccountIdListV1`, as they were sent.
pub(crate) fn account_ids(body: &[u8]) -> Result<Vec<String>, ApiError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| invalid(BODY))?;
    let body = body.as_object().ok_or_else(|| invalid(BODY))?;
    if body.get("meta").is_some_and(|meta| !meta.is_object() && !meta.is_null()) {
        return Err(invalid("meta"));
    }
    let data = member(body, "data", "data")?.as_object().ok_or_else(|| invalid("data"))?;
    const IDS: &str = "data.accountIds";
    let ids = member(data, "accountIds", IDS)?.as_array().ok_or_else(|| invalid(IDS))?;
    ids.iter().map(|id| id.as_str().map(str::to_owned).ok_or_else(|| invalid(IDS))).collect()
}

fn member<'a>(object: &'a Map<String, Value>, name: &str, path: &str) -> Result<&'a Value, ApiError> {
    match object.get(name) {
        None | Some(Value::Null) => Err(ApiError::new(ErrorCode::FieldMissing, path)),
        Some(value) => Ok(value),
    }
}

fn invalid(path: &str) -> ApiError {
    ApiError::new(ErrorCode::FieldInvalid, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_accounts_or_says_what_is_wrong_with_it() {
        let read = |body: &str| account_ids(body.as_bytes());
        assert_eq!(read(r#"{"data":{"accountIds":["a","b"]}}"#).unwrap(), ["a", "b"]);
        assert_eq!(read(r#"{"data":{"accountIds":[],"more":1},"meta":{}}"#).unwrap(), [""; 0]);
        for (body, code, detail) in [
            ("", "FieldInvalid", "body"),
            ("{", "FieldInvalid", "body"),
            ("[]", "FieldInvalid", "body"),
            ("{}", "FieldMissing", "data"),
            (r#"{"data":null}"#, "FieldMissing", "data"),
            (r#"{"data":[]}"#, "FieldInvalid", "data"),
            (r#"{"data":{}}"#, "FieldMissing", "data.accountIds"),
            (r#"{"data":{"accountIds":"a"}}"#, "FieldInvalid", "data.accountIds"),
            (r#"{"data":{"accountIds":["a",1]}}"#, "FieldInvalid", "data.accountIds"),
            (r#"{"data":{"accountIds":["a"]},"meta":1}"#, "FieldInvalid", "meta"),
        ] {
            let error = format!("{:?}", read(body).unwrap_err());
            assert!(error.contains(code) && error.contains(&format!("{detail:?}")), "{body}: {error}");
        }
    }
}
