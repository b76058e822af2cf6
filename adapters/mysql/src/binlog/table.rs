//! Table maps: which table the rows that follow are of, and how wide its columns are.

use super::Malformed;
use super::bytes::Bytes;

/// A table map event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableMap<'a> {
    pub(crate) table_id: u64,
    pub(crate) schema: &'a str,
    pub(crate) table: &'a str,
    /// The types of the columns, and all that describes them further.
    types: &'a [u8],
    metadata: &'a [u8],
    /// After the columns' own: what `binlog_row_metadata` adds.
    optional: &'a [u8],
}

/// How a column's value is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A whole number of so many bytes.
    Integer(u8),
    /// A decimal of so many digits, of which so many after the point.
    Decimal(u8, u8),
    /// A date of three bytes.
    Date,
    /// A year of one byte.
    Year,
    /// Text or bytes of any length, which so many bytes before it say.
    Variable(u8),
    /// Text or bytes whose padding at the end was left off; the full width, and how many bytes say the length.
    Padded(u16, u8),
    /// Anything else, of so many bytes.
    Opaque(u8),
}

impl<'a> TableMap<'a> {
    pub(super) fn read(mut bytes: Bytes<'a>) -> Result<Self, Malformed> {
        let table_id = bytes.number(6)?;
        bytes.take(2)?;
        let schema = name(&mut bytes)?;
        let table = name(&mut bytes)?;
        let column_count = bytes.packed()?;
        let types = bytes.take(column_count)?;
        let metadata_len = bytes.packed()?;
        let metadata = bytes.take(metadata_len)?;
        // Which columns may be null.
        bytes.take(column_count.div_ceil(8))?;
        Ok(Self { table_id, schema, table, types, metadata, optional: bytes.0 })
    }

    pub(crate) fn column_count(&self) -> usize {
        self.types.len()
    }

    /// The columns' layouts.
    pub(crate) fn layouts(&self) -> Result<Vec<Layout>, Malformed> {
        let mut metadata = Bytes(self.metadata);
        self.types.iter().map(|column_type| layout(*column_type, &mut metadata)).collect()
    }

    /// The columns' names, where `binlog_row_metadata` is FULL.
    pub(crate) fn column_names(&self) -> Option<Vec<&'a str>> {
        const COLUMN_NAMES: u64 = 4;
        let mut bytes = Bytes(self.optional);
        while !bytes.0.is_empty() {
            let field = bytes.number(1).ok()?;
            let length = bytes.packed().ok()?;
            let mut value = Bytes(bytes.take(length).ok()?);
            if field != COLUMN_NAMES {
                continue;
            }
            let mut names = Vec::with_capacity(self.types.len());
            while !value.0.is_empty() {
                let length = value.packed().ok()?;
                names.push(std::str::from_utf8(value.take(length).ok()?).ok()?);
            }
            return (names.len() == self.types.len()).then_some(names);
        }
        None
    }
}

fn name<'a>(bytes: &mut Bytes<'a>) -> Result<&'a str, Malformed> {
    let length = bytes.size(1)?;
    let name = std::str::from_utf8(bytes.take(length)?).map_err(|_| Malformed("a name is not UTF-8"))?;
    bytes.take(1)?;
    Ok(name)
}

fn layout(column_type: u8, metadata: &mut Bytes<'_>) -> Result<Layout, Malformed> {
    // Fractions of seconds take a byte for each two digits.
    let fraction = |digits: u64| (digits as u8).div_ceil(2);
    Ok(match column_type {
        1 => Layout::Integer(1),
        2 => Layout::Integer(2),
        9 => Layout::Integer(3),
        3 => Layout::Integer(4),
        8 => Layout::Integer(8),
        13 => Layout::Year,
        10 | 14 => Layout::Date,
        4 => opaque(metadata, 1, |_| 4)?,
        5 => opaque(metadata, 1, |_| 8)?,
        // Times as they were before fractions.
        7 => Layout::Opaque(4),
        11 => Layout::Opaque(3),
        12 => Layout::Opaque(8),
        17 => opaque(metadata, 1, |digits| 4 + fraction(digits))?,
        18 => opaque(metadata, 1, |digits| 5 + fraction(digits))?,
        19 => opaque(metadata, 1, |digits| 3 + fraction(digits))?,
        6 => Layout::Opaque(0),
        16 => {
            let (bits, bytes) = (metadata.number(1)?, metadata.number(1)?);
            Layout::Opaque(bytes as u8 + u8::from(bits > 0))
        }
        246 => Layout::Decimal(metadata.number(1)? as u8, metadata.number(1)? as u8),
        // VARCHAR, also MariaDB's compressed one.
        15 | 253 | 141 => Layout::Variable(if metadata.number(2)? > 255 { 2 } else { 1 }),
        // BLOB and TEXT of any size, JSON, GEOMETRY, VECTOR, MariaDB's compressed BLOB.
        140 | 242 | 245 | 249..=252 | 255 => Layout::Variable(metadata.number(1)? as u8),
        // CHAR, BINARY, and what is kept as such; ENUM and SET, which say so in the first byte.
        247 | 248 | 254 => {
            let (first, second) = (metadata.number(1)?, metadata.number(1)?);
            match first {
                247 | 248 => Layout::Opaque(second as u8),
                _ => {
                    // Widths beyond 255 have their high bits in the first byte, inverted.
                    let width = second as u16 | ((first as u16 & 0x30) ^ 0x30) << 4;
                    Layout::Padded(width, if width > 255 { 2 } else { 1 })
                }
            }
        }
        _ => return Err(Malformed("a column has an unknown type")),
    })
}

fn opaque(metadata: &mut Bytes<'_>, width: usize, length: impl Fn(u64) -> u8) -> Result<Layout, Malformed> {
    Ok(Layout::Opaque(length(metadata.number(width)?)))
}

impl Layout {
    /// Takes a value's bytes.
    pub(crate) fn take<'a>(self, bytes: &mut Bytes<'a>) -> Result<&'a [u8], Malformed> {
        let length = match self {
            Self::Integer(width) | Self::Opaque(width) => usize::from(width),
            Self::Year => 1,
            Self::Date => 3,
            Self::Decimal(digits, fraction) => decimal_len(digits, fraction)?,
            Self::Variable(width) | Self::Padded(_, width) => bytes.size(usize::from(width))?,
        };
        bytes.take(length)
    }
}

/// Nine digits take four bytes, fewer take less.
pub(super) const DIGIT_BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

fn decimal_len(digits: u8, fraction: u8) -> Result<usize, Malformed> {
    let (fraction, whole) = (usize::from(fraction), usize::from(digits));
    let whole = whole
        .checked_sub(fraction)
        .ok_or(Malformed("a decimal has more digits after the point than in all"))?;
    let len = |digits: usize| digits / 9 * 4 + DIGIT_BYTES[digits % 9];
    Ok(len(whole) + len(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `create table a (id uuid, b binary(16), v varchar(10))` in schema t, as MariaDB 10.11 logged it.
    const MAP: &[u8] = &[
        0x12, 0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 1, b'a', 0, 3, 0xfe, 0xfe, 0x0f, 6, 0xfe, 0x10, 0xfe, 0x10,
        0x0a, 0, 4,
    ];

    #[test]
    fn a_table_is_described() {
        let map = TableMap::read(Bytes(MAP)).unwrap();
        assert_eq!((map.table_id, map.schema, map.table, map.column_count()), (0x12, "t", "a", 3));
        let layouts = map.layouts().unwrap();
        assert_eq!(layouts, [Layout::Padded(16, 1), Layout::Padded(16, 1), Layout::Variable(1)]);
        assert_eq!(map.column_names(), None);
    }

    #[test]
    fn widths_beyond_a_byte_are_hidden_in_the_type() {
        // CHAR(255) of utf8mb4 is 1,020 bytes: 0x3fc.
        let mut metadata = Bytes(&[0xfe ^ 0x30, 0xfc]);
        assert_eq!(layout(254, &mut metadata).unwrap(), Layout::Padded(0x3fc, 2));
        assert_eq!(decimal_len(14, 2).unwrap(), 4 + 2 + 1);
    }
}
