//! In which order blocks of rows are multiplied and may be overwritten, in one pass.
//!
//! x can be updated in the pass that forms A x, without a second copy of it: a block of x may be
//! overwritten once every block that reads it has been multiplied. On a matrix of bandwidth b that
//! is about b rows behind the front, so that only the products of so many rows wait, in cache.

use super::operator::EachBlock;
use std::ops::Range;

/// Rows in a block: the products of a pair fill 32 KiB, the first cache. Shorter blocks were slower: the
/// prefetchers start anew with each.
pub(super) const BLOCK: usize = 2048;

/// Rows in a block of boundary rows. They lie scattered among the interior rows that they read, and
/// keep them waiting: the fewer the better.
const BOUNDARY_BLOCK: usize = 32;

/// The plan of a pass over the blocks.
pub(super) struct Wavefront {
    /// In the order in which they are multiplied: boundary blocks among the interior rows that they read.
    blocks: Vec<Range<usize>>,
    /// The buffer that holds each block's products until the block may be overwritten.
    slots: Vec<u32>,
    slot_count: usize,
    /// The blocks in the order in which they may be overwritten ...
    order: Vec<u32>,
    /// ... and how many of them after each product.
    ready: Vec<u32>,
}

impl Wavefront {
    /// For rows whose columns below `rows` are those that `visit(row, see)` passes to `see`. Rows from
    /// `interior` on are boundary rows; blocks hold rows of one kind.
    pub(super) fn new(rows: usize, interior: usize, visit: impl Fn(usize, &mut dyn FnMut(usize))) -> Wavefront {
        let cut = |range: Range<usize>, block: usize| {
            let end = range.end;
            range.step_by(block).map(move |start| start..end.min(start + block))
        };
        // Where a boundary block belongs: behind the last interior block that it reads.
        let last_read = |block: &Range<usize>| {
            let mut last = 0;
            for row in block.clone() {
                visit(row, &mut |column| {
                    if column < interior {
                        last = last.max(column);
                    }
                });
            }
            last / BLOCK
        };
        let mut placed: Vec<(usize, Range<usize>)> = cut(0..interior, BLOCK).enumerate().collect();
        placed.extend(cut(interior..rows, BOUNDARY_BLOCK).map(|block| (last_read(&block), block)));
        placed.sort_by_key(|(place, block)| (*place, block.start));
        let blocks: Vec<Range<usize>> = placed.into_iter().map(|(_, block)| block).collect();

        // The last block that reads each block.
        let mut block_of = vec![0u32; rows.div_ceil(BOUNDARY_BLOCK) + 1];
        let cell = |row: usize| {
            if row < interior { row / BLOCK } else { interior.div_ceil(BLOCK) + (row - interior) / BOUNDARY_BLOCK }
        };
        for (block, range) in blocks.iter().enumerate() {
            block_of[cell(range.start)] = block as u32;
        }
        let mut readers: Vec<u32> = (0..blocks.len() as u32).collect();
        for (block, range) in blocks.iter().enumerate() {
            for row in range.clone() {
                visit(row, &mut |column| {
                    if column < rows {
                        let reader = &mut readers[block_of[cell(column)] as usize];
                        *reader = (*reader).max(block as u32);
                    }
                });
            }
        }
        let mut order: Vec<u32> = (0..blocks.len() as u32).collect();
        order.sort_by_key(|&block| readers[block as usize]);

        let (mut slots, mut free, mut slot_count, mut done) = (vec![0; blocks.len()], Vec::new(), 0, 0);
        let mut ready = Vec::with_capacity(blocks.len());
        for block in 0..blocks.len() {
            slots[block] = free.pop().unwrap_or_else(|| {
                slot_count += 1;
                slot_count as u32 - 1
            });
            while done < order.len() && readers[order[done] as usize] as usize == block {
                free.push(slots[order[done] as usize]);
                done += 1;
            }
            ready.push(done as u32);
        }
        Wavefront { blocks, slots, slot_count, order, ready }
    }

    /// Rows that a buffer for the waiting products must hold.
    pub(super) fn buffer_rows(&self) -> usize {
        self.slot_count * BLOCK
    }

    /// Rows whose products wait while more than `rows` others are multiplied.
    pub(super) fn waiting_longer_than(&self, rows: usize) -> usize {
        let multiplied: Vec<usize> = self
            .blocks
            .iter()
            .scan(0, |sum, block| {
                *sum += block.len();
                Some(*sum)
            })
            .collect();
        let mut waiting = 0;
        let mut done = 0;
        for (block, &ready) in self.ready.iter().enumerate() {
            for &overwritten in &self.order[done..ready as usize] {
                if multiplied[block] - multiplied[overwritten as usize] > rows {
                    waiting += self.blocks[overwritten as usize].len();
                }
            }
            done = ready as usize;
        }
        waiting
    }

    /// The blocks in the order in which they may be overwritten.
    pub(super) fn each_block(&self, each: &mut dyn FnMut(Range<usize>)) {
        for &block in &self.order {
            each(self.blocks[block as usize].clone());
        }
    }

    /// One pass: `multiply` fills the products of a block of rows from `x`, then `each` is called for
    /// every block that nobody reads any more, with its part of `x` and its products.
    pub(super) fn sweep<T>(
        &self,
        x: &mut [T],
        products: &mut [T],
        mut multiply: impl FnMut(Range<usize>, &[T], &mut [T]),
        each: &mut EachBlock<T>,
    ) {
        let buffer = |block: usize| {
            let start = self.slots[block] as usize * BLOCK;
            start..start + self.blocks[block].len()
        };
        let mut done = 0;
        for (block, rows) in self.blocks.iter().enumerate() {
            multiply(rows.clone(), x, &mut products[buffer(block)]);
            for &free in &self.order[done..self.ready[block] as usize] {
                let rows = self.blocks[free as usize].clone();
                each(rows.clone(), &mut x[rows], &products[buffer(free as usize)]);
            }
            done = self.ready[block] as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose products wait at the same time, at most.
    fn most_waiting(front: &Wavefront) -> usize {
        let (mut waiting, mut most, mut done) = (0, 0, 0);
        for (block, &ready) in front.blocks.iter().zip(&front.ready) {
            waiting += block.len();
            most = most.max(waiting);
            waiting -= front.order[done..ready as usize].iter().map(|&b| front.blocks[b as usize].len()).sum::<usize>();
            done = ready as usize;
        }
        most
    }

    /// A row reads its neighbours at these distances.
    fn check(rows: usize, interior: usize, distances: &[i64]) -> usize {
        let reads = |row: usize| {
            let near = distances.iter().map(move |d| row as i64 + d);
            near.filter(|&column| column >= 0 && (column as usize) < rows).map(|column| column as usize)
        };
        let front = Wavefront::new(rows, interior, |row, see| reads(row).for_each(see));
        let mut x: Vec<u64> = (0..rows as u64).map(|row| 3 * row + 1).collect();
        let before = x.clone();
        let mut products = vec![0; front.buffer_rows()];
        let mut seen = vec![false; rows];
        front.sweep(
            &mut x,
            &mut products,
            |range, x, y| range.zip(y).for_each(|(row, y)| *y = reads(row).map(|column| x[column]).sum()),
            &mut |range, x, y| {
                for ((row, x), &y) in range.zip(x).zip(y) {
                    assert!(!std::mem::replace(&mut seen[row], true), "row {row} comes once");
                    assert_eq!(y, reads(row).map(|column| before[column]).sum::<u64>(), "row {row}");
                    *x = u64::MAX / 1000; // spoils whatever reads it too late
                }
            },
        );
        assert!(seen.into_iter().all(|seen| seen));
        most_waiting(&front)
    }

    #[test]
    fn nothing_is_overwritten_before_its_last_reader() {
        for rows in [0, 1, BLOCK, BLOCK + 1, 10 * BLOCK + 77] {
            for interior in [0, rows / 2, rows] {
                check(rows, interior, &[0]);
                check(rows, interior, &[-1, 0, 1]);
                check(rows, interior, &[-700, -1, 0, 1, 700]);
                check(rows, interior, &[-4000, 0, 4000]);
                check(rows, interior, &[1]);
            }
        }
    }

    /// A rank's box of a grid, cut off its neighbours along x: every line ends in a boundary row.
    #[test]
    fn few_products_wait_where_every_line_has_a_boundary_row() {
        let (length, lines) = (300, 400);
        let interior = (length - 1) * lines;
        let local = |x: usize, y: usize| if x + 1 < length { y * (length - 1) + x } else { interior + y };
        let front = Wavefront::new(length * lines, interior, |row, see| {
            let (x, y) = match row.checked_sub(interior) {
                None => (row % (length - 1), row / (length - 1)),
                Some(y) => (length - 1, y),
            };
            see(row);
            [(x > 0).then(|| (x - 1, y)), (x + 1 < length).then(|| (x + 1, y))]
                .into_iter()
                .flatten()
                .for_each(|(x, y)| see(local(x, y)));
            [(y > 0).then(|| (x, y - 1)), (y + 1 < lines).then(|| (x, y + 1))]
                .into_iter()
                .flatten()
                .for_each(|(x, y)| see(local(x, y)));
        });
        assert!(most_waiting(&front) < length * lines / 4, "{} rows wait", most_waiting(&front));
    }

    #[test]
    fn rows_that_wait_long_are_counted() {
        let rows = 40 * BLOCK;
        let band = |reach: usize| {
            Wavefront::new(rows, rows, |row, see| {
                [row.saturating_sub(reach), (row + reach).min(rows - 1)].into_iter().for_each(see)
            })
        };
        assert_eq!(band(1).waiting_longer_than(2 * BLOCK), 0);
        // All but those near the end, where no rows are left to wait for.
        let long = band(10 * BLOCK).waiting_longer_than(5 * BLOCK);
        assert!((30 * BLOCK..=36 * BLOCK).contains(&long), "{}", long / BLOCK);
    }

    #[test]
    fn few_products_wait_on_a_banded_matrix() {
        let rows = 100 * BLOCK;
        assert!(check(rows, rows, &[-1, 0, 1]) <= 3 * BLOCK);
        assert!(check(rows, rows, &[-1000, 0, 1000]) <= 4 * BLOCK);
        // The first block and the last read each other: one block waits to the end, and no other.
        assert!(check(rows, rows, &[-(rows as i64) + 1, 0, rows as i64 - 1]) <= 2 * BLOCK);
    }
}
