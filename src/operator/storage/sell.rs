//! Rows of equal length side by side.
//!
//! Sliced ELLPACK with sorting, after Kreutzer, Hager, Wellein, Fehske & Bishop, "A unified sparse matrix
//! data format for efficient general sparse matrix-vector multiplication on modern processors with wide
//! SIMD units", SIAM J. Sci. Comput. 36(5), 2014 (SELL-C-σ), with C = 8 and σ a block of rows. Where they
//! pad the rows of a slice to equal length, only rows of equal length share a slice here, and the few left
//! over in a block come in narrower slices: nothing is stored that is not an entry.
//!
//! On a mesh the lengths of successive rows differ, and a loop over the entries of one row at a time
//! mispredicts its end nearly every time. Here eight rows end together.
//!
//! Rows whose columns all lie near their block are kept with 16 bits per column; and a matrix of at most 256
//! different values, if wanted, with one byte per value.

use super::ahead::prefetch;
use crate::distributed::LocalRows;
use crate::operator::wavefront::BLOCK;
use crate::simd::{LANES, Simd, vectorized};
use crate::vector::blocks;
use std::collections::HashMap;
use std::ops::Range;

/// Rows in a slice, at most; the few left over come in slices of half as many, and so on.
const WIDTH: usize = LANES;

/// Columns that 16 bits can name, from [`near_base`] on.
const NEAR: usize = 1 << 16;

const _: () = assert!(BLOCK <= 1 << 16, "rows within a block are numbered with 16 bits");

/// The first of the columns near the block that begins with row `start`.
fn near_base(start: usize) -> usize {
    start.saturating_sub((NEAR - BLOCK) / 2)
}

fn is_near(row: usize, columns: &[u32]) -> bool {
    let base = near_base(row - row % BLOCK);
    columns.iter().all(|&column| (base..base + NEAR).contains(&(column as usize)))
}

/// Rows of a block that are of the same length, and all near or all far, in [`slices`].
#[derive(Clone, Copy)]
struct Group {
    rows: u16,
    is_near: bool,
    length: u32,
}

/// Where something starts in the arrays.
#[derive(Clone, Copy, Default)]
struct Cursor {
    group: usize,
    near: usize,
    far: usize,
    value: usize,
}

/// Where a row's entries are: `length` columns and values, `stride` apart.
#[derive(Clone, Copy)]
struct Place {
    column: u32,
    value: u32,
    /// In the highest bits the binary logarithm of the stride, and below whether the row is near.
    length: u32,
}

const STRIDE_SHIFT: u32 = 30;
const IS_NEAR: u32 = 1 << 29;

/// The widths of the slices that `rows` rows of equal length are cut into.
fn slices(rows: usize) -> impl Iterator<Item = usize> {
    let rest = move |width: usize| (rows & width != 0).then_some(width);
    std::iter::repeat_n(WIDTH, rows / WIDTH).chain([4, 2, 1].into_iter().filter_map(rest))
}

/// The entries' values: as they are, or as numbers of a table.
enum Values {
    Plain(Vec<f64>),
    Coded(Vec<u8>, Box<[f64; 256]>),
}

/// A product reads per entry the column, 2 bytes (4 in rows that reach far), and the value, 8 bytes (1 if coded);
/// 2 bytes per row; and 8 per group.
pub(in crate::operator) struct Sell {
    /// Where each block starts, and the end.
    blocks: Vec<Cursor>,
    groups: Vec<Group>,
    /// The rows of each block, counted from its first, as they follow each other in its groups.
    order: Vec<u16>,
    /// Columns, counted from the block's [`near_base`]; in a slice the first entry of every row, then the second ...
    near: Vec<u16>,
    /// The same for rows that reach far, counted from 0.
    far: Vec<u32>,
    values: Values,
    /// All columns are below.
    columns_end: usize,
    /// For access by row, which no product needs.
    places: Vec<Place>,
}

/// Each distinct value's place in a table of 256, or None if it would not hold them. Values differ if their bits do.
fn codes(values: &[f64]) -> Option<HashMap<u64, u8>> {
    let mut codes = HashMap::new();
    for value in values {
        let next = codes.len();
        codes.entry(value.to_bits()).or_insert(next.min(255) as u8);
        if codes.len() > 256 {
            return None;
        }
    }
    Some(codes)
}

impl Sell {
    /// What a product would read; None if the values are to be coded and cannot be.
    pub(super) fn bytes_of(rows: &LocalRows, is_coded: bool) -> Option<usize> {
        if is_coded && codes(&rows.values).is_none() {
            return None;
        }
        let column_bytes = |row: usize| {
            let columns = rows.row(row).0;
            columns.len() * if is_near(row, columns) { size_of::<u16>() } else { size_of::<u32>() }
        };
        let len = rows.starts.len() - 1;
        let value_bytes = if is_coded { rows.values.len() + 256 * size_of::<f64>() } else { 8 * rows.values.len() };
        Some((0..len).map(column_bytes).sum::<usize>() + value_bytes + size_of::<u16>() * len)
    }

    /// # Panics
    /// If there are 2³² entries or more, 2²⁹ in a row; or if the values are to be coded and cannot be.
    pub(super) fn new(rows: LocalRows, is_coded: bool) -> Sell {
        let (len, entries) = (rows.starts.len() - 1, rows.values.len());
        assert!(u32::try_from(entries).is_ok(), "a rank has fewer than 2^32 entries");
        let codes = is_coded.then(|| codes(&rows.values).expect("coded where there are few values"));
        let mut values = Vec::with_capacity(if is_coded { 0 } else { entries });
        let mut coded = Vec::with_capacity(if is_coded { entries } else { 0 });
        let mut push_value = |value: f64| match &codes {
            None => values.push(value),
            Some(codes) => coded.push(codes[&value.to_bits()]),
        };
        let (mut near, mut far, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let (mut blocks_start, mut all_order) = (vec![Cursor::default()], Vec::with_capacity(len));
        let mut places = vec![Place { column: 0, value: 0, length: 0 }; len];
        let mut value_count = 0;
        for block in blocks(len, BLOCK) {
            let base = near_base(block.start);
            let kind = |row: usize| (!is_near(row, rows.row(row).0), rows.row(row).0.len());
            let mut order: Vec<usize> = block.clone().collect();
            order.sort_by_cached_key(|&row| kind(row));
            all_order.extend(order.iter().map(|row| (row - block.start) as u16));
            for group in order.chunk_by(|&a, &b| kind(a) == kind(b)) {
                let (is_far, length) = kind(group[0]);
                assert!(length < IS_NEAR as usize, "a row has fewer than 2^29 entries");
                groups.push(Group { rows: (group.len() - 1) as u16, is_near: !is_far, length: length as u32 });
                let mut rest = group;
                for width in slices(group.len()) {
                    let together;
                    (together, rest) = rest.split_at(width);
                    let column_count = if is_far { far.len() } else { near.len() };
                    for (lane, &row) in together.iter().enumerate() {
                        places[row] = Place {
                            column: (column_count + lane) as u32,
                            value: (value_count + lane) as u32,
                            length: length as u32
                                | width.trailing_zeros() << STRIDE_SHIFT
                                | if is_far { 0 } else { IS_NEAR },
                        };
                    }
                    for entry in 0..length {
                        for &row in together {
                            let (columns, values) = rows.row(row);
                            match is_far {
                                true => far.push(columns[entry]),
                                false => near.push((columns[entry] as usize - base) as u16),
                            }
                            push_value(values[entry]);
                        }
                    }
                    value_count += length * together.len();
                }
            }
            blocks_start.push(Cursor { group: groups.len(), near: near.len(), far: far.len(), value: value_count });
        }
        let values = match codes {
            None => Values::Plain(values),
            Some(codes) => {
                let mut table = Box::new([0.0; 256]);
                codes.into_iter().for_each(|(bits, code)| table[code as usize] = f64::from_bits(bits));
                Values::Coded(coded, table)
            }
        };
        let columns_end = rows.columns.iter().max().map_or(0, |&column| column as usize + 1);
        Sell { blocks: blocks_start, groups, order: all_order, near, far, values, columns_end, places }
    }

    /// `rows` are those of one block.
    #[allow(unsafe_code)]
    pub(super) fn multiply<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        assert!(x.len() >= self.columns_end && rows.start.is_multiple_of(BLOCK));
        assert!(rows.end == self.order.len().min(rows.start + BLOCK));
        // Apart, so that each is compiled for what it is.
        match &self.values {
            // SAFETY: as asserted, and these are the entries' values.
            Values::Plain(values) => {
                vectorized!(simd => unsafe { self.multiply_block(simd, rows, values, |value| value, x, y) });
            }
            // SAFETY: as above.
            Values::Coded(codes, table) => {
                vectorized!(simd => unsafe {
                    self.multiply_block(simd, rows, codes, |code: u8| table[code as usize], x, y)
                });
            }
        }
    }

    /// # Safety
    /// x has `columns_end` rows or more.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn multiply_block<S: Simd, T: Copy, const K: usize>(
        &self,
        simd: S,
        rows: Range<usize>,
        values: &[T],
        decoded: impl Fn(T) -> f64 + Copy,
        x: &[[f64; K]],
        y: &mut [[f64; K]],
    ) {
        let block = rows.start / BLOCK;
        let near_x = &x[near_base(rows.start)..];
        let mut at = self.blocks[block];
        let mut order = &self.order[rows];
        for &Group { rows, is_near, length } in &self.groups[at.group..self.blocks[block + 1].group] {
            let (count, length) = (rows as usize + 1, length as usize);
            let mine;
            (mine, order) = order.split_at(count);
            let entries = count * length;
            let values = &values[at.value..at.value + entries];
            if is_near {
                let columns = &self.near[at.near..at.near + entries];
                // SAFETY: the columns of this block's near rows are counted from where `near_x` begins; `new` has found them
                // all below `columns_end`, no field changes afterwards, and x is as long as the caller has promised.
                unsafe { self.multiply_group(simd, mine, length, columns, values, decoded, near_x, y) };
                at.near += entries;
            } else {
                let columns = &self.far[at.far..at.far + entries];
                // SAFETY: as above, counted from 0.
                unsafe { self.multiply_group(simd, mine, length, columns, values, decoded, x, y) };
                at.far += entries;
            }
            at.value += entries;
        }
    }

    /// Rows of `length` entries each.
    ///
    /// # Safety
    /// Every column is below x.len().
    #[inline(always)]
    #[allow(clippy::too_many_arguments, unsafe_code)]
    unsafe fn multiply_group<S: Simd, C: Copy + Into<u32>, T: Copy, const K: usize>(
        &self,
        simd: S,
        rows: &[u16],
        length: usize,
        columns: &[C],
        values: &[T],
        decoded: impl Fn(T) -> f64 + Copy,
        x: &[[f64; K]],
        y: &mut [[f64; K]],
    ) {
        let (mut columns, mut values, mut rows) = (columns, values, rows);
        macro_rules! slices_of {
            ($width:expr, $products:expr) => {
                let (mine, later) = rows.split_at($width);
                let (my_columns, later_columns) = columns.split_at($width * length);
                let (my_values, later_values) = values.split_at($width * length);
                // SAFETY: the caller has promised what this asks for.
                let sums: [[f64; K]; $width] = unsafe { $products(simd, my_columns, my_values, decoded, x) };
                for (&row, sum) in mine.iter().zip(sums) {
                    y[row as usize] = sum;
                }
                (rows, columns, values) = (later, later_columns, later_values);
            };
        }
        while rows.len() >= WIDTH {
            slices_of!(WIDTH, eight_rows);
        }
        // As `slices` has cut them.
        if rows.len() >= 4 {
            slices_of!(4, few_rows);
        }
        if rows.len() >= 2 {
            slices_of!(2, few_rows);
        }
        if !rows.is_empty() {
            slices_of!(1, few_rows);
        }
        let _ = (rows, columns, values);
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let Place { column, value, length } = self.places[row];
        let (stride, is_near) = (1 << (length >> STRIDE_SHIFT), length & IS_NEAR != 0);
        let base = near_base(row - row % BLOCK);
        (0..(length & (IS_NEAR - 1)) as usize).map(move |entry| {
            let at = column as usize + stride * entry;
            let column = if is_near { (base + self.near[at] as usize) as u32 } else { self.far[at] };
            let at = value as usize + stride * entry;
            let value = match &self.values {
                Values::Plain(values) => values[at],
                Values::Coded(codes, table) => table[codes[at] as usize],
            };
            (column, value)
        })
    }

    /// What a product reads.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Plain(values) => size_of_val(&values[..]),
            Values::Coded(codes, table) => size_of_val(&codes[..]) + size_of_val(&table[..]),
        };
        size_of_val(&self.groups[..])
            + size_of_val(&self.order[..])
            + size_of_val(&self.near[..])
            + size_of_val(&self.far[..])
            + values
    }

    pub(super) fn entries(&self) -> usize {
        self.near.len() + self.far.len()
    }
}

/// The products of [`WIDTH`] rows side by side. Their instructions are named, since the compiler would make a gather
/// of the loads of x, which is slower, or multiply the pairs one by one.
///
/// # Safety
/// Every column is below x.len().
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn eight_rows<S: Simd, C: Copy + Into<u32>, T: Copy, const K: usize>(
    simd: S,
    columns: &[C],
    values: &[T],
    decoded: impl Fn(T) -> f64,
    x: &[[f64; K]],
) -> [[f64; K]; WIDTH] {
    const { assert!(K == 1 || K == 2, "one vector, or a pair") };
    // SAFETY: the caller has promised it.
    let x = |column: C| unsafe { x.get_unchecked(column.into() as usize) };
    let mut sums = [simd.splat(0.0); K];
    for (columns, values) in columns.as_chunks::<WIDTH>().0.iter().zip(values.as_chunks::<WIDTH>().0) {
        prefetch(values);
        prefetch(columns);
        let mut factors = [0.0; WIDTH];
        for lane in 0..WIDTH {
            factors[lane] = decoded(values[lane]);
        }
        let factors = simd.read(&factors);
        let [a, b, c, d, e, f, g, h] = *columns;
        let x = [x(a), x(b), x(c), x(d), x(e), x(f), x(g), x(h)];
        // As many registers as x has numbers in a row.
        if K == 1 {
            let [a, b, c, d, e, f, g, h] = x;
            let x = simd.collect([&a[0], &b[0], &c[0], &d[0], &e[0], &f[0], &g[0], &h[0]]);
            sums[0] = simd.add(sums[0], simd.mul(factors, x));
        } else {
            let pairs = x.map(|x| x.first_chunk().expect("two numbers, since not one"));
            let (x, factors) = (simd.collect_pairs(pairs), simd.twice(factors));
            for half in 0..2 {
                sums[half] = simd.add(sums[half], simd.mul(factors[half], x[half]));
            }
        }
    }
    let mut rows = [[0.0; K]; WIDTH];
    for (numbers, to) in sums.into_iter().zip(rows.as_flattened_mut().as_chunks_mut::<LANES>().0) {
        simd.write(numbers, to);
    }
    rows
}

/// The products of W rows side by side.
///
/// # Safety
/// Every column is below x.len().
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn few_rows<S: Simd, C: Copy + Into<u32>, T: Copy, const K: usize, const W: usize>(
    _simd: S,
    columns: &[C],
    values: &[T],
    decoded: impl Fn(T) -> f64,
    x: &[[f64; K]],
) -> [[f64; K]; W] {
    let mut sums = [[0.0; K]; W];
    for (columns, values) in columns.as_chunks::<W>().0.iter().zip(values.as_chunks::<W>().0) {
        prefetch(values);
        prefetch(columns);
        for lane in 0..W {
            let column: u32 = columns[lane].into();
            // SAFETY: the caller has promised it.
            let x = unsafe { x.get_unchecked(column as usize) };
            let value = decoded(values[lane]);
            for k in 0..K {
                sums[lane][k] += value * x[k];
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::with_every_simd;

    /// All products, block by block.
    #[allow(unsafe_code)]
    fn products<S: Simd, const K: usize>(simd: S, sell: &Sell, x: &[[f64; K]]) -> Vec<[u64; K]> {
        assert!(x.len() >= sell.columns_end);
        let mut y = vec![[f64::NAN; K]; sell.order.len()];
        for rows in blocks(y.len(), BLOCK) {
            let y = &mut y[rows.clone()];
            // SAFETY: x is as long as asserted.
            unsafe {
                match &sell.values {
                    Values::Plain(values) => sell.multiply_block(simd, rows, values, |value| value, x, y),
                    Values::Coded(codes, table) => {
                        sell.multiply_block(simd, rows, codes, |code: u8| table[code as usize], x, y);
                    }
                }
            }
        }
        y.into_iter().map(|y| y.map(f64::to_bits)).collect()
    }

    #[test]
    fn rows_of_any_length_with_every_instruction() {
        // Blocks that begin far behind column 0 among them, and a part of a block at the end.
        let len = 18 * BLOCK + 37;
        let mut rows = LocalRows::new();
        for row in 0..len {
            let reach = if row % 900 < 3 { len } else { 20 };
            let mut columns: Vec<usize> = (0..row * row % 13).map(|k| (row + k * reach / 13) % len).collect();
            columns.sort_unstable();
            columns.dedup();
            rows.push(columns.into_iter().map(|column| (column as u32, 0.1 + ((row + column) % 200) as f64)));
        }
        let x: Vec<[f64; 2]> = (0..len).map(|row| [1.0 / (row as f64 + 0.3), 3.0 - 0.01 * row as f64]).collect();
        let first: Vec<[f64; 1]> = x.iter().map(|x| [x[0]]).collect();
        let plain = |k: usize, row: usize| {
            rows.entries(row).fold(0.0, |sum, (column, value)| sum + value * x[column as usize][k]).to_bits()
        };
        let expected: Vec<[u64; 2]> = (0..len).map(|row| [plain(0, row), plain(1, row)]).collect();
        for is_coded in [false, true] {
            let sell = Sell::new(rows.clone(), is_coded);
            assert!(!sell.near.is_empty() && !sell.far.is_empty());
            with_every_simd!(simd => {
                assert!(products(simd, &sell, &x) == expected, "pairs, coded: {is_coded}");
                assert!(products(simd, &sell, &first).iter().zip(&expected).all(|(y, both)| y[0] == both[0]));
            });
        }
    }
}
