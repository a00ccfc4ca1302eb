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

use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::plain_text;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskError, MaskSpec, OfBlank, OnInvalid,
    TypeFamily, schema_of,
};
use crate::rows::Rows;
use crate::siv::{Siv, Texts};
use crate::spelling::{BASE32, BASE64URL, HEX};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "tokenize",
    summary: "a text becomes a token that the key turns back into the text",
    family: Family::Pseudonymization,
    takes: TypeFamily::TEXT,
    schema: schema_of::<TokenizeArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Value,
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
    /// Appends the spelling of `bytes`.
    fn spell(self, bytes: &[u8], token: &mut Vec<u8>) {
        match self {
            Self::Base64url => BASE64URL.push(bytes, token),
            Self::Base32 => BASE32.push(bytes, token),
            Self::Hex => HEX.push(bytes, token),
        }
    }

    /// The bytes spelled so; `None` for other text.
    fn read(self, token: &str) -> Option<Vec<u8>> {
        let encoding = match self {
            Self::Base64url => BASE64URL_NOPAD,
            Self::Base32 => BASE32_NOPAD,
            Self::Hex => HEXLOWER,
        };
        encoding.decode(token.as_bytes()).ok()
    }
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let args: TokenizeArgs = binder.parse(args)?;
    let key = binder.key().fpe_key::<64>(&[b"aes-siv"]);
    let context = Some(args.context.as_bytes()).filter(|context| !context.is_empty());
    let siv = Siv::new(&key, context);
    Ok(Box::new(Tokenize { args, siv }))
}

#[derive(Debug)]
struct Tokenize {
    args: TokenizeArgs,
    siv: Siv,
}

impl Mask for Tokenize {
    fn mask(&self, values: ArrayRef, _: &Rows<'_>) -> Result<ArrayRef, MaskError> {
        let values = plain_text(&values)?;
        Ok(Arc::new(match self.args.detokenize {
            false => self.sealed(&values),
            true => self.opened(&values)?,
        }))
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
    fn sealed(&self, values: &StringViewArray) -> StringViewArray {
        let mut texts = Texts::default();
        for value in values.iter().flatten() {
            texts.push(value.as_bytes());
        }
        let tags = self.siv.seal(&mut texts);
        let mut sealed = tags.iter().zip(texts.iter());
        let mut tokens = StringViewBuilder::with_capacity(values.len());
        let (mut bytes, mut token) = (Vec::new(), Vec::new());
        for row in 0..values.len() {
            let Some((tag, text)) = values.is_valid(row).then(|| sealed.next()).flatten() else {
                tokens.append_null();
                continue;
            };
            bytes.clear();
            bytes.extend_from_slice(tag);
            bytes.extend_from_slice(text);
            token.clear();
            self.args.form.spell(&bytes, &mut token);
            let token = std::str::from_utf8(&token);
            tokens.append_value(token.expect("the alphabets are ASCII"));
        }
        tokens.finish()
    }

    fn opened(&self, tokens: &StringViewArray) -> Result<StringViewArray, MaskError> {
        let mut tags = Vec::with_capacity(tokens.len());
        let mut texts = Texts::default();
        let mut spelled = Vec::with_capacity(tokens.len());
        for token in tokens {
            let bytes = token.and_then(|token| self.args.form.read(token));
            let parts = bytes.as_deref().and_then(<[u8]>::split_first_chunk);
            if let Some((tag, text)) = parts {
                tags.push(*tag);
                texts.push(text);
            }
            spelled.push(parts.is_some());
        }
        let right = self.siv.open(&tags, &mut texts);
        let mut opened = right.into_iter().zip(texts.iter());
        let mut values = StringViewBuilder::with_capacity(tokens.len());
        for (row, spelled) in spelled.into_iter().enumerate() {
            if tokens.is_null(row) {
                values.append_null();
                continue;
            }
            let text = spelled.then(|| opened.next()).flatten();
            let text = text.and_then(|(right, text)| match right {
                true => std::str::from_utf8(text).ok(),
                false => None,
            });
            let expected = "a token made under this key, form and context";
            match text {
                Some(text) => values.append_value(text),
                None => values.append_option(self.args.on_invalid.at::<&str>(row, expected)?),
            }
        }
        Ok(values.finish())
    }
}

#[cfg(test)]
mod tests {
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
}
