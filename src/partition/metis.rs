//! METIS k-way partition of the matrix graph, on one rank.

use super::blocks;
use crate::comm::{Comm, Op};
use crate::error::{Error, ExitCode, Result};
use crate::memory;
use crate::problem::{EvenSplit, Problem, Rows, deal};
use metis::option::{ObjType, Seed};
use metis::{Graph, Idx};

/// Bytes that rank 0 needs for METIS, beside what it holds anyway; 0 where METIS is not asked (one part, no more rows
/// than parts, a diagonal matrix). The graph in compressed rows takes 4 for each entry and 12 for each row; METIS' own
/// copies of it, coarser and coarser, several times that.
///
/// The factors are an upper bound of what was measured on grids, random networks and stars, with 2 to 65 536 parts.
pub fn metis_bytes(rows: u64, nonzeros: u64, parts: usize) -> u64 {
    let entries = nonzeros.saturating_sub(rows);
    if parts == 1 || rows <= parts as u64 || entries == 0 {
        return 0;
    }
    BYTES_PER_ROW * rows + BYTES_PER_ENTRY * entries + BYTES_PER_PART * parts as u64
}

const BYTES_PER_ROW: u64 = 72;
const BYTES_PER_ENTRY: u64 = 80;
const BYTES_PER_PART: u64 = 128;

/// What to do instead.
const REMEDY: &str =
    "use --partition blocks, a file made elsewhere (--partition file:PATH), or for a grid --partition rcb";

/// Parts of this rank's even share. The graph is gathered on rank 0. Collective.
///
/// The corners that METIS does not take are decided here: one part; no more rows than parts; a
/// graph without edges (a diagonal matrix), where contiguous blocks are as good as anything.
///
/// # Errors
/// A graph too large for METIS' 32-bit numbers or for the memory of rank 0's machine; one that is not symmetric.
pub(super) fn assign(comm: &Comm, problem: &Problem, parts: usize) -> Result<Vec<u32>> {
    let split = EvenSplit { n: problem.n(), ranks: comm.size() };
    let share = split.share(comm.rank());
    if parts == 1 {
        return Ok(vec![0; (share.end - share.start) as usize]);
    }
    if split.n <= parts as u64 {
        return Ok(share.map(|row| row as u32).collect());
    }
    numbers_fit(split.n, 0)?;
    let rows = problem.graph_share(comm);
    let edges = comm.reduced(Op::Sum, rows.columns.len() as u64 - diagonals(&rows));
    if edges == 0 {
        return Ok(blocks::assign(comm, &rows, parts));
    }
    numbers_fit(split.n, edges + split.n)?;
    let needed = metis_bytes(split.n, edges + split.n, parts);
    comm.agree(match memory::available_bytes() {
        Some(available) if comm.is_root() && needed > available => Err(Error::new(
            ExitCode::Internal,
            format!(
                "METIS would need about {} of memory on one machine for {} rows and {} nonzeros, and {} are available; {REMEDY}",
                readable(needed),
                split.n,
                edges + split.n,
                readable(available)
            ),
        )),
        _ => Ok(()),
    })?;
    let (degrees, neighbours) = compressed(&rows);
    drop(rows);
    let degrees = gathered(comm, degrees);
    let neighbours = gathered(comm, neighbours);
    let owners = comm.agree(if comm.is_root() { partition(degrees, &neighbours, parts) } else { Ok(Vec::new()) })?;
    drop(neighbours);
    Ok(deal(comm, split.n, comm.is_root().then_some(&owners[..])))
}

/// Whether METIS can number the rows, and add up their weights, which are their entries.
fn numbers_fit(rows: u64, nonzeros: u64) -> Result<()> {
    const MOST: u64 = Idx::MAX as u64 - 1;
    for (count, what) in [(rows, "rows"), (nonzeros, "nonzeros")] {
        if count > MOST {
            return Err(Error::input(format!(
                "METIS cannot partition this matrix: it numbers with 32 bits, and there are {count} {what}, more than {MOST}; {REMEDY}"
            )));
        }
    }
    Ok(())
}

fn readable(bytes: u64) -> String {
    if bytes < 1 << 30 { format!("{:.1} MB", bytes as f64 / 1e6) } else { format!("{:.2} GB", bytes as f64 / 1e9) }
}

fn diagonals(rows: &Rows) -> u64 {
    (0..rows.len()).filter(|&k| rows.row(k).0.binary_search(&rows.numbers[k]).is_ok()).count() as u64
}

/// How many rows each row is coupled to, and which. The diagonal is not a coupling.
fn compressed(rows: &Rows) -> (Vec<Idx>, Vec<Idx>) {
    let (mut degrees, mut neighbours) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.columns.len()));
    for (k, &number) in rows.numbers.iter().enumerate() {
        let before = neighbours.len();
        neighbours.extend(rows.row(k).0.iter().filter(|&&column| column != number).map(|&column| column as Idx));
        degrees.push((neighbours.len() - before) as Idx);
    }
    (degrees, neighbours)
}

/// The numbers of all ranks, by rank, on rank 0, in rounds of bounded size. Collective.
fn gathered(comm: &Comm, mine: Vec<Idx>) -> Vec<Idx> {
    /// 16 MB a round.
    const ROUND: u64 = 4 << 20;
    let (first, total) = super::prefix(comm, mine.len() as u64);
    let mut all = Vec::with_capacity(if comm.is_root() { total as usize } else { 0 });
    for round in 0..total.div_ceil(ROUND) {
        let within = |at: u64| (at.clamp(first, first + mine.len() as u64) - first) as usize;
        let piece = &mine[within(round * ROUND)..within((round + 1) * ROUND)];
        let message = if piece.is_empty() { Vec::new() } else { vec![(0, piece.to_vec())] };
        for (_, piece) in comm.sparse_exchange(message) {
            all.extend(piece);
        }
    }
    all
}

/// The part of every row of the whole graph.
fn partition(mut degrees: Vec<Idx>, neighbours: &[Idx], parts: usize) -> Result<Vec<u32>> {
    // A row weighs its entries.
    let weights: Vec<Idx> = degrees.iter().map(|degree| degree + 1).collect();
    // The degrees become the places where rows start, of which there is one more.
    let mut end = 0;
    for degree in &mut degrees {
        end += std::mem::replace(degree, end);
    }
    degrees.push(end);
    let starts = degrees;
    check_symmetry(&starts, neighbours)?;
    let failed = |error: String| Error::input(format!("METIS cannot partition this matrix: {error}; {REMEDY}"));
    let mut owners = vec![0; weights.len()];
    Graph::new(1, parts as Idx, &starts, neighbours)
        .map_err(|error| failed(error.to_string()))?
        .set_vwgt(&weights)
        // Communication volume rather than cut edges: it is the halo that is paid for.
        .set_option(ObjType::Vol)
        .set_option(Seed(1))
        .part_kway(&mut owners)
        .map_err(|error| failed(error.to_string()))?;
    Ok(owners.into_iter().map(|owner| owner as u32).collect())
}

/// METIS corrupts memory on a graph with an edge in one direction only.
fn check_symmetry(starts: &[Idx], neighbours: &[Idx]) -> Result<()> {
    // Going through the rows, the neighbours of each row must come by in the order in which it names them.
    let mut next: Vec<Idx> = starts[..starts.len() - 1].to_vec();
    for row in 0..next.len() {
        for &neighbour in &neighbours[starts[row] as usize..starts[row + 1] as usize] {
            let (there, at) = (neighbour as usize, next[neighbour as usize]);
            if at == starts[there + 1] || neighbours[at as usize] != row as Idx {
                return Err(Error::input(format!(
                    "METIS cannot partition this matrix: not every entry beside the diagonal has a counterpart (see rows {} and {}); {REMEDY}",
                    row + 1,
                    there + 1
                )));
            }
            next[there] += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_more_than_31_bits_is_refused() {
        let most = (1u64 << 31) - 2;
        assert_eq!(numbers_fit(most, most), Ok(()));
        for (rows, nonzeros, says) in [
            (most + 1, 0, "2147483647 rows"),
            (most, most + 1, "2147483647 nonzeros"),
            (1 << 31, 1 << 40, "2147483648 rows"),
            (7, 1 << 31, "2147483648 nonzeros"),
        ] {
            let refused = numbers_fit(rows, nonzeros).unwrap_err().to_string();
            assert!(refused.contains(says) && refused.contains("--partition rcb"), "{refused}");
        }
    }

    #[test]
    fn a_graph_with_an_edge_in_one_direction_only_is_refused() {
        // 0 - 1 - 2 and 2 - 0.
        assert!(check_symmetry(&[0, 2, 4, 6], &[1, 2, 0, 2, 0, 1]).is_ok());
        let one_way: [(&[Idx], &[Idx]); 3] =
            [(&[0, 2, 3, 5], &[1, 2, 0, 0, 1]), (&[0, 1, 3, 5], &[1, 0, 2, 0, 1]), (&[0, 1, 1, 1], &[2])];
        for (starts, neighbours) in one_way {
            let refused = check_symmetry(starts, neighbours).unwrap_err().to_string();
            assert!(refused.contains("counterpart") && refused.contains("--partition blocks"), "{refused}");
        }
    }

    #[test]
    fn pieces_arrive_in_the_order_of_ranks() {
        for ranks in [1, 2, 5] {
            let all = Comm::threads(ranks, |comm| {
                // The first and the last have nothing; some pieces take more than a round.
                let length = 1_500_000 * ((comm.rank() * (ranks - 1 - comm.rank())) as Idx);
                let first = 100_000_000 * comm.rank() as Idx;
                gathered(comm, (first..first + length).collect())
            });
            assert!(all[0].is_sorted() && all[1..].iter().all(Vec::is_empty));
            let lengths: usize = (0..ranks).map(|rank| 1_500_000 * rank * (ranks - 1 - rank)).sum();
            assert_eq!(all[0].len(), lengths);
        }
    }
}
