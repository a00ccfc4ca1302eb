//! `generalize_ip`: an IP address becomes its network.
//!
//! - Technique: generalization (ISO/IEC 20889:2018): the first bits stay, the others become zero.
//! - Sources: prefixes of RFC 4632 and RFC 4291; IPv6 is written as RFC 5952 asks for.
//! - Input: text, an IPv4 address in dotted decimal without leading zeros, or an IPv6 address without
//!   a zone. Output: text. Null stays null.
//! - An IPv4 address within IPv6 (`::ffff:192.0.2.1`) keeps as much of its IPv4 part as other IPv4
//!   addresses.
//! - Keyless, many-to-one: equal networks meet in every table, and nothing leads back.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt::Write;

use arrow::array::{Array, StringViewArray, StringViewBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mask::{
    BindError, Binder, ByValue, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank,
    OnInvalid, TypeFamily, ValueMask, schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "generalize_ip",
    summary: "an IP address becomes its network",
    family: Family::Generalization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<GeneralizeIp>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("192.0.2.77"),
            masked: Some("192.0.2.0"),
        },
        Example {
            args: r#"{"ipv6_prefix": 32, "show_prefix": true}"#,
            value: Some("2001:db8:85a3::8a2e:370:7334"),
            masked: Some("2001:db8::/32"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GeneralizeIp {
    /// How many bits of an IPv4 address stay, 0 to 32 (default 24).
    ipv4_prefix: u32,
    /// How many bits of an IPv6 address stay, 0 to 128 (default 48).
    ipv6_prefix: u32,
    /// Whether the number of bits is written behind the network: `192.0.2.0/24` (default false).
    show_prefix: bool,
    /// For a text that is no IP address: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

impl Default for GeneralizeIp {
    fn default() -> Self {
        Self {
            ipv4_prefix: 24,
            ipv6_prefix: 48,
            show_prefix: false,
            on_invalid: OnInvalid::Fail,
        }
    }
}

/// How many bits before an IPv4 address within IPv6 are always the same.
const MAPPED: u32 = 96;

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let mask: GeneralizeIp = binder.parse(args)?;
    let wrong = |argument, message| Err(BindError::new(argument, message));
    match (mask.ipv4_prefix, mask.ipv6_prefix) {
        (33.., _) => wrong("ipv4_prefix", "`ipv4_prefix` has to be from 0 to 32"),
        (_, 129..) => wrong("ipv6_prefix", "`ipv6_prefix` has to be from 0 to 128"),
        (32, 128) => wrong("", "every bit would stay; `do_nothing` keeps a value"),
        _ => Ok(Box::new(ByValue(mask))),
    }
}

impl ValueMask for GeneralizeIp {
    fn mask(&self, addresses: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let kept_v4 = u32::MAX.checked_shl(32 - self.ipv4_prefix).unwrap_or(0);
        let kept_v6 = u128::MAX.checked_shl(128 - self.ipv6_prefix).unwrap_or(0);
        let kept_mapped = !u128::from(!kept_v4);
        let mut networks = StringViewBuilder::with_capacity(addresses.len());
        let mut text = String::new();
        for (row, address) in addresses.iter().enumerate() {
            let Some(address) = address else {
                networks.append_null();
                continue;
            };
            text.clear();
            let (written, prefix) = match address.parse() {
                Ok(IpAddr::V4(address)) => {
                    push_v4(&mut text, Ipv4Addr::from(u32::from(address) & kept_v4));
                    (Ok(()), self.ipv4_prefix)
                }
                Ok(IpAddr::V6(address)) => {
                    let (kept, prefix) = match address.to_ipv4_mapped() {
                        Some(_) => (kept_mapped, MAPPED + self.ipv4_prefix),
                        None => (kept_v6, self.ipv6_prefix),
                    };
                    let network = Ipv6Addr::from(u128::from(address) & kept);
                    (write!(text, "{network}"), prefix)
                }
                Err(_) => {
                    let expected = "an IPv4 or IPv6 address";
                    networks.append_option(self.on_invalid.at::<&str>(row, expected)?);
                    continue;
                }
            };
            let written = written.and_then(|()| match self.show_prefix {
                true => write!(text, "/{prefix}"),
                false => Ok(()),
            });
            written.map_err(|_| MaskError::Internal("an address could not be written"))?;
            networks.append_value(&text);
        }
        Ok(networks.finish())
    }

    fn may_give_null(&self) -> bool {
        self.on_invalid == OnInvalid::Suppress
    }
}

/// Faster than by way of its `Display`, which most columns would spend their time in.
fn push_v4(text: &mut String, address: Ipv4Addr) {
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for (least, digit) in [(100, octet / 100), (10, octet / 10 % 10), (0, octet % 10)] {
            if octet >= least {
                text.push(char::from(b'0' + digit));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;
    use crate::examples::{bind_error, mask_texts, try_texts};

    fn mask(v4: u32, v6: u32) -> String {
        format!(r#"{{"type": "generalize_ip", "ipv4_prefix": {v4}, "ipv6_prefix": {v6}}}"#)
    }

    #[test]
    fn networks() {
        for (v4, v6, address, network) in [
            (24, 48, "203.0.113.255", "203.0.113.0"),
            (0, 48, "203.0.113.255", "0.0.0.0"),
            (32, 48, "203.0.113.255", "203.0.113.255"),
            (9, 48, "10.255.9.1", "10.128.0.0"),
            (24, 48, "2001:DB8:1:2::1", "2001:db8:1::"),
            (24, 0, "2001:db8::1", "::"),
            (24, 128, "2001:0db8::0:1", "2001:db8::1"),
            (24, 48, "::1", "::"),
            (24, 48, "::ffff:192.0.2.77", "::ffff:192.0.2.0"),
            (0, 128, "::ffff:192.0.2.77", "::ffff:0.0.0.0"),
        ] {
            let masked = mask_texts(&mask(v4, v6), &[Some(address), None]);
            assert_eq!(masked, [Some(network.to_owned()), None], "{address}");
        }
        let shown = r#"{"type": "generalize_ip", "show_prefix": true}"#;
        for (address, network) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("2001:db8::1", "2001:db8::/48"),
            ("::ffff:192.0.2.77", "::ffff:192.0.2.0/120"),
        ] {
            assert_eq!(
                mask_texts(shown, &[Some(address)])[0].as_deref(),
                Some(network)
            );
        }
    }

    #[test]
    fn octets() {
        for octet in 0..=255 {
            let address = Ipv4Addr::new(octet, 255 - octet, 0, octet);
            let mut text = String::new();
            push_v4(&mut text, address);
            assert_eq!(text, address.to_string());
        }
    }

    #[test]
    fn other_text() {
        let suppress = r#"{"type": "generalize_ip", "on_invalid": "suppress"}"#;
        for text in [
            "",
            "192.0.2",
            "192.0.2.256",
            "192.0.02.1",
            "192.0.2.1/24",
            "fe80::1%eth0",
            "::g",
            "host",
            " 192.0.2.1",
            "1:2:3:4:5:6:7:8:9",
        ] {
            assert!(
                try_texts(r#"{"type": "generalize_ip"}"#, &[Some(text)]).is_err(),
                "{text}"
            );
            assert_eq!(mask_texts(suppress, &[Some(text)]), [None], "{text}");
        }
    }

    #[test]
    fn bad_arguments() {
        for (v4, v6, path) in [
            (33, 48, "[0].ipv4_prefix"),
            (24, 129, "[0].ipv6_prefix"),
            (32, 128, "[0]"),
        ] {
            assert_eq!(bind_error(&mask(v4, v6), &DataType::Utf8).path, path);
        }
        assert_eq!(bind_error(&mask(24, 48), &DataType::Int64).path, "[0].type");
    }
}
