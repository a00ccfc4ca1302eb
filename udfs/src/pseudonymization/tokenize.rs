//! `tokenize`: a text becomes a token that the key turns back into the text.
//!
//! - Technique: pseudonymization by deterministic encryption (ISO/IEC 20889:2018).
//! - Source: AES-SIV with a key of 512 bits (RFC 5297), without a nonce (section 6); the spellings of
//!   RFC 4648 without padding.
//! - Input: text. Output: text, longer than the value: its bytes and 16 more in the chosen form. Null
//!   stays null.
//! - Equal texts become equal tokens under one key; a token that was changed, or made under another
//!   key, is found out. The text is taken as it is: `é` in two spellings makes two tokens.

use std::sync::Arc;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use arrow::array::{Array, ArrayRef, StringViewBuilder};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::canonical::plain_text;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OnInvalid, TypeFamily,
    schema_of,
};
use crate::rows::Rows;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "tokenize",
    summary: "a text becomes a token that the key turns back into the text",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<TokenizeArgs>,
    bind,
    examples: &[
        Example {
            args: "{}",
            value: Some("alice@example.com"),
            masked: Some("GSXly9DZe_NcIgKfqL4t7JvL1qyzuVaDiFksqyc2eAWr"),
        },
        Example {
            args: r#"{"form": "hex", "context": "mail"}"#,
            value: Some("Zoë"),
            masked: Some("21f99f0c85d4074cf1710987ff82c4fd97ed5cd8"),
        },
    ],
};

/// Arguments, as a ruleset writes them. None of them is part of the key, so that the way back finds it.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenizeArgs {
    /// How the token is spelled: `base64url` (default), `base32` for places that do not tell upper and
    /// lower case apart, or `hex`.
    #[serde(skip_serializing)]
    form: Form,
    /// A public text that the token is bound to, such as the kind of value: a token is turned back
    /// under the same one only (default none).
    #[serde(skip_serializing)]
    context: String,
    /// Whether tokens are turned back; `form`, `context`, `domain` and the place in the chain as they
    /// were (default false).
    #[serde(skip_serializing)]
    detokenize: bool,
    /// For a text that is no token of this key, where tokens are turned back: `fail` the task (default)
    /// or `suppress` it to null.
    #[serde(skip_serializing)]
    on_invalid: OnInvalid,
}

/// The spelling of a token.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// Letters, digits, `-` and `_`.
    #[default]
    Base64url,
    /// `A` to `Z`, `2` to `7`.
    Base32,
    /// `0` to `9`, `a` to `f`.
    Hex,
}

impl Form {
    fn encoding(self) -> Encoding {
        match self {
            Self::Base64url => BASE64URL_NOPAD,
            Self::Base32 => BASE32_NOPAD,
            Self::Hex => HEXLOWER,
        }
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: TokenizeArgs = binder.parse(args)?;
    let key = binder.key().fpe_key::<64>(&[b"aes-siv"]);
    Ok(Box::new(Tokenize { args, key }))
}

struct Tokenize {
    args: TokenizeArgs,
    key: Zeroizing<[u8; 64]>,
}

impl std::fmt::Debug for Tokenize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokenize({:?})", self.args)
    }
}

impl Mask for Tokenize {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        let mut cipher = Aes256Siv::new((&*self.key).into());
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let encoding = self.args.form.encoding();
        let mut token = String::new();
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value else {
                masked.append_null();
                continue;
            };
            if self.args.detokenize {
                let text = self.text(&mut cipher, value);
                let expected = "a token made under this key, form and context";
                match text {
                    Some(text) => masked.append_value(text),
                    None => masked.append_option(self.args.on_invalid.at::<&str>(row, expected)?),
                }
                continue;
            }
            let sealed = cipher
                .encrypt(self.headers(), value.as_bytes())
                .map_err(|_| MaskError::Internal("a text could not be sealed"))?;
            token.clear();
            encoding.encode_append(&sealed, &mut token);
            masked.append_value(&token);
        }
        Ok(Arc::new(masked.finish()))
    }

    fn by_value(&self) -> bool {
        true
    }

    fn keeps_distinct(&self) -> bool {
        true
    }

    fn may_give_null(&self) -> bool {
        self.args.detokenize && self.args.on_invalid == OnInvalid::Suppress
    }
}

impl Tokenize {
    /// What is bound into a token besides the text; nothing where there is no context.
    fn headers(&self) -> impl Iterator<Item = &[u8]> {
        let context = self.args.context.as_bytes();
        std::iter::once(context).filter(|context| !context.is_empty())
    }

    fn text(&self, cipher: &mut Aes256Siv, token: &str) -> Option<String> {
        let sealed = self.args.form.encoding().decode(token.as_bytes()).ok()?;
        let text = cipher.decrypt(self.headers(), &sealed).ok()?;
        String::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{mask_texts, try_texts};

    #[test]
    fn there_and_back() {
        let long = "ü".repeat(300);
        let texts = [Some("alice@example.com"), None, Some(""), Some(&long)];
        for args in [
            "",
            r#", "form": "base32""#,
            r#", "form": "hex", "context": "mail""#,
        ] {
            let mask = |more: &str| format!(r#"{{"type": "tokenize"{args}{more}}}"#);
            let tokens = mask_texts(&mask(""), &texts);
            assert!(tokens[1].is_none() && tokens[0] != tokens[2]);
            let tokens: Vec<_> = tokens.iter().map(Option::as_deref).collect();
            let back = mask_texts(&mask(r#", "detokenize": true"#), &tokens);
            let back: Vec<_> = back.iter().map(Option::as_deref).collect();
            assert_eq!(back, texts, "{args}");
        }
    }

    #[test]
    fn what_is_no_token() {
        let token = mask_texts(r#"{"type": "tokenize"}"#, &[Some("a")])[0]
            .clone()
            .unwrap();
        let changed = token.replacen(
            &token[..1],
            if token.starts_with('A') { "B" } else { "A" },
            1,
        );
        let back = |args: &str| format!(r#"{{"type": "tokenize", "detokenize": true{args}}}"#);
        for (args, token) in [
            ("", changed.as_str()),
            ("", ""),
            ("", "not a token"),
            ("", &token[..10]),
            (r#", "context": "x""#, token.as_str()),
            (r#", "form": "hex""#, token.as_str()),
        ] {
            assert!(
                try_texts(&back(args), &[Some(token)]).is_err(),
                "{args} {token}"
            );
            let args = format!(r#"{args}, "on_invalid": "suppress""#);
            assert_eq!(mask_texts(&back(&args), &[Some(token)]), [None]);
        }
    }

    #[test]
    fn published_vectors() {
        let mut seen = 0;
        for line in include_str!("../../vectors/aes_siv.jsonl").lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let hex = |name: &str| {
                HEXLOWER
                    .decode(case[name].as_str().unwrap().as_bytes())
                    .unwrap()
            };
            let Ok(key) = <[u8; 64]>::try_from(hex("key_hex")) else {
                continue;
            };
            let mut cipher = Aes256Siv::new(&key.into());
            let valid = case["result"] == "valid";
            let opened = cipher.decrypt([hex("aad_hex")], &hex("ct_hex"));
            assert_eq!(
                opened.is_ok_and(|text| text == hex("msg_hex")),
                valid,
                "{line}"
            );
            if valid {
                let sealed = cipher.encrypt([hex("aad_hex")], &hex("msg_hex")).unwrap();
                assert_eq!(sealed, hex("ct_hex"), "{line}");
            }
            seen += 1;
        }
        assert!(seen > 5, "{seen} vectors with keys of 512 bits");
    }
}
