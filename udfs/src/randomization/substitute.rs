//! `substitute`: the deprecated name of [`imitate`](super::imitate).
//!
//! - Same technique, types, arguments and output: both names draw alike, so a ruleset may change from
//!   one to the other.

use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, TypeFamily, schema_of,
};
use crate::randomization::imitate;

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "substitute",
    summary: "deprecated name of `imitate`, which gives the same",
    family: Family::Randomization,
    takes: TypeFamily::TEXT_AND_NUMBERS,
    schema: schema_of::<imitate::Imitate>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Stays,
    examples: &[Example {
        args: "{}",
        value: Some("NZ-0042 Zoë"),
        masked: Some("GS-7708 Uië"),
    }],
};

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    binder.draws_as(imitate::SPEC.name);
    (imitate::SPEC.bind)(args, binder)
}

#[cfg(test)]
mod tests {
    use crate::examples::mask_texts;

    #[test]
    fn both_names_give_the_same() {
        for args in [
            "",
            r#", "force_change": true"#,
            r#", "domain": "id""#,
            r#", "digits": false"#,
        ] {
            let [old, new] = ["substitute", "imitate"].map(|name| {
                mask_texts(
                    &format!(r#"{{"type": "{name}"{args}}}"#),
                    &[Some("AB-12 cd"), None],
                )
            });
            assert_eq!(old, new, "{args}");
        }
    }
}
