//! Text in the character set of its column.

use super::Malformed;

/// Bytes of `latin1` that are not the character of their number: it is Windows-1252, in which five bytes have no
/// character and stand for themselves.
const LATIN1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Can keys in this character set be read?
pub(crate) fn is_known(charset: &str) -> bool {
    matches!(charset, "ascii" | "latin1" | "utf8" | "utf8mb3" | "utf8mb4" | "ucs2" | "utf16" | "utf16le")
}

/// The text of bytes in a character set.
pub(super) fn decode(charset: &str, bytes: &[u8]) -> Result<String, Malformed> {
    let wrong = Malformed("a text is not of its column's character set");
    match charset {
        "latin1" => Ok(bytes.iter().map(|byte| latin1(*byte)).collect()),
        "ucs2" | "utf16" => utf16(bytes, u16::from_be_bytes).ok_or(wrong),
        "utf16le" => utf16(bytes, u16::from_le_bytes).ok_or(wrong),
        _ => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| wrong),
    }
}

fn latin1(byte: u8) -> char {
    match byte {
        0x80..=0x9f => LATIN1[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|bytes| unit(*bytes)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_in_its_own_character_set() {
        assert_eq!(decode("latin1", b"Caf\xe9 \x80").unwrap(), "Café €");
        assert_eq!(decode("utf8mb4", "Café €".as_bytes()).unwrap(), "Café €");
        assert!(decode("utf8mb4", b"Caf\xe9").is_err());
        assert_eq!(decode("utf16", &[0, b'a', 0x20, 0xac]).unwrap(), "a€");
        assert_eq!(decode("utf16le", &[b'a', 0, 0xac, 0x20]).unwrap(), "a€");
        assert!(!is_known("big5"));
    }
}
