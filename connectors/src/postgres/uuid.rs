//! `uuid` on the wire and as text.

use super::copy_error::ValueProblem;

/// Bytes of a UUID.
const BYTES: usize = 16;

/// Appends it in lower case with hyphens, as PostgreSQL prints it.
pub(super) fn print(uuid: [u8; BYTES], out: &mut String) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    for (index, byte) in uuid.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
}

/// The UUID of a text in any spelling that PostgreSQL reads: either case, in braces or not, a hyphen
/// behind any group of four digits or none.
pub(super) fn parse(text: &str) -> Result<[u8; BYTES], ValueProblem> {
    spelled(text.as_bytes()).ok_or(ValueProblem::NotUuid)
}

fn spelled(text: &[u8]) -> Option<[u8; BYTES]> {
    let mut rest = match text {
        [b'{', inner @ .., b'}'] => inner,
        text => text,
    };
    let mut uuid = [0; BYTES];
    for (index, byte) in uuid.iter_mut().enumerate() {
        let [high, low, behind @ ..] = rest else {
            return None;
        };
        *byte = digit(*high)? << 4 | digit(*low)?;
        rest = match behind {
            [b'-', behind @ ..] if index % 2 == 1 && index < BYTES - 1 => behind,
            behind => behind,
        };
    }
    rest.is_empty().then_some(uuid)
}

fn digit(digit: u8) -> Option<u8> {
    Some(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "a0eebc999c0b4ef8bb6d6bb9bd380a11";
    const HYPHENATED: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

    #[test]
    fn spellings() {
        for text in [
            PLAIN,
            HYPHENATED,
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ] {
            let mut printed = String::new();
            print(parse(text).unwrap(), &mut printed);
            assert_eq!(printed, HYPHENATED, "{text}");
        }
    }

    #[test]
    fn other_text() {
        for text in [
            "",
            "{}",
            "a0eebc99",
            "a0-eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
            "-a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "{a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0eebc999c0b4ef8bb6d6bb9bd380a1g",
            "a0eebc999c0b4ef8bb6d6bb9bd380a111",
            " a0eebc999c0b4ef8bb6d6bb9bd380a11",
        ] {
            assert_eq!(parse(text), Err(ValueProblem::NotUuid), "{text:?}");
        }
    }
}
