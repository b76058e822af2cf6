//! Query templates: SQL with two placeholders.

/// The relation of the keys asked for.
const KEYS: &str = "{keys}";
/// The time of the snapshot.
const NOW: &str = "{now}";

/// The text of a fetch file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
}

impl Template {
    /// Takes a fetch file's text. An error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches(';').to_owned();
        if !text.contains(KEYS) {
            return Err(
                "has no {keys} placeholder: read from `{keys} k` and join it by the root's key".into()
            );
        }
        let mut rest = text.as_str();
        while let Some(at) = rest.find('{') {
            let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
            let placeholder = &rest[at..end];
            let name = &placeholder[1..placeholder.len().max(2) - 1];
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if is_name && placeholder != KEYS && placeholder != NOW {
                return Err(format!("has an unknown placeholder {placeholder}: there are {KEYS} and {NOW}"));
            }
            rest = &rest[at + 1..];
        }
        Ok(Self { text })
    }

    /// The query, with the engine's own expressions in place of the placeholders.
    pub fn expand(&self, keys: &str, now: &str) -> String {
        self.text.replace(KEYS, keys).replace(NOW, now)
    }

    /// Is there a column of this alias? Only as far as the text shows it.
    pub(crate) fn names(&self, alias: &str) -> bool {
        self.text.contains(alias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_or_refused() {
        let template =
            Template::parse("select 1 from {keys} k where '{\"a\":1}' <> '' and t < {now};\n").unwrap();
        assert_eq!(template.expand("(x)", "$2"), "select 1 from (x) k where '{\"a\":1}' <> '' and t < $2");
        assert!(Template::parse("select 1").unwrap_err().contains("{keys}"));
        assert!(Template::parse("select {today} from {keys}").unwrap_err().contains("{today}"));
    }
}
