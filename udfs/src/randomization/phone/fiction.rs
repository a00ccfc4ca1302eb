//! Telephone numbers that are kept free for fiction, by country.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Digits;
use crate::randomization::words::Words;

/// Countries whose numbers for fiction are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Country {
    /// United States of America.
    US,
    /// Canada.
    CA,
    /// United Kingdom.
    #[serde(alias = "UK")]
    #[schemars(extend("x-spellings" = ["UK"]))]
    GB,
    /// Australia.
    AU,
    /// France.
    FR,
    /// Germany.
    DE,
}

/// How numbers for fiction are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) code: &'static str,
    /// What comes before a number inside the country.
    trunk: &'static str,
    /// National numbers: `X` is 0 to 9, `M` 2 to 8.
    ranges: &'static [&'static str],
}

impl Country {
    pub(super) fn plan(self) -> Plan {
        match self {
            // Any area code in the shape of a place's: neither N11 (services) nor 5 or 8 in front (free
            // and personal numbers), where 555 is not kept free.
            Self::US | Self::CA => Plan {
                code: "1",
                trunk: "",
                ranges: &[
                    "2MX55501XX",
                    "3MX55501XX",
                    "4MX55501XX",
                    "6MX55501XX",
                    "7MX55501XX",
                    "9MX55501XX",
                ],
            },
            // Of no area, London, mobile.
            Self::GB => Plan {
                code: "44",
                trunk: "0",
                ranges: &["1632960XXX", "2079460XXX", "7700900XXX"],
            },
            Self::AU => Plan {
                code: "61",
                trunk: "0",
                ranges: &[
                    "25550XXXX",
                    "35550XXXX",
                    "75550XXXX",
                    "85550XXXX",
                    "27010XXXX",
                    "37010XXXX",
                    "77010XXXX",
                    "87010XXXX",
                ],
            },
            // Berlin, Frankfurt, Hamburg, Cologne, Munich.
            Self::DE => Plan {
                code: "49",
                trunk: "0",
                ranges: &[
                    "3023125XXX",
                    "6990009XXX",
                    "4066969XXX",
                    "2214710XXX",
                    "8999998XXX",
                ],
            },
            Self::FR => Plan {
                code: "33",
                trunk: "0",
                ranges: &[
                    "19900XXXX",
                    "26191XXXX",
                    "35301XXXX",
                    "46571XXXX",
                    "53649XXXX",
                    "63998XXXX",
                ],
            },
        }
    }
}

impl Plan {
    /// A national number.
    pub(super) fn draw(&self, words: &mut Words<'_>) -> Digits {
        let mut drawn = Digits::default();
        let range = self.ranges[usize::from(words.pick(self.ranges.len() as u8))];
        for sign in range.bytes() {
            drawn.push(match sign {
                b'X' => b'0' + words.pick(10),
                b'M' => b'2' + words.pick(7),
                digit => digit,
            });
        }
        drawn
    }

    /// The number `drawn` in as many digits as `old` has; `None` where none of its spellings fits.
    pub(super) fn spelled_as(&self, old: &Digits, drawn: Digits) -> Option<Digits> {
        let spellings: &[[&str; 3]] = match (old.plus, old.all()) {
            (true, _) => &[["", self.code, ""], ["", self.code, self.trunk]],
            (false, [b'0', b'0', ..]) => &[["00", self.code, ""], ["00", self.code, self.trunk]],
            (false, _) => &[["", "", self.trunk], ["", "", ""], ["", self.code, ""]],
        };
        let length = |front: &[&str; 3]| front.iter().map(|part| part.len()).sum::<usize>();
        let fits = |front: &&[&str; 3]| length(front) + drawn.count == old.count;
        let mut spelled = Digits::default();
        let front = spellings.iter().find(fits)?;
        let front = front.iter().flat_map(|part| part.bytes());
        front
            .chain(drawn.all().iter().copied())
            .for_each(|digit| spelled.push(digit));
        Some(spelled)
    }
}
