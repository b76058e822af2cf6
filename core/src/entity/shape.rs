//! How the CDR's payload trees are written down: once, as data, read by packs, checks and documents.

use std::fmt;

/// The type of a value, by its name in the standard where it has one.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any Unicode string.
    Text,
    /// `ASCIIString`.
    Ascii,
    /// A string of digits alone, such as the number of a bank account.
    Digits,
    /// `true` or `false`.
    Boolean,
    /// `NaturalNumber`: a whole number, not negative.
    Natural,
    /// `PositiveInteger`: a whole number above zero.
    Positive,
    /// A JSON number of any precision.
    Number,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Any string, but one of these words where the condition holds.
    EnumIf(&'static Condition, &'static [&'static str]),
    /// `DateString`: `YYYY-MM-DD`.
    Date,
    /// `DateTimeString`: RFC 3339 with an offset.
    DateTime,
    /// A time of day by ISO 8601, with or without an offset.
    Time,
    /// A day of any year: `mm-dd`.
    MonthDay,
    /// `AmountString`: 1 to 16 digits, a point, at least two decimals.
    Amount,
    /// `RateString`: 1 to 16 digits, and up to 16 decimals; 1 is 100 %.
    Rate,
    /// `URIString`.
    Uri,
    /// `ExternalRef` to ISO 8601 durations, such as `P1M`; no recurrence.
    Duration,
    /// `ExternalRef` to ISO 3166: the three letters of a country.
    Country,
    /// `ExternalRef` to RFC 3966, section 5.1.4: a telephone number with its country.
    Telephone,
    /// `ExternalRef` to RFC 5322: an e-mail address.
    Email,
    /// A slot for a service point's resource id.
    ServicePoint,
    /// A slot for a plan's detail.
    PlanDetail,
    /// A string, or a slot for a plan's display name.
    PlanName,
    /// A nested object.
    Object(&'static Object),
    /// An array.
    List(&'static Shape),
}

/// An object of a payload tree.
#[derive(Debug)]
pub struct Object {
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its name, as on the wire.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// Whether it must be there.
    pub presence: Presence,
    /// What its elements must keep to together, if it is an array.
    pub limits: &'static [Limit],
}

/// How many elements of an array may have a value in one of their fields.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// None or one is flagged in this boolean field.
    OneFlagged(&'static str),
    /// None or one has this word in this field.
    AtMostOne(&'static str, &'static str),
    /// One has this word in this field, if there are elements at all.
    ExactlyOne(&'static str, &'static str),
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy)]
pub enum Presence {
    /// Always. An array may be empty.
    Mandatory,
    /// Never.
    Optional,
    /// When the condition holds; may be there otherwise.
    If(Condition),
    /// Exactly when the selector says so: a member of a union.
    Member {
        /// The `…UType` field beside it.
        selector: &'static str,
        /// The selector's value that asks for this member.
        value: &'static str,
    },
}

/// A condition over the fields of the object or, where it has no field of that name, of the objects around it.
#[derive(Debug, Clone, Copy)]
pub enum Condition {
    /// The field has one of these values.
    Is(&'static str, &'static [&'static str]),
    /// The field has none of these values (an absent one has none).
    IsNot(&'static str, &'static [&'static str]),
    /// The boolean field is false.
    IsFalse(&'static str),
    /// The field is there.
    Present(&'static str),
    /// None of these fields is there.
    Absent(&'static [&'static str]),
    /// Either holds.
    Either(&'static Condition, &'static Condition),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(name, values) => write!(f, "if {name} is {}", values.join(" or ")),
            Self::IsNot(name, values) => write!(f, "unless {name} is {}", values.join(" or ")),
            Self::IsFalse(name) => write!(f, "if {name} is false"),
            Self::Present(name) => write!(f, "if {name} is given"),
            Self::Absent(names) => write!(f, "if neither {} is given", names.join(" nor ")),
            Self::Either(a, b) => write!(f, "{a} or {b}"),
        }
    }
}

/// A mandatory field.
pub(super) const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Mandatory, limits: &[] }
}

/// An optional field.
pub(super) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Optional, limits: &[] }
}

/// A field that a condition makes mandatory.
pub(super) const fn when(condition: Condition, name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::If(condition), limits: &[] }
}

/// A member of the union that `selector` selects, there exactly when it names it.
pub(super) const fn member(selector: &'static str, name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Member { selector, value: name }, limits: &[] }
}

impl Field {
    /// The same field, an array whose elements keep to these limits.
    pub(super) const fn within(self, limits: &'static [Limit]) -> Self {
        Self { limits, ..self }
    }
}

impl Object {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The shape at a dotted path, arrays stepped into.
    pub fn at(&self, path: &str) -> Option<&'static Shape> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let shape = &self.field(name)?.shape;
        match rest {
            None => Some(shape),
            Some(rest) => match shape.element() {
                Shape::Object(object) => object.at(rest),
                _ => None,
            },
        }
    }
}

impl Shape {
    /// What an array holds; any other shape itself.
    pub fn element(&'static self) -> &'static Shape {
        match self {
            Self::List(element) => element.element(),
            other => other,
        }
    }
}
