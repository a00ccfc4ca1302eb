//! What a scalar means: the core schema of YAML 1.2.
//!
//! So `yes`, `on` and `1:30` are text, and quotes make text of anything.

/// A plain scalar's meaning.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that 64 bits hold.
    Int(i128),
    /// Any other finite number.
    Float(f64),
    /// A whole number that 64 bits do not hold.
    TooLarge,
    /// `.inf` or `.nan`, or a number too large for a float.
    NotFinite,
    /// Anything else.
    Text,
}

/// The meaning of a scalar without quotes.
pub(super) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::NotFinite;
    }
    if let Some(number) = integer(text, unsigned) {
        return number;
    }
    if !is_float(unsigned) {
        return Plain::Text;
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Plain::Float(number),
        _ => Plain::NotFinite,
    }
}

/// Whether a number is written with a zero in front, so that `00501` may have meant text.
pub(super) fn has_leading_zero(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && all_digits(digits)
}

fn integer(text: &str, unsigned: &str) -> Option<Plain> {
    let parsed = if let Some(octal) = text.strip_prefix("0o") {
        if octal.is_empty() || !octal.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
            return None;
        }
        i128::from_str_radix(octal, 8)
    } else if let Some(hex) = text.strip_prefix("0x") {
        if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        i128::from_str_radix(hex, 16)
    } else if all_digits(unsigned) {
        text.parse::<i128>()
    } else {
        return None;
    };
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    Some(match parsed {
        Ok(number) if range.contains(&number) => Plain::Int(number),
        _ => Plain::TooLarge,
    })
}

/// `1.5`, `.5`, `1.`, `1e9`: digits with at most one dot, then perhaps an exponent.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits = exponent
        .is_none_or(|exponent| all_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    let mantissa_fits = match mantissa.split_once('.') {
        None => all_digits(mantissa),
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, "")) => all_digits(whole),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
    };
    exponent_fits && mantissa_fits
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars() {
        for (text, meaning) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("NULL", Plain::Null),
            ("nULL", Plain::Text),
            ("true", Plain::Bool(true)),
            ("FALSE", Plain::Bool(false)),
            ("yes", Plain::Text),
            ("on", Plain::Text),
            ("0", Plain::Int(0)),
            ("-12", Plain::Int(-12)),
            ("+12", Plain::Int(12)),
            ("0o17", Plain::Int(15)),
            ("0x1F", Plain::Int(31)),
            ("0x", Plain::Text),
            (
                "18446744073709551615",
                Plain::Int(18_446_744_073_709_551_615),
            ),
            ("18446744073709551616", Plain::TooLarge),
            ("-9223372036854775809", Plain::TooLarge),
            ("1.5", Plain::Float(1.5)),
            (".5", Plain::Float(0.5)),
            ("1.", Plain::Float(1.0)),
            ("1e3", Plain::Float(1000.0)),
            ("-1.5E-1", Plain::Float(-0.15)),
            ("1e999", Plain::NotFinite),
            ("-.inf", Plain::NotFinite),
            (".nan", Plain::NotFinite),
            ("1:30", Plain::Text),
            ("1_000", Plain::Text),
            (".", Plain::Text),
            ("e5", Plain::Text),
            ("2024-01-31", Plain::Text),
            ("1.0.0", Plain::Text),
            ("--1", Plain::Text),
        ] {
            assert_eq!(plain(text), meaning, "{text:?}");
        }
    }

    #[test]
    fn leading_zeros() {
        for (text, has) in [("00501", true), ("-01", true), ("0", false), ("0.5", false)] {
            assert_eq!(has_leading_zero(text), has, "{text}");
        }
    }
}
