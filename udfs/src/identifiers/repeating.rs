//! Ten digits of which one comes two or three times and no other twice, as in German tax numbers.

/// How many rows of ten digits have one digit twice and one missing: the digit, the missing one, the
/// two places, the order of the others.
const TWICE: u64 = 10 * 9 * 45 * 40_320;
/// The same with one digit three times, not in three neighbouring places, and two missing.
const THRICE: u64 = 10 * 36 * 112 * 5_040;
/// All of them.
pub(super) const REPEATING: u64 = TWICE + THRICE;

/// Whether one of ten digits comes two or three times, not three times in a row, and no other twice.
pub(super) fn repeats_well(digits: &[u8]) -> bool {
    let mut counts = [0_u8; 10];
    for digit in digits {
        match counts.get_mut(usize::from(digit.wrapping_sub(b'0'))) {
            Some(count) => *count += 1,
            None => return false,
        }
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let in_a_row = digits
        .windows(3)
        .any(|three| three[0] == three[1] && three[1] == three[2]);
    repeated == 1 && counts.iter().all(|count| *count < 4) && !in_a_row
}

/// The subsets of `size` out of `of` things in order, as bits; of ten places without those of three
/// neighbours.
const fn subsets<const N: usize>(of: u32, size: u32) -> [u16; N] {
    let mut found = [0; N];
    let (mut set, mut count) = (0_u16, 0);
    while count < N && set < 1 << of {
        let neighbours = of == 10 && set & (set << 1) & (set << 2) != 0;
        if set.count_ones() == size && !neighbours {
            found[count] = set;
            count += 1;
        }
        set += 1;
    }
    found
}

/// The places of a digit that comes twice.
const PAIRS: [u16; 45] = subsets(10, 2);
/// The places of a digit that comes three times.
const TRIPLES: [u16; 112] = subsets(10, 3);
/// Which one of the nine other digits is missing.
const ONE_MISSING: [u16; 9] = subsets(9, 1);
/// Which two of the nine other digits are missing.
const TWO_MISSING: [u16; 36] = subsets(9, 2);

/// For a digit that comes twice or thrice: orders of the other digits that are there, the sets of its
/// places, and of the digits that are missing.
fn tables(thrice: bool) -> (u64, &'static [u16], &'static [u16]) {
    match thrice {
        false => (40_320, &PAIRS, &ONE_MISSING),
        true => (5_040, &TRIPLES, &TWO_MISSING),
    }
}

/// The digits at a rank: [`rank_repeating`] turned round.
pub(super) fn unrank_repeating(rank: u64, digits: &mut [u8]) {
    let thrice = rank >= TWICE;
    let rank = if thrice { rank - TWICE } else { rank };
    let (orders, sets, missing) = tables(thrice);
    let (mut order, rank) = (rank % orders, rank / orders);
    let (set, rank) = (
        sets[(rank % sets.len() as u64) as usize],
        rank / sets.len() as u64,
    );
    let gone = missing[(rank % missing.len() as u64) as usize];
    let repeated = (rank / missing.len() as u64) as u8;
    // The other digits that are there, in order; the first `count` of the array.
    let (mut left, mut count) = ([0; 10], 0);
    for (index, digit) in (0..10).filter(|digit| *digit != repeated).enumerate() {
        if gone >> index & 1 == 0 {
            left[count] = digit;
            count += 1;
        }
    }
    let mut weight = orders;
    for (at, digit) in digits.iter_mut().enumerate() {
        let value = if set >> at & 1 == 1 || count == 0 {
            repeated
        } else {
            weight /= count as u64;
            let index = (order / weight) as usize;
            order %= weight;
            let value = left[index];
            left.copy_within(index + 1..count, index);
            count -= 1;
            value
        };
        *digit = b'0' + value;
    }
}

/// Where ten digits that [`repeats_well`] stand among all of them.
pub(super) fn rank_repeating(digits: &[u8]) -> Option<u64> {
    let values: Vec<u8> = digits.iter().map(|digit| digit - b'0').collect();
    let count = |value: u8| values.iter().filter(|one| **one == value).count() as u32;
    let repeated = (0..10).find(|value| count(*value) > 1)?;
    let size = count(repeated);
    let others: Vec<u8> = (0..10).filter(|value| *value != repeated).collect();
    let thrice = size == 3;
    let (orders, sets, missing_sets) = tables(thrice);
    let start = if thrice { TWICE } else { 0 };
    let gone: u16 = (0..others.len())
        .filter(|at| count(others[*at]) == 0)
        .map(|at| 1 << at)
        .sum();
    let missing = missing_sets.iter().position(|set| *set == gone)? as u64;
    let places: u16 = (0..10)
        .filter(|at| values[*at] == repeated)
        .map(|at| 1 << at)
        .sum();
    let set = sets.iter().position(|set| *set == places)? as u64;
    let mut left: Vec<u8> = others
        .into_iter()
        .filter(|value| count(*value) > 0)
        .collect();
    let (mut order, mut weight) = (0, orders);
    for value in values.into_iter().filter(|value| *value != repeated) {
        weight /= left.len() as u64;
        let index = left.iter().position(|one| *one == value)?;
        order += index as u64 * weight;
        left.remove(index);
    }
    let missing = u64::from(repeated) * missing_sets.len() as u64 + missing;
    let rank = missing * sets.len() as u64 + set;
    Some(start + rank * orders + order)
}
