//! What can be said of a matrix before the solve: whether it is symmetric, and what its diagonal rules out.

use super::{EvenSplit, Rows};
use crate::comm::{Comm, Op};

/// How far the two halves of a matrix may differ, relative to the larger entry, before it is called asymmetric: files
/// are often printed with 13 to 16 digits.
const SYMMETRY_TOLERANCE: f64 = 1e-10;

/// Entries that a rank sends in one round.
const ROUND: usize = 1 << 15;

/// True if the two are the same entry, printed twice.
pub(crate) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= SYMMETRY_TOLERANCE * a.abs().max(b.abs())
}

/// A value for a message; the tiny and the huge ones, which have hundreds of digits, with an exponent.
fn short(value: f64) -> String {
    let digits = value.to_string();
    if digits.len() > 24 { format!("{value:e}") } else { digits }
}

/// The first entry, row by row, whose partner across the diagonal is another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asymmetry {
    /// Its row, from 0.
    pub row: u64,
    /// Its column, from 0.
    pub column: u64,
    /// The entry.
    pub value: f64,
    /// Its partner, if there is one.
    pub partner: Option<f64>,
    /// True if all entries beside the diagonal lie on one side of it: one triangle is missing.
    pub is_one_triangle: bool,
}

impl Asymmetry {
    /// The message about it; `one_triangle` is what to say where one is missing.
    pub(crate) fn words(&self, one_triangle: &str) -> String {
        const SYMMETRIC_ONLY: &str =
            "halocg solves symmetric positive definite systems only (--assume-symmetric takes it as it is)";
        let (i, j, value) = (self.row + 1, self.column + 1, short(self.value));
        let partner = self.partner.map_or("missing".into(), short);
        let remedy = if self.is_one_triangle { one_triangle } else { SYMMETRIC_ONLY };
        format!("the matrix is not symmetric: A({i},{j}) = {value} but A({j},{i}) is {partner}: {remedy}")
    }
}

/// What a pass over the rows of a rank's share shows; each time the first of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looks {
    /// Row and column of a value that is not finite.
    pub(crate) not_finite: Option<[u64; 2]>,
    /// Row and the bits of an entry on the diagonal that is not positive.
    pub(crate) not_positive: Option<[u64; 2]>,
    /// A row without such an entry, and whether it is empty.
    missing: Option<[u64; 2]>,
    /// Of all ranks together 0 if the matrix is symmetric.
    difference: u64,
}

impl Looks {
    /// At all rows of this rank's even share.
    pub fn at(rows: &Rows) -> Looks {
        let mut looks = Looks::default();
        for k in 0..rows.len() {
            let (columns, values) = rows.row(k);
            looks.row(rows.numbers[k], columns, values, true);
        }
        looks
    }

    /// At the next row; at its symmetry only where that is asked for.
    ///
    /// Every entry gets a number that depends on its value and on its place, where (i, j) and (j, i) count as one place.
    /// In a symmetric matrix those above the diagonal add up to the same as those below.
    #[inline(always)]
    pub(crate) fn row(&mut self, row: u64, columns: &[u64], values: &[f64], symmetry: bool) {
        let (mut diagonal, mut all_finite, mut difference) = (None, true, 0u64);
        for (&column, &value) in columns.iter().zip(values) {
            all_finite &= value.is_finite();
            if column == row {
                diagonal = Some(value);
            }
            if symmetry {
                let number = scrambled(row.min(column), row.max(column), value.to_bits());
                // 1 above the diagonal, -1 below it, 0 on it.
                let sign = u64::from(column > row).wrapping_sub(u64::from(column < row));
                difference = difference.wrapping_add(number.wrapping_mul(sign));
            }
        }
        self.difference = self.difference.wrapping_add(difference);
        if !all_finite || diagonal.is_none_or(|value| value <= 0.0 || value.is_nan()) {
            self.note(row, columns, values, diagonal);
        }
    }

    #[cold]
    fn note(&mut self, row: u64, columns: &[u64], values: &[f64], diagonal: Option<f64>) {
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            self.not_finite.get_or_insert([row, columns[at]]);
        }
        match diagonal {
            Some(value) if value > 0.0 => (),
            Some(value) => drop(self.not_positive.get_or_insert([row, value.to_bits()])),
            None => drop(self.missing.get_or_insert([row, u64::from(columns.is_empty())])),
        }
    }

    /// True if the matrix equals its transpose to the last bit, zeros included, but for a chance of about 2⁻⁶⁴.
    /// Collective; costs a small reduction.
    pub fn is_exactly_symmetric(&self, comm: &Comm) -> bool {
        // In halves: their sums do not overflow.
        let mut halves = [self.difference & 0xffff_ffff, self.difference >> 32];
        comm.reduce_u64(Op::Sum, &mut halves);
        halves[0].wrapping_add(halves[1] << 32) == 0
    }

    /// The first row whose diagonal entry is missing, or not positive, in words. Collective; the same on every rank.
    pub fn bad_diagonal(&self, comm: &Comm) -> Option<String> {
        let missing = self.missing.map(|[row, is_empty]| [row, 0f64.to_bits(), is_empty]);
        let not_positive = self.not_positive.map(|[row, bits]| [row, bits, 0]);
        let bad = missing.into_iter().chain(not_positive).min_by_key(|bad| bad[0]);
        first(comm, bad).map(|[row, entry, is_empty]| {
            if is_empty == 1 {
                let row = row + 1;
                format!(
                    "A({row},{row}) = 0, and row {row} is empty: a positive definite matrix has a positive diagonal"
                )
            } else {
                bad_diagonal(row, f64::from_bits(entry))
            }
        })
    }
}

/// Two numbers, mixed so that every bit of the result depends on all of theirs: both halves of a product of odd-looking
/// factors.
#[inline(always)]
fn scrambled(low: u64, high: u64, bits: u64) -> u64 {
    const MIXERS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];
    let place = (low << 32 ^ high).wrapping_mul(MIXERS[0]);
    let product = u128::from(place ^ MIXERS[1]) * u128::from(bits ^ MIXERS[2] ^ place.rotate_left(32));
    (product >> 64) as u64 ^ product as u64
}

/// Compares every entry with its partner across the diagonal: `rows` are this rank's even share of a matrix of `n` rows.
/// Entries whose partner lies on another rank travel there, a bounded number at a time. Collective; the same on every
/// rank.
pub fn asymmetry(comm: &Comm, n: u64, rows: &Rows) -> Option<Asymmetry> {
    let mut search = Search { rows, start: rows.numbers.first().copied().unwrap_or(0), one_sided: 0, first: None };
    search.among_own();
    search.among_others(comm, EvenSplit { n, ranks: comm.size() });
    let key = |found: &Asymmetry| found.row << 32 | found.column;
    let first_key = comm.reduced(Op::Min, search.first.as_ref().map_or(u64::MAX, key));
    if first_key == u64::MAX {
        return None;
    }
    let mut sides = [0, 0];
    for k in 0..rows.len() {
        for &column in rows.row(k).0 {
            sides[0] += u64::from(column < rows.numbers[k]);
            sides[1] += u64::from(column > rows.numbers[k]);
        }
    }
    let mut counts = [search.one_sided, sides[0], sides[1]];
    comm.reduce_u64(Op::Sum, &mut counts);
    let [one_sided, below, above] = counts;
    let mine = search.first.filter(|found| key(found) == first_key);
    let words = mine.map(|found| {
        let partner = found.partner.map_or([0, 0], |partner| [1, partner.to_bits()]);
        [found.row, found.column, found.value.to_bits(), partner[0], partner[1]]
    });
    first(comm, words).map(|[row, column, value, has_partner, partner]| Asymmetry {
        row,
        column,
        value: f64::from_bits(value),
        partner: (has_partner == 1).then(|| f64::from_bits(partner)),
        is_one_triangle: one_sided == below + above && (below == 0 || above == 0),
    })
}

struct Search<'a> {
    rows: &'a Rows,
    /// The first row here.
    start: u64,
    one_sided: u64,
    first: Option<Asymmetry>,
}

impl Search<'_> {
    fn end(&self) -> u64 {
        self.start + self.rows.len() as u64
    }

    /// Compares an entry with its partner, if it has one.
    fn compare(&mut self, row: u64, column: u64, value: f64, partner: Option<f64>) {
        self.one_sided += u64::from(partner.is_none());
        if close(value, partner.unwrap_or(0.0)) {
            return;
        }
        if self.first.as_ref().is_none_or(|first| (row, column) < (first.row, first.column)) {
            self.first = Some(Asymmetry { row, column, value, partner, is_one_triangle: false });
        }
    }

    /// Entries whose partner is here too. The rows go up, so the entries that are asked of a row do as well: a finger in
    /// each row moves along.
    fn among_own(&mut self) {
        let rows = self.rows;
        let first_here = |k: usize| {
            let (from, columns) = (rows.starts[k], rows.row(k).0);
            let is_here = columns.first().is_none_or(|&column| column >= self.start);
            if is_here { from } else { from + columns.partition_point(|&column| column < self.start) }
        };
        let mut fingers: Vec<usize> = (0..rows.len()).map(first_here).collect();
        for k in 0..rows.len() {
            let row = rows.numbers[k];
            let mut at = fingers[k];
            // What the rows above did not ask for has no partner.
            while at < rows.starts[k + 1] && rows.columns[at] < row {
                self.compare(row, rows.columns[at], rows.values[at], None);
                at += 1;
            }
            for at in at..rows.starts[k + 1] {
                let (column, value) = (rows.columns[at], rows.values[at]);
                if column == row {
                    continue;
                }
                if column >= self.end() {
                    break;
                }
                let other = (column - self.start) as usize;
                let finger = &mut fingers[other];
                while *finger < rows.starts[other + 1] && rows.columns[*finger] < row {
                    let lonely = *finger;
                    *finger += 1;
                    self.compare(column, rows.columns[lonely], rows.values[lonely], None);
                }
                if *finger < rows.starts[other + 1] && rows.columns[*finger] == row {
                    let partner = rows.values[*finger];
                    *finger += 1;
                    self.compare(row, column, value, Some(partner));
                    self.compare(column, row, partner, Some(value));
                } else {
                    self.compare(row, column, value, None);
                }
            }
        }
    }

    /// Entries whose partner is on another rank: each goes there, and so does the partner the other way.
    fn among_others(&mut self, comm: &Comm, split: EvenSplit) {
        let rows = self.rows;
        let here = self.start..self.end();
        let mut abroad = (0..rows.len()).flat_map(|k| {
            let (columns, values) = rows.row(k);
            let entries = columns.iter().zip(values).map(move |(column, value)| (rows.numbers[k], *column, *value));
            entries.filter(|(_, column, _)| !here.contains(column))
        });
        let mut is_over = false;
        while comm.reduced(Op::Max, u64::from(!is_over)) == 1 {
            let mut outgoing: std::collections::BTreeMap<usize, Vec<[u64; 2]>> = Default::default();
            let mut sent = 0;
            for (row, column, value) in abroad.by_ref().take(ROUND) {
                outgoing.entry(split.holder(column)).or_default().push([row << 32 | column, value.to_bits()]);
                sent += 1;
            }
            is_over = sent < ROUND;
            for (_, entries) in comm.sparse_exchange(outgoing.into_iter().collect()) {
                for [place, value] in entries {
                    let (row, column) = (place >> 32, place & 0xffff_ffff);
                    let (columns, values) = rows.row((column - self.start) as usize);
                    let partner = columns.binary_search(&row).ok().map(|at| values[at]);
                    self.compare(row, column, f64::from_bits(value), partner);
                }
            }
        }
    }
}

/// What the lowest rank that found something has found, on every rank. Collective.
pub(crate) fn first<const WORDS: usize>(comm: &Comm, found: Option<[u64; WORDS]>) -> Option<[u64; WORDS]> {
    let finder = comm.reduced(Op::Min, if found.is_some() { comm.rank() } else { comm.size() } as u64) as usize;
    if finder == comm.size() {
        return None;
    }
    comm.broadcast(finder, &found.unwrap_or([0; WORDS])).try_into().ok()
}

/// The message about a diagonal entry of a row, from 0.
pub(crate) fn bad_diagonal(row: u64, value: f64) -> String {
    let (row, value) = (row + 1, short(value));
    format!("A({row},{row}) = {value}: a positive definite matrix has a positive diagonal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_any_value_in_a_few_digits() {
        assert_eq!([-0.5, 1e-300, -1.7976931348623157e308].map(short), ["-0.5", "1e-300", "-1.7976931348623157e308"]);
    }
}
