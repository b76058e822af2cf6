//! What a query's text says: which names it reads, and which clocks it asks.

use std::collections::BTreeSet;

/// Functions that depend on when they are asked, or on chance.
const CLOCKS: [&str; 9] = [
    "current_timestamp",
    "getdate",
    "getutcdate",
    "newid",
    "newsequentialid",
    "rand",
    "sysdatetime",
    "sysdatetimeoffset",
    "sysutcdatetime",
];

/// A piece of T-SQL that means something here.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// In brackets or double quotes.
    Quoted(String),
    Symbol(char),
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' => closed(rest, '\''),
            '[' | '"' => {
                let end = if c == '[' { ']' } else { '"' };
                let length = closed(rest, end);
                let inside = &rest[1..length.max(2) - 1];
                found.push(Token::Quoted(inside.replace(&format!("{end}{end}"), &end.to_string())));
                length
            }
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$') => {
                let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$');
                let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                found.push(Token::Word(&rest[..end]));
                end
            }
            c => {
                if !c.is_whitespace() {
                    found.push(Token::Symbol(c));
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    found
}

/// The bytes up to and with the end of what is quoted; the end twice stands for itself.
fn closed(rest: &str, end: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == end && chars.next_if(|(_, next)| *next == end).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// Names of a table, a view, or whatever else has them: the schema, if one is given, and the name. Columns of what is named
/// by an alias are among them.
pub(super) fn names(sql: &str) -> BTreeSet<(Option<String>, String)> {
    let mut found = BTreeSet::new();
    let mut parts: Vec<String> = Vec::new();
    let mut dotted = false;
    let mut end = |parts: &mut Vec<String>| {
        if let Some(name) = parts.pop() {
            found.insert((parts.pop(), name));
        }
        parts.clear();
    };
    for token in tokens(sql) {
        let part = match token {
            Token::Symbol('.') => {
                dotted = true;
                continue;
            }
            Token::Symbol(_) => None,
            Token::Word(word) => Some(word.to_owned()),
            Token::Quoted(name) => Some(name),
        };
        if !std::mem::take(&mut dotted) {
            end(&mut parts);
        }
        parts.extend(part);
    }
    end(&mut parts);
    found
}

/// The clocks that a query asks: functions outside of quoted names, texts and comments.
pub(super) fn clocks(sql: &str) -> Vec<&'static str> {
    let tokens = tokens(sql);
    let mut found = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        // A column of that name comes after a dot.
        let is_column = at > 0 && tokens[at - 1] == Token::Symbol('.');
        let is_called = tokens.get(at + 1) == Some(&Token::Symbol('('));
        let clock = CLOCKS.into_iter().find(|clock| clock.eq_ignore_ascii_case(word));
        found.extend(clock.filter(|clock| !is_column && (is_called || *clock == "current_timestamp")));
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_found_where_they_are_called() {
        let sql = "select GetDate(), x.rand, 'newid()', [sysdatetime] -- getutcdate()\n, current_timestamp";
        assert_eq!(clocks(sql), ["current_timestamp", "getdate"]);
        assert!(
            clocks("select a /* rand() */ from t where x > dateadd(day, 1, cast(@P2 as date))").is_empty()
        );
    }

    #[test]
    fn names_have_one_part_or_two() {
        let found =
            names("select b.[total] from [bill].[Odd]]Name] b join cust.Account a on 1 = 1, Plain -- x.y\n");
        for (schema, name) in
            [(Some("bill"), "Odd]Name"), (Some("cust"), "Account"), (Some("b"), "total"), (None, "Plain")]
        {
            assert!(found.contains(&(schema.map(str::to_owned), name.to_owned())), "{name}");
        }
        assert!(!found.contains(&(Some("x".into()), "y".into())));
        assert!(names("select N'cust.Hidden'").iter().all(|(schema, _)| schema.is_none()));
        let of_database = names("select 1 from billing.cust.Account");
        assert!(of_database.contains(&(Some("cust".into()), "Account".into())));
    }
}
