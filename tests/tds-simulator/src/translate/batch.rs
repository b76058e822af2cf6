//! A batch, cut into steps.

use sqlparser::ast;
use sqlparser::dialect::MsSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use super::{Statement, StatementKind, Step, admin, control, ddl, dml, rewrite};
use crate::error::SqlError;

/// What a translation has to know of the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The session's database, which names may begin with.
    pub(crate) database: &'a str,
}

/// The batch being read.
pub(super) struct Batch<'a> {
    pub(super) parser: Parser<'static>,
    pub(super) context: Context<'a>,
}

/// Cuts a batch into steps.
pub(crate) fn steps(text: &str, context: Context<'_>) -> Result<Vec<Step>, SqlError> {
    static DIALECT: MsSqlDialect = MsSqlDialect {};
    let tokens = Tokenizer::new(&DIALECT, text).tokenize_with_location();
    let tokens = prepared(tokens.map_err(|failure| syntax(&failure.to_string()))?)?;
    let mut batch = Batch { parser: Parser::new(&DIALECT).with_tokens_with_locations(tokens), context };
    let mut steps = Vec::new();
    while !batch.at_end() {
        batch.statement(&mut steps)?;
    }
    Ok(steps)
}

pub(super) fn syntax(what: &str) -> SqlError {
    SqlError::new(102, format!("Incorrect syntax: {what}"))
}

impl From<ParserError> for SqlError {
    fn from(failure: ParserError) -> SqlError {
        syntax(&failure.to_string())
    }
}

impl Batch<'_> {
    /// Whether nothing but semicolons is left.
    pub(super) fn at_end(&mut self) -> bool {
        while self.parser.consume_token(&Token::SemiColon) {}
        self.parser.peek_token_ref().token == Token::EOF
    }

    /// The unquoted word that stands `ahead` tokens further, in lower case.
    pub(super) fn word(&self, ahead: usize) -> String {
        match &self.parser.peek_nth_token_ref(ahead).token {
            Token::Word(Word { value, quote_style: None, .. }) => value.to_lowercase(),
            _ => String::new(),
        }
    }

    /// Takes words if they come next.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate().all(|(ahead, word)| self.word(ahead) == *word);
        if all {
            words.iter().for_each(|_| self.parser.advance_token());
        }
        all
    }

    pub(super) fn expect(&mut self, words: &[&str]) -> Result<(), SqlError> {
        if self.take(words) {
            return Ok(());
        }
        Err(syntax(&format!("{} was expected near {}", words.join(" "), self.parser.peek_token_ref().token)))
    }

    /// Takes a name: `[x]`, `x`.
    pub(super) fn name(&mut self) -> Result<String, SqlError> {
        Ok(self.parser.parse_identifier()?.value)
    }

    /// The rest of the statement is not known: says which one.
    pub(super) fn unknown(&mut self) -> SqlError {
        let mut rest = String::new();
        while !matches!(self.parser.peek_token_ref().token, Token::EOF | Token::SemiColon) && rest.len() < 300
        {
            rest.push_str(&self.parser.next_token().token.to_string());
            rest.push(' ');
        }
        SqlError::not_simulated(rest.trim_end())
    }

    /// One statement, or one block.
    pub(super) fn statement(&mut self, steps: &mut Vec<Step>) -> Result<(), SqlError> {
        while self.parser.consume_token(&Token::SemiColon) {}
        if control::read(self, steps)? || admin::read(self, steps)? {
            return Ok(());
        }
        let before = self.parser.index();
        let statement = self.parser.parse_statement().map_err(|failure| self.refused(before, &failure))?;
        steps.extend(self.translated(statement)?);
        Ok(())
    }

    /// A statement that the parser gave up on: known by its first word, it is a mistake; otherwise it is unknown.
    fn refused(&mut self, before: usize, failure: &ParserError) -> SqlError {
        while self.parser.index() > before {
            self.parser.prev_token();
        }
        let known = ["select", "insert", "update", "delete", "with"];
        if known.contains(&self.word(0).as_str()) { syntax(&failure.to_string()) } else { self.unknown() }
    }

    fn translated(&self, statement: ast::Statement) -> Result<Vec<Step>, SqlError> {
        let context = self.context;
        Ok(match statement {
            ast::Statement::Query(query) => vec![Step::Run(query_statement(*query, context)?)],
            ast::Statement::Insert(insert) => vec![Step::Run(dml::insert(insert, context)?)],
            ast::Statement::Update(update) => vec![Step::Run(dml::update(update, context)?)],
            ast::Statement::Delete(delete) => vec![Step::Run(dml::delete(delete, context)?)],
            ast::Statement::CreateTable(table) => ddl::create_table(table, context)?,
            ast::Statement::AlterTable(table) => ddl::alter_table(table, context)?,
            ast::Statement::Truncate(_)
            | ast::Statement::CreateView(_)
            | ast::Statement::CreateIndex(_)
            | ast::Statement::CreateSchema { .. }
            | ast::Statement::Drop { .. } => ddl::other(statement, context)?,
            other => return Err(SqlError::not_simulated(other)),
        })
    }
}

/// A query, with the names of its columns.
pub(super) fn query_statement(mut query: ast::Query, context: Context<'_>) -> Result<Statement, SqlError> {
    let names = rewrite::names(&query.body);
    let variables = rewrite::rewrite(&mut query, context)?;
    Ok(Statement { sql: query.to_string(), variables, names, kind: StatementKind::Query })
}

/// An expression as a query of one value.
pub(super) fn expression(mut expression: ast::Expr, context: Context<'_>) -> Result<Statement, SqlError> {
    let variables = rewrite::rewrite(&mut expression, context)?;
    Ok(Statement { sql: format!("select {expression}"), variables, names: None, kind: StatementKind::Query })
}

/// Takes out what the parser does not know and what makes no difference: comments, `clustered`, query hints; and turns
/// `CHANGETABLE(CHANGES t, v)` into the call of the function that answers it.
fn prepared(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut prepared = Vec::with_capacity(tokens.len());
    let mut tokens =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).peekable();
    while let Some(token) = tokens.next() {
        let opens = tokens.peek().is_some_and(|next| next.token == Token::LParen);
        match &token.token {
            Token::Word(word) if is(word, "clustered") || is(word, "nonclustered") => {}
            Token::Word(word) if is(word, "option") && opens => skip_parentheses(&mut tokens),
            Token::Word(word) if is(word, "delete") && begins_statement(prepared.last()) => {
                prepared.push(token);
                delete_target(&mut tokens, &mut prepared);
            }
            // A collation goes into the path of its column, as the parser has no place for it.
            Token::Word(word) if is(word, "with") && opens && json_follows(&prepared) => {
                prepared.push(token);
                json_columns(&mut tokens, &mut prepared);
            }
            Token::Word(word) if is(word, "changetable") && opens => {
                tokens.next();
                changes(&mut tokens, &mut prepared)?;
            }
            _ => prepared.push(token),
        }
    }
    Ok(prepared)
}

/// Whether DELETE after this token is the statement, not a permission or the action of a foreign key.
fn begins_statement(before: Option<&TokenWithSpan>) -> bool {
    match before.map(|token| &token.token) {
        Some(Token::Word(word)) => {
            !["on", "grant", "revoke", "deny", "then"].iter().any(|other| is(word, other))
        }
        Some(Token::Comma) => false,
        _ => true,
    }
}

/// `delete t where …` as `delete from t where …`; `delete t from …` stays.
fn delete_target(
    tokens: &mut std::iter::Peekable<impl Iterator<Item = TokenWithSpan>>,
    to: &mut Vec<TokenWithSpan>,
) {
    const NEXT: &[&str] = &["from", "where", "output", "top"];
    let start = to.len();
    let ends = |token: &Token| match token {
        Token::Word(word) => NEXT.iter().any(|next| is(word, next)),
        Token::Period => false,
        _ => true,
    };
    while let Some(token) = tokens.next_if(|token| !ends(&token.token)) {
        to.push(token);
    }
    let has_from =
        tokens.peek().is_some_and(|next| matches!(&next.token, Token::Word(word) if is(word, "from")));
    if to.len() > start && !has_from {
        to.insert(start, TokenWithSpan::wrap(Token::make_keyword("FROM")));
    }
}

/// Whether what has been read ends with a call of OPENJSON.
fn json_follows(read: &[TokenWithSpan]) -> bool {
    let mut depth = 0;
    for (place, token) in read.iter().enumerate().rev() {
        match token.token {
            Token::RParen => depth += 1,
            Token::LParen => depth -= 1,
            _ => {}
        }
        if depth <= 0 {
            let name = place.checked_sub(1).and_then(|before| read.get(before));
            return name.is_some_and(|name| matches!(&name.token, Token::Word(word) if is(word, "openjson")));
        }
    }
    false
}

/// The columns of OPENJSON up to their closing parenthesis; `c nvarchar(5) collate X '$.c'` as `c nvarchar(5) 'X:$.c'`.
fn json_columns(tokens: &mut impl Iterator<Item = TokenWithSpan>, to: &mut Vec<TokenWithSpan>) {
    let mut depth = 0;
    let mut collation = None;
    let mut tokens = tokens.peekable();
    while let Some(mut token) = tokens.next() {
        match &mut token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::Word(word) if is(word, "collate") => {
                collation = tokens.next().map(|name| name.token.to_string().to_lowercase());
                if !matches!(tokens.peek().map(|next| &next.token), Some(Token::SingleQuotedString(_))) {
                    let path = Token::SingleQuotedString(collation.take().unwrap_or_default() + ":");
                    to.push(TokenWithSpan::wrap(path));
                }
                continue;
            }
            Token::SingleQuotedString(path) => {
                if let Some(collation) = collation.take() {
                    *path = format!("{collation}:{path}");
                }
            }
            _ => {}
        }
        to.push(token);
        if depth == 0 {
            return;
        }
    }
}

fn is(word: &Word, text: &str) -> bool {
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text)
}

fn skip_parentheses(tokens: &mut impl Iterator<Item = TokenWithSpan>) {
    let mut depth = 0;
    for token in tokens {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// `CHANGES [s].[t], v)` as `sys."changes of s.t"(v)`.
fn changes(
    tokens: &mut impl Iterator<Item = TokenWithSpan>,
    to: &mut Vec<TokenWithSpan>,
) -> Result<(), SqlError> {
    let unknown = || SqlError::not_simulated("CHANGETABLE other than CHANGETABLE(CHANGES table, version)");
    if !tokens.next().is_some_and(|token| matches!(&token.token, Token::Word(word) if is(word, "changes"))) {
        return Err(unknown());
    }
    let mut parts = Vec::new();
    for token in tokens.by_ref() {
        match token.token {
            Token::Word(word) => parts.push(word.value.to_lowercase()),
            Token::Period => {}
            Token::Comma => break,
            _ => return Err(unknown()),
        }
    }
    let name = match parts.as_slice() {
        [table] => format!("changes of dbo.{table}"),
        [.., schema, table] => format!("changes of {schema}.{table}"),
        [] => return Err(unknown()),
    };
    let word = |value: &str, quote_style| {
        Token::Word(Word { value: value.to_owned(), quote_style, keyword: Keyword::NoKeyword })
    };
    for token in [word("sys", None), Token::Period, word(&name, Some('"')), Token::LParen] {
        to.push(TokenWithSpan::wrap(token));
    }
    Ok(())
}
