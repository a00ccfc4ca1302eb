//! `ip_address`: an IP address becomes a made-up one of the same version.
//!
//! - Technique: randomization (ISO/IEC 20889:2018).
//! - Source: addresses reserved for documentation, RFC 5737, section 3 (IPv4) and RFC 3849, section 2
//!   (IPv6); IPv6 is written as RFC 5952 says.
//! - Input: text, an address alone or with a prefix length (`192.168.7.4/24`), which stays. Null stays
//!   null.
//! - Output: an address of `192.0.2.0/24`, `198.51.100.0/24` and `203.0.113.0/24`, which are 768, or
//!   of `2001:db8::/32`; of `network`; or one that keeps its first bits, with `keep_prefix`.
//! - Value and draw decide; each address of the range is as likely as the others.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::length::{self, Lengths};
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, OnInvalid, TypeFamily,
    schema_of,
};
use crate::randomization::rewrite::{Rewrite, Rewriting};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "ip_address",
    summary: "an IP address becomes a made-up one of the same version",
    family: Family::Randomization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<IpAddressArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: "{}",
            value: Some("10.20.30.40"),
            masked: Some("203.0.113.173"),
        },
        Example {
            args: "{}",
            value: Some("fe80::1"),
            masked: Some("2001:db8:fb3c:966f:7c40:3da9:b97b:2247"),
        },
        Example {
            args: r#"{"keep_prefix": 16}"#,
            value: Some("10.20.30.40/24"),
            masked: Some("10.20.170.191/24"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IpAddressArgs {
    /// How many bits an IPv4 address keeps at its beginning, 0 to 31; default none: it becomes one
    /// reserved for documentation.
    keep_prefix: Option<u32>,
    /// How many bits an IPv6 address keeps at its beginning, 0 to 127; default none: it becomes one
    /// reserved for documentation.
    keep_prefix_ipv6: Option<u32>,
    /// The network IPv4 addresses come from, such as `10.0.0.0/8`, instead of those for documentation.
    network: Option<String>,
    /// The network IPv6 addresses come from, such as `fd00::/8`, instead of those for documentation.
    network_ipv6: Option<String>,
    /// For a value that is no IP address: `fail` the task (default) or `suppress` it to null.
    on_invalid: OnInvalid,
}

/// RFC 5737, section 3: the address blocks provided for use in documentation, all 3.
const DOCUMENTATION_IPV4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(192, 0, 2, 0),
    Ipv4Addr::new(198, 51, 100, 0),
    Ipv4Addr::new(203, 0, 113, 0),
];

/// RFC 3849, section 2.
const DOCUMENTATION_IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: IpAddressArgs = binder.parse(args)?;
    let ipv4 = Range::of(
        32,
        ("keep_prefix", args.keep_prefix),
        ("network", args.network.as_deref()),
        |text| Some(u32::from(text.parse::<Ipv4Addr>().ok()?).into()),
        || Range::Networks(DOCUMENTATION_IPV4.map(|a| (u32::from(a).into(), 24)).into()),
    )?;
    let ipv6 = Range::of(
        128,
        ("keep_prefix_ipv6", args.keep_prefix_ipv6),
        ("network_ipv6", args.network_ipv6.as_deref()),
        |text| Some(text.parse::<Ipv6Addr>().ok()?.into()),
        || Range::Networks(vec![(DOCUMENTATION_IPV6.into(), 32)]),
    )?;
    Ok(Box::new(Rewriting {
        key: binder.key(),
        on_invalid: args.on_invalid,
        kernel: IpAddresses { ipv4, ipv6 },
    }))
}

/// Where the first bits of an address come from.
#[derive(Debug)]
enum Range {
    /// As many from the value.
    Own(u32),
    /// From one of these: its address and how many bits of it count.
    Networks(Vec<(u128, u32)>),
}

impl Range {
    /// For addresses of `width` bits, from a prefix length or a network, each with its argument's name.
    fn of(
        width: u32,
        (keep_name, keep): (&str, Option<u32>),
        (network_name, network): (&str, Option<&str>),
        address: impl Fn(&str) -> Option<u128>,
        documentation: impl Fn() -> Self,
    ) -> Result<Self, BindError> {
        match (keep, network) {
            (None, None) => Ok(documentation()),
            (Some(_), Some(_)) => {
                let message = format!(
                    "`{keep_name}` and `{network_name}` contradict each other: leave one out"
                );
                Err(BindError::new(network_name, message))
            }
            (Some(bits), None) if bits < width => Ok(Self::Own(bits)),
            (Some(_), None) => {
                let message = format!(
                    "nothing of an address of {width} bits would be masked: keep at most {}",
                    width - 1
                );
                Err(BindError::new(keep_name, message))
            }
            (None, Some(network)) => network
                .split_once('/')
                .and_then(|(base, bits)| Some((address(base)?, bits.parse().ok()?)))
                .filter(|(_, bits)| *bits < width)
                .map(|network| Self::Networks(vec![network]))
                .ok_or_else(|| {
                    let message = format!(
                        "write a network as its address, `/` and a prefix length below {width}"
                    );
                    BindError::new(network_name, message)
                }),
        }
    }

    /// An address of `width` bits: the first from here, the others from the end of `draw`.
    fn address(&self, own: u128, width: u32, draw: u128) -> u128 {
        let (base, bits) = match self {
            Self::Own(bits) => (own, *bits),
            Self::Networks(networks) => {
                let pick = ((draw >> 64) * networks.len() as u128) >> 64;
                networks[pick as usize]
            }
        };
        let host = u128::MAX >> (128 - (width - bits));
        base & !host | draw & host
    }
}

#[derive(Debug)]
struct IpAddresses {
    ipv4: Range,
    ipv6: Range,
}

impl Rewrite for IpAddresses {
    fn lengths(&self, input: Option<usize>) -> Option<Lengths> {
        // A short column holds IPv4 addresses, or nobody knows what.
        const LONGEST: usize = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128".len();
        length::as_before(input.filter(|most| *most >= LONGEST))
    }

    const EXPECTED: &'static str = "an IPv4 or IPv6 address, with or without a prefix length";

    fn blocks(&self, _: &str) -> usize {
        1
    }

    fn rewrite(&self, value: &str, blocks: &[[u8; 16]], text: &mut String) -> Option<()> {
        let (address, length) = match value.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (value, None),
        };
        let draw = u128::from_be_bytes(*blocks.first()?);
        let width = match address.contains(':') {
            false => {
                let own = u32::from(address.parse::<Ipv4Addr>().ok()?);
                let masked = self.ipv4.address(own.into(), 32, draw) as u32;
                push_ipv4(masked.to_be_bytes(), text);
                32
            }
            true => {
                let own = address.parse::<Ipv6Addr>().ok()?.into();
                push_ipv6(Ipv6Addr::from(self.ipv6.address(own, 128, draw)), text);
                128
            }
        };
        if let Some(length) = length {
            let plain = length.bytes().all(|byte| byte.is_ascii_digit());
            if !plain || length.len() > 3 || length.parse::<u32>().ok()? > width {
                return None;
            }
            text.push('/');
            text.push_str(length);
        }
        Some(())
    }
}

/// Appends dotted decimals; several times faster than the formatting machinery.
fn push_ipv4(bytes: [u8; 4], text: &mut String) {
    for (place, byte) in bytes.into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        if byte >= 100 {
            text.push(char::from(b'0' + byte / 100));
        }
        if byte >= 10 {
            text.push(char::from(b'0' + byte / 10 % 10));
        }
        text.push(char::from(b'0' + byte % 10));
    }
}

/// Appends an address as RFC 5952, section 4 says: lower case, no leading zeros, `::` in place of the
/// longest run of two or more zero groups, the first of equals.
fn push_ipv6(address: Ipv6Addr, text: &mut String) {
    let groups = address.segments();
    if groups[..5] == [0; 5] {
        // It may hold an IPv4 address, which has a spelling of its own.
        write!(text, "{address}").expect("a string takes all text");
        return;
    }
    let mut longest = (0, 1);
    let mut run = 0;
    for (place, group) in groups.into_iter().enumerate() {
        run = if group == 0 { run + 1 } else { 0 };
        if run > longest.1 {
            longest = (place + 1 - run, run);
        }
    }
    let (start, end) = match longest {
        (_, 1) => (groups.len(), groups.len()),
        (start, run) => (start, start + run),
    };
    for (place, group) in groups.into_iter().enumerate() {
        if place == start {
            text.push_str("::");
        }
        if (start..end).contains(&place) {
            continue;
        }
        if place > 0 && place != end {
            text.push(':');
        }
        let digits = (16 - group.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            let digit = usize::from(group >> (4 * digit) & 15);
            text.push(char::from(b"0123456789abcdef"[digit]));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use arrow::datatypes::DataType;

    use super::*;
    use crate::examples::{bind_error, mask_texts, try_texts};
    use crate::randomization::rewrite::mask_all;

    fn masked(args: &str, values: &[String]) -> Vec<String> {
        mask_all(&format!(r#"{{"type": "ip_address"{args}}}"#), values)
    }

    fn ipv4(count: u32) -> Vec<String> {
        (0..count)
            .map(|n| Ipv4Addr::from(n.wrapping_mul(2_654_435_761)).to_string())
            .collect()
    }

    fn ipv6(count: u32) -> Vec<String> {
        (0..count)
            .map(|n| Ipv6Addr::from(u128::from(n).wrapping_mul(1 << 99 | 0xdead_beef)).to_string())
            .collect()
    }

    #[test]
    fn ipv4_becomes_documentation() {
        let mut counts = BTreeMap::new();
        for masked in masked("", &ipv4(20_000)) {
            let masked: Ipv4Addr = masked.parse().unwrap();
            assert!(masked.is_documentation(), "{masked}");
            *counts.entry(masked).or_insert(0) += 1;
        }
        // 26 of each of 768.
        assert_eq!(counts.len(), 768);
        assert!(counts.values().all(|count| (5..60).contains(count)));
    }

    #[test]
    fn ipv6_becomes_documentation() {
        let masked: BTreeSet<Ipv6Addr> = masked("", &ipv6(10_000))
            .iter()
            .map(|masked| masked.parse().unwrap())
            .collect();
        assert_eq!(masked.len(), 10_000);
        assert!(masked.iter().all(|a| a.segments()[..2] == [0x2001, 0xdb8]));
    }

    #[test]
    fn first_bits_stay() {
        for bits in [0, 1, 8, 24, 31] {
            let values = ipv4(2_000);
            let masked = masked(&format!(r#", "keep_prefix": {bits}"#), &values);
            let mut differing = 0_u32;
            for (value, masked) in values.iter().zip(&masked) {
                let [value, masked] =
                    [value, masked].map(|a| u32::from(a.parse::<Ipv4Addr>().unwrap()));
                differing |= value ^ masked;
            }
            assert_eq!(differing.leading_zeros(), bits, "every other bit is drawn");
            assert_eq!(differing.count_ones(), 32 - bits);
        }
        for bits in [0, 48, 127] {
            let values = ipv6(2_000);
            let masked = masked(&format!(r#", "keep_prefix_ipv6": {bits}"#), &values);
            let mut differing = 0_u128;
            for (value, masked) in values.iter().zip(&masked) {
                let [value, masked] =
                    [value, masked].map(|a| u128::from(a.parse::<Ipv6Addr>().unwrap()));
                differing |= value ^ masked;
            }
            assert_eq!(differing.leading_zeros(), bits);
            assert_eq!(differing.count_ones(), 128 - bits);
        }
    }

    /// The standard library writes IPv6 as RFC 5952 says.
    #[test]
    fn ipv6_is_spelled_as_elsewhere() {
        // Each group zero, short or long: all 3^8.
        for pattern in 0..6561_u32 {
            let group = |place: u32| [0, 0xa, 0xbc0d][(pattern / 3_u32.pow(place) % 3) as usize];
            let groups: [u16; 8] = std::array::from_fn(|place| group(place as u32));
            let address = Ipv6Addr::from(groups);
            let mut text = String::new();
            push_ipv6(address, &mut text);
            assert_eq!(text, address.to_string());
        }
    }

    #[test]
    fn networks_of_the_users_choice() {
        for (args, values, prefix) in [
            (r#", "network": "10.1.0.0/16""#, ipv4(1_000), "10.1."),
            (r#", "network": "10.1.2.3/16""#, ipv4(1_000), "10.1."),
            (r#", "network_ipv6": "fd12::/16""#, ipv6(1_000), "fd12:"),
        ] {
            let masked: BTreeSet<String> = masked(args, &values).into_iter().collect();
            assert!(masked.len() > 950, "{args}");
            assert!(masked.iter().all(|a| a.starts_with(prefix)), "{args}");
        }
    }

    #[test]
    fn prefix_lengths_stay_and_other_text_is_refused() {
        for (value, kept) in [
            ("10.0.0.1/8", "/8"),
            ("10.0.0.1/32", "/32"),
            ("10.0.0.1/08", "/08"),
            ("::/0", "/0"),
            ("2001:DB8::1/128", "/128"),
            ("::ffff:10.0.0.1/96", "/96"),
        ] {
            let masked = mask_texts(r#"{"type": "ip_address"}"#, &[Some(value)]).remove(0);
            let masked = masked.unwrap();
            assert_eq!(&masked[masked.find('/').unwrap()..], kept);
        }
        for value in [
            "",
            "10.0.0",
            "10.0.0.256",
            "010.0.0.1",
            "10.0.0.1/",
            "10.0.0.1/33",
            "10.0.0.1/+8",
            "10.0.0.1/0008",
            "10.0.0.1:80",
            " 10.0.0.1",
            "::1/129",
            "fe80::1%eth0",
            "[::1]",
            ":",
            "1:2:3:4:5:6:7:8:9",
            "１０.0.0.1",
        ] {
            let mask = r#"{"type": "ip_address"}"#;
            assert!(try_texts(mask, &[Some(value)]).is_err(), "{value}");
            let mask = r#"{"type": "ip_address", "on_invalid": "suppress"}"#;
            assert_eq!(mask_texts(mask, &[Some(value), None]), [None, None]);
        }
    }

    #[test]
    fn bad_arguments() {
        for (args, path) in [
            (r#""keep_prefix": 32"#, "keep_prefix"),
            (r#""keep_prefix": -1"#, "keep_prefix"),
            (r#""keep_prefix_ipv6": 128"#, "keep_prefix_ipv6"),
            (r#""network": "10.0.0.0""#, "network"),
            (r#""network": "10.0.0.0/32""#, "network"),
            (r#""network": "fd00::/8""#, "network"),
            (r#""network_ipv6": "10.0.0.0/8""#, "network_ipv6"),
            (r#""network": "10.0.0.0/8", "keep_prefix": 8"#, "network"),
        ] {
            let mask = format!(r#"{{"type": "ip_address", {args}}}"#);
            let error = bind_error(&mask, &DataType::Utf8);
            assert_eq!(error.path, format!("[0].{path}"), "{args}");
        }
        bind_error(r#"{"type": "ip_address"}"#, &DataType::Int64);
    }
}
