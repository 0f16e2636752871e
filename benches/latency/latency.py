"""Time per iteration of halocg's methods where a global sum takes long, and the bars they are to meet.

    latency.py injected      messages of 100 us by the clock of shim.c, 4 and 8 ranks
    latency.py network       TCP between network namespaces, 500 us per hop, 4 ranks (root, Linux)
    latency.py simulated     a fat tree of 256 and 1024 ranks in SimGrid (skeleton.c)
    latency.py smoke         injected, 2 ranks, few iterations: does the shim work?

Ratios are hs-cg's time over the method's: greater than 1 is faster than classic CG. One line per bar,
`bar NAME ratio=X limit=Y pass` (or `miss`). README.md beside this file says what is measured, and how.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "latency"
# A run that takes longer hangs.
TIMEOUT = 600

# What is run: a name, and halocg's options.
METHODS = {
    "hs-cg": ["--solver", "hs-cg"],
    "cg-cg": ["--solver", "cg-cg"],
    "pr-cg": ["--solver", "pr-cg"],
    "gv-cg": ["--solver", "gv-cg"],
    "pipe-pr-cg overlap": ["--solver", "pipe-pr-cg", "--schedule", "overlap"],
    "pipe-pr-cg one-sweep": ["--solver", "pipe-pr-cg", "--schedule", "one-sweep"],
}
SUMS = ["mpi", "recursive-doubling"]


class Failure(Exception):
    """Something that the user has to know, in one sentence."""


def run(command, env=None):
    done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{(done.stdout + done.stderr)[:2000]}")
    return done.stdout


def solve(launcher, env, options, points, iterations):
    """Runs halocg; what its JSON file says."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        file = pathlib.Path(folder) / "run.json"
        program = pathlib.Path(os.environ.get("HALOCG", ROOT / "target" / "release" / "halocg"))
        # No tolerance: exactly so many iterations, which are few enough to be far from it.
        command = [*launcher, program, "poisson", "-n", str(points), "--max-it", str(iterations), "--rtol", "0"]
        command += ["--json", file, *options]
        done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=TIMEOUT)
        # 4: the iteration limit, which is what is wanted.
        if done.returncode != 4 or not file.exists():
            raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        facts = json.loads(file.read_text())
        if facts["outcome"]["iterations"] != iterations or facts["outcome"]["replaced_residuals"]:
            raise Failure(f"{' '.join(map(str, command))} did not do {iterations} plain iterations")
        return facts


def critical(method, sum_time, halo_time):
    """What an iteration waits for, in hops or microseconds: sums and exchange, one after the other or together."""
    if method == "hs-cg":
        return 2 * sum_time + halo_time
    if method in ("cg-cg", "pr-cg"):
        return sum_time + halo_time
    return max(sum_time, halo_time)


def bound(method, ranks):
    """The greatest ratio to hs-cg that hops allow: one for the exchange, log2 P for a sum."""
    levels = math.log2(ranks)
    return critical("hs-cg", levels, 1) / critical(method, levels, 1)


def bar(name, ratio, limit):
    print(f"bar {name} ratio={ratio:.3f} limit={limit:.3f} {'pass' if ratio >= limit else 'miss'}", flush=True)


# Injected -----------------------------------------------------------------------------------------


def build_shim():
    WORK.mkdir(parents=True, exist_ok=True)
    shim = WORK / "shim.so"
    compiler = os.environ.get("MPICC", "mpicc.openmpi" if shutil.which("mpicc.openmpi") else "mpicc")
    run([compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", shim, HERE / "shim.c"])
    return shim


def mpirun(ranks):
    launcher = os.environ.get("MPIRUN", "mpirun.openmpi" if shutil.which("mpirun.openmpi") else "mpirun").split()
    return [*launcher, "-n", str(ranks)]


def injected(rank_counts=(4, 8), hop_us=100.0, points=64, iterations=100, repetitions=3, sums=SUMS, methods=METHODS):
    shim = build_shim()
    for ranks in rank_counts:
        for way in sums:
            print(
                f"\ninjected latency: {ranks} ranks, {hop_us:g} us per hop, {points * points // ranks} rows per rank, "
                f"--sum {way}; medians of {repetitions}; modelled clock"
            )
            print(f"{'':22} {'us/iteration':>12} {'hs-cg / it':>10} {'hop bound':>9} {'model us':>9} {'work us':>8} {'sum us':>7}")
            times, rows = {}, []
            for method, options in methods.items():
                runs = []
                for _ in range(repetitions):
                    with tempfile.NamedTemporaryFile(dir="/dev/shm") as board:
                        inject = {
                            "LD_PRELOAD": str(shim),
                            "HALOCG_LATENCY_BOARD": board.name,
                            "HALOCG_LATENCY_HOP_US": str(hop_us),
                        }
                        # Only the ranks, not the launcher, are to be preloaded.
                        launcher = [*mpirun(ranks), "env", *(f"{name}={value}" for name, value in inject.items())]
                        runs.append(solve(launcher, {}, [*options, "--sum", way], points, iterations))
                times[method] = statistics.median(r["outcome"]["microseconds_per_iteration"] for r in runs)
                phases = {p["name"]: p["seconds"]["avg"] for p in runs[0]["phases"]}
                work = 1e6 * sum(s for name, s in phases.items() if name not in ("sum", "exchange")) / iterations
                count = runs[0]["traffic"]["blocking_sums"]
                # Of a sum that is waited for at once; not to be had from a method that hides its own.
                sum_us = 1e6 * phases["sum"] / count if method in ("hs-cg", "cg-cg", "pr-cg") else math.nan
                rows.append((method, work, sum_us))
            for method, work, sum_us in rows:
                modelled = critical(method, math.log2(ranks) * hop_us, hop_us) + work
                measured = "" if math.isnan(sum_us) else f"{sum_us:7.1f}"
                print(
                    f"{method:22} {times[method]:12.1f} {times['hs-cg'] / times[method]:10.2f} {bound(method, ranks):9.2f} "
                    f"{modelled:9.1f} {work:8.1f} {measured:>7}"
                )
            for schedule in ("overlap", "one-sweep"):
                method = f"pipe-pr-cg {schedule}"
                if method in times:
                    name = f"injected-{ranks}-{way}-{schedule}"
                    bar(name, times["hs-cg"] / times[method], 0.9 * bound(method, ranks))


def smoke():
    methods = {name: METHODS[name] for name in ("hs-cg", "pipe-pr-cg overlap", "pipe-pr-cg one-sweep")}
    injected((2,), points=16, iterations=20, repetitions=1, methods=methods)


# Network ------------------------------------------------------------------------------------------


def network(hop_us=500.0, ranks=4, points=64, iterations=60, repetitions=3):
    """TCP between namespaces; three ways to sum. Other load only ever adds time: the least of several runs counts."""
    lab = HERE / "namespaces.sh"
    run(["sh", lab, "up", str(ranks), str(hop_us), WORK])
    try:
        ways = {
            "mpi": ["--sum", "mpi"],
            "mpi, algorithm 4": ["--sum", "mpi"],
            "recursive-doubling": ["--sum", "recursive-doubling"],
        }
        # pr-cg waits like cg-cg, and a launch takes seconds.
        methods = {name: options for name, options in METHODS.items() if name != "pr-cg"}
        times = {way: {method: [] for method in methods} for way in ways}
        sum_us = {way: [] for way in ways}
        for _ in range(repetitions):
            for way, options in ways.items():
                extra = ["--mca", "coll_libnbc_iallreduce_algorithm", "4"] if way.endswith("4") else []
                for method, choice in methods.items():
                    launcher = ["sh", lab, "run", str(ranks), WORK, *extra]
                    facts = solve(launcher, {}, [*choice, *options], points, iterations)
                    times[way][method].append(facts["outcome"]["microseconds_per_iteration"])
                    if method == "hs-cg":
                        phase = next(p for p in facts["phases"] if p["name"] == "sum")
                        sum_us[way].append(1e6 * phase["seconds"]["avg"] / facts["traffic"]["blocking_sums"])
        best = {way: {method: min(t) for method, t in table.items()} for way, table in times.items()}
        classic = min(table["hs-cg"] for table in best.values())
        for way, table in best.items():
            print(
                f"\nTCP between namespaces: {ranks} ranks, {hop_us:g} us per hop, --sum {way}; least of {repetitions}; "
                f"a sum that is waited for: {min(sum_us[way]):.0f} us"
            )
            print(f"{'':22} {'us/iteration':>12} {'hs-cg / it':>10} {'best hs-cg / it':>15} {'hop bound':>9}")
            for method, time in table.items():
                print(f"{method:22} {time:12.0f} {table['hs-cg'] / time:10.2f} {classic / time:15.2f} {bound(method, ranks):9.2f}")
        # Against the fastest classic CG, whichever way it sums.
        for schedule in ("overlap", "one-sweep"):
            time = best["recursive-doubling"][f"pipe-pr-cg {schedule}"]
            bar(f"network-{ranks}-recursive-doubling-{schedule}", classic / time, 2.2)
    finally:
        subprocess.run(["sh", lab, "down", WORK], check=False)


# Simulated ----------------------------------------------------------------------------------------

# Bytes per row of an iteration without preconditioner, beside the matrix: of the product, which the exchange can only
# delay, and of the other sweeps over the vectors. As skeleton.c charges them and docs/performance.md counts them.
BYTES = {
    "hs-cg": (16, 72),
    "cg-cg": (16, 72),
    "pr-cg": (16, 64),
    "gv-cg": (16, 104),
    "pipe-pr-cg overlap": (32, 80),
    "pipe-pr-cg one-sweep": (64, 0),
}
# Formats of a 5-point matrix: bytes per row.
MATRICES = {"csr": 64, "runs": 4}
GBPS = 20.0
LINK_US = 0.4


def platform(ranks):
    """A fat tree of two levels without contention at the top, one rank per node."""
    arity = math.isqrt(ranks)
    (WORK / f"hosts-{ranks}").write_text("".join(f"n{i}\n" for i in range(ranks)))
    file = WORK / f"tree-{ranks}.xml"
    file.write_text(
        "<?xml version='1.0'?>\n"
        '<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">\n'
        '<platform version="4.1">\n'
        f'<cluster id="c" prefix="n" suffix="" radical="0-{ranks - 1}" speed="1Gf" bw="25GBps" lat="{LINK_US}us" '
        'loopback_bw="50GBps" loopback_lat="0.1us" topology="FAT_TREE" '
        f'topo_parameters="2;{arity},{arity};1,{arity};1,1"/>\n</platform>\n'
    )
    return file


def skeleton(program, ranks, method, side, poll_rows, matrix_bytes, iterations=2):
    """Microseconds of an iteration, of a sum, of the exchange of a vector and of a pair."""
    # Latency and bandwidth as the platform says, no overhead of calls but 0.1 us per test; work as the program charges it.
    settings = "simulate-computation:no lat-factor:0:1 bw-factor:0:1 os:0:0:0 or:0:0:0 ois:0:0:0 "
    settings += f"test:{'0' if poll_rows < 0 else '1e-7'} grow-injected-times:no wtime:0 init:0 host-speed:1Gf cpu-threshold:0"
    command = ["smpirun", "-platform", platform(ranks), "-hostfile", WORK / f"hosts-{ranks}", "-np", str(ranks)]
    command += [f"--cfg=smpi/{setting}" for setting in settings.split()]
    command += ["--cfg=contexts/stack-size:64", "--log=root.thres:error", program]
    command += [method.split()[-1], str(side), str(iterations), str(poll_rows), str(GBPS), str(matrix_bytes)]
    return [float(word) for word in run(command).split()[-4:]]


def predicted(method, side, g, h, matrix_bytes):
    """The same by the times of a sum and an exchange: what overlaps counts once."""
    rows = side * side
    per_row = 1e6 / (GBPS * 1e9)
    product, sweeps = BYTES[method]
    boundary = min(rows, 4 * side - 4)
    inner = (matrix_bytes + product) * (rows - boundary) * per_row
    rim = (matrix_bytes + product) * boundary * per_row
    sweep = sweeps * rows * per_row
    if method == "pipe-pr-cg one-sweep":
        return max(g, h) + inner + rim
    if method in ("gv-cg", "pipe-pr-cg overlap"):
        return max(g, max(h, inner) + rim) + sweep
    return (2 if method == "hs-cg" else 1) * g + max(h, inner) + rim + sweep


def rows_between_polls(side, ranks, sum_us):
    """The rule of src/operator/matrix.rs: twice as many polls as hops, but no more than one per microsecond of the sum."""
    rows = (side * side - min(side * side, 4 * side - 4)) / max(1, min(2 * math.log2(ranks), sum_us))
    if rows >= 2048:
        return min(8192, int(rows) // 2048 * 2048)
    return max(128, 1 << int(math.log2(max(rows, 1))))


def simulated():
    if not shutil.which("smpicc"):
        raise Failure("SimGrid is missing: scripts/install-deps.sh latency")
    program = WORK / "skeleton"
    run(["smpicc", "-O2", "-o", program, HERE / "skeleton.c", "-lm"])
    errors = []
    for matrix, matrix_bytes in MATRICES.items():
        for ranks in (256, 1024):
            print(
                f"\nSIMULATED (SimGrid, no noise): fat tree, {ranks} ranks, {LINK_US} us per link, {GBPS:g} GB/s per rank, "
                f"5 points as {matrix} ({matrix_bytes} bytes per row)\n"
                "ratios hs-cg / method; pipelined methods with halocg's polls, and (*) with a sum that advances by itself"
            )
            names = ["cg-cg", "pr-cg", "gv-cg", "gv-cg *", "overlap", "overlap *", "one-sweep"]
            print(f"{'rows per rank':>13} {'sum us':>7} {'halo us':>8} {'hs-cg us':>9}" + "".join(f"{n:>10}" for n in names))
            for side in (8, 16, 32, 64, 128):
                times = {}
                for method in METHODS:
                    hides = method in ("gv-cg", "pipe-pr-cg overlap")
                    for by_itself in (False, True) if hides else (False,):
                        poll_rows = -1 if by_itself else 8192 if not times else rows_between_polls(side, ranks, g)
                        time, g, h, h2 = skeleton(program, ranks, method, side, poll_rows, matrix_bytes)
                        times[method.removeprefix("pipe-pr-cg ") + (" *" if by_itself else "")] = time
                        if by_itself or not hides:
                            model = predicted(method, side, g, h2 if "pipe" in method else h, matrix_bytes)
                            errors.append(abs(model / time - 1))
                ratios = "".join(f"{times['hs-cg'] / times[name]:10.2f}" for name in names)
                print(f"{side:>10}^2  {g:7.2f} {h:8.2f} {times['hs-cg']:9.1f}{ratios}", flush=True)
            best = max(times["hs-cg"] / times[name] for name in ("overlap", "one-sweep"))
            bar(f"simulated-{ranks}-{matrix}-128", best, 1.0)
    print(f"\nmax/sum model against the simulator: {100 * statistics.mean(errors):.1f} % off in the mean, {100 * max(errors):.0f} % at worst")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["injected", "network", "simulated", "smoke"], nargs="+")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each case of injected and network, in turn")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    measures = {
        "injected": lambda: injected(repetitions=arguments.repetitions),
        "network": lambda: network(repetitions=arguments.repetitions),
        "simulated": simulated,
        "smoke": smoke,
    }
    try:
        for what in arguments.what:
            measures[what]()
    except Failure as failure:
        sys.exit(f"latency.py: {failure}")


if __name__ == "__main__":
    main()
