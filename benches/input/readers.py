#!/usr/bin/env python3
"""Reading Matrix Market files: halocg on one rank and on two, sprs, scipy and fast_matrix_market, in turn.

Run by `make bench-input`. All readers read the same two files, which are written here: a five-point matrix of about two
million entries with 17 digits, once `general` and once `symmetric`. A round calls every reader once; printed are the
medians of the rounds, and their ratios to the fastest of the others on one thread. halocg's time covers the whole of
reading: parsed, sorted rows of both triangles on the ranks that hold them, checked for symmetry. The other readers'
time ends with the list of entries as it is in the file.
"""

import argparse
import os
import statistics
import subprocess
import time
from pathlib import Path

import fast_matrix_market
import numpy
import scipy.io
import scipy.io._fast_matrix_market as scipy_reader

TIMES = 3  # readings in one call, of which the median counts


def write_matrix(path, width, symmetric):
    """A five-point matrix on a square, scaled at random from both sides, column by column."""
    if path.exists():
        return
    n = width * width
    scale = numpy.random.default_rng(1).uniform(0.5, 2, n)
    points = numpy.arange(n)
    x, y = points % width, points // width
    parts = [(points, points, 4.0)]
    for inside, step in [(x > 0, -1), (x < width - 1, 1), (y > 0, -width), (y < width - 1, width)]:
        parts.append((points[inside] + step, points[inside], -1.0))
    rows = numpy.concatenate([part[0] for part in parts])
    columns = numpy.concatenate([part[1] for part in parts])
    values = numpy.concatenate([numpy.full(len(part[0]), part[2]) for part in parts])
    values *= scale[rows] * scale[columns]
    order = numpy.lexsort((rows, columns))
    if symmetric:
        order = order[rows[order] >= columns[order]]
    with open(path.with_suffix(".part"), "w") as file:
        kind = "symmetric" if symmetric else "general"
        file.write(f"%%MatrixMarket matrix coordinate real {kind}\n{n} {n} {len(order)}\n")
        for k in order:
            file.write(f"{rows[k] + 1} {columns[k] + 1} {values[k]:.17g}\n")
    path.with_suffix(".part").rename(path)


def median_seconds(read):
    seconds = []
    for _ in range(TIMES):
        start = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def scipy_seconds(path, threads):
    scipy_reader.PARALLELISM = threads
    return median_seconds(lambda: scipy.io.mmread(path))


def program_seconds(launcher, program, reader, path):
    done = subprocess.run([*launcher, program, reader, str(path), str(TIMES)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{done.args}: {done.stderr}")
    return statistics.median(map(float, done.stdout.split()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="the benchmark `input`, built")
    parser.add_argument("--mpirun", default="mpirun.openmpi")
    parser.add_argument("--folder", type=Path, default=Path("target/bench-input"))
    parser.add_argument("--width", type=int, default=632)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    mpirun = lambda ranks: [options.mpirun, "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)]
    ours = lambda ranks: lambda path: program_seconds(mpirun(ranks), options.program, "halocg", path)
    readers = {
        "halocg, 1 rank": ours(1),
        "halocg, 2 ranks": ours(2),
        "sprs": lambda path: program_seconds([], options.program, "sprs", path),
        "scipy.io.mmread, 1 thread": lambda path: scipy_seconds(path, 1),
        "scipy.io.mmread, 2 threads": lambda path: scipy_seconds(path, 2),
        "fast_matrix_market, 1 thread": lambda path: median_seconds(lambda: fast_matrix_market.mmread(path, parallelism=1)),
        "fast_matrix_market, 2 threads": lambda path: median_seconds(lambda: fast_matrix_market.mmread(path, parallelism=2)),
    }
    one_thread = ["sprs", "scipy.io.mmread, 1 thread", "fast_matrix_market, 1 thread"]
    options.folder.mkdir(parents=True, exist_ok=True)
    for symmetric in [False, True]:
        path = options.folder / f"five-point-{options.width}-{'symmetric' if symmetric else 'general'}.mtx"
        write_matrix(path, options.width, symmetric)
        megabytes = os.path.getsize(path) / 1e6
        rates = {name: [] for name in readers}
        for _ in range(options.rounds):
            for name, read in readers.items():
                rates[name].append(megabytes / read(path))
        medians = {name: statistics.median(of) for name, of in rates.items()}
        fastest = max(medians[name] for name in one_thread)
        print(f"\n{path.name}, {megabytes:.1f} MB, median of {options.rounds} rounds\n")
        print(f"| {'reader':<30} | MB/s | to the fastest other, 1 thread |\n|---|---|---|")
        for name, rate in medians.items():
            print(f"| {name:<30} | {rate:.0f} | {rate / fastest:.2f} |", flush=True)


if __name__ == "__main__":
    main()
