"""Measures halocg against PETSc and prints the bars: how much less time per iteration it must take.

    bars.py                   every bar, 7 repetitions
    bars.py '^3d7-jacobi'     the bars whose name matches the regular expression
    bars.py --list            their names and what they ask
    bars.py --check           no timing: do both sides solve the same systems?

One line per bar: `bar NAME ratio=X limit=Y pass` (or `miss`), where X is the median time of halocg
over that of PETSc; `bar NAME not-built` if this halocg does not know an option that the bar needs.
README.md beside this file says what is measured, and how.
"""

import argparse
import csv
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "peers"

# A run that takes longer hangs.
TIMEOUT = 1800
# Both sides solve to this when --check compares them.
TOLERANCE = 1e-8


class Failure(Exception):
    """Something that the user has to know, in one sentence."""


# What is measured ---------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Problem:
    """A matrix. Those of a grid come from `halocg poisson`, the others from unstructured.py."""

    dim: int
    # Points per axis of a grid, or rows of a mesh (at least).
    size: int
    # Points of the stencil, 0 for a mesh.
    stencil: int
    # Per solve: about a second's worth, and not so many that the squares of residuals underflow.
    iterations: int
    # The size for --smoke.
    small: int
    # Rounds per repetition asked for: a short solve needs more of them to have a steady median.
    rounds: int = 1

    def grid_options(self):
        return f"--dim {self.dim} --n {self.size} --stencil {self.stencil}".split()


PROBLEMS = {
    "2d5": Problem(2, 1024, 5, iterations=100, small=64),
    "3d7": Problem(3, 128, 7, iterations=60, small=16),
    "3d27": Problem(3, 96, 27, iterations=50, small=12),
    "fe3d": Problem(3, 500_000, 0, iterations=100, small=4_000),
    "fe2d": Problem(2, 500_000, 0, iterations=150, small=4_000),
    "tiny": Problem(2, 64, 5, iterations=1500, small=64, rounds=3),
}


@dataclasses.dataclass(frozen=True)
class Bar:
    name: str
    problem: str
    pc: str
    solver: str
    # Arguments of halocg. Those it knows are all measured; the fastest counts.
    variants: tuple
    # PETSc's method, and the ratio that the time must not exceed.
    peer: str
    limit: float


CSR = (("--format", "csr", "--schedule", "auto"),)
AUTO = (("--format", "auto", "--schedule", "auto"),)
AUTO_FORMAT = (("--format", "auto"),)
MATRIX_FREE = (("--matrix-free", "--schedule", "auto"),)
DEFAULTS = ((),)


def all_bars():
    bars = []

    def add(problem, pc, what, solver, variants, **limits):
        for peer, limit in limits.items():
            name = "-".join(filter(None, [problem, pc, what, "vs", peer]))
            bars.append(Bar(name, problem, pc, solver, variants, peer, limit))

    for problem in ("2d5", "3d7", "3d27"):
        for pc in ("none", "jacobi"):
            add(problem, pc, "pr-csr", "pipe-pr-cg", CSR, cg=0.90, pipeprcg=0.45)
            add(problem, pc, "pr-auto", "pipe-pr-cg", AUTO, cg=0.65, pipeprcg=0.33)
            add(problem, pc, "hs-auto", "hs-cg", AUTO_FORMAT, cg=0.60)
        add(problem, "none", "pr-matfree", "pipe-pr-cg", MATRIX_FREE, cg=0.35, pipeprcg=0.18)
    for problem in ("fe3d", "fe2d"):
        add(problem, "none", "pr", "pipe-pr-cg", DEFAULTS, cg=0.75, pipeprcg=0.38)
    add("tiny", "none", "pr", "pipe-pr-cg", DEFAULTS, cg=0.70, pipeprcg=0.40)
    return bars


# Running programs ---------------------------------------------------------------------------------


def environment():
    """Of every run. What the two sides could read differently is fixed."""
    env = dict(os.environ)
    # Settings for tests on too few cores would spoil a measurement, and so would anybody's options.
    for name in (
        "OMPI_MCA_rmaps_base_oversubscribe",
        "OMPI_MCA_hwloc_base_binding_policy",
        "PETSC_OPTIONS",
    ):
        env.pop(name, None)
    # PETSc's vector operations are BLAS calls: one thread per rank.
    env.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", LC_ALL="C")
    # Containers often forbid the system call behind single copies.
    env.setdefault("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
    return env


def run(command, accepted=(0,), **options):
    """The standard output of a program that ended with an accepted code."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(
            command,
            env=options.pop("env", environment()),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            **options,
        )
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not there") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"no end after {TIMEOUT} s: {' '.join(command)}") from None
    if done.returncode not in accepted:
        said = (done.stderr.strip() or done.stdout.strip())[:2000]
        raise Failure(f"exit code {done.returncode}: {' '.join(command)}\n{said}")
    return done.stdout


def try_run(*command):
    """The output of a program that need not be there."""
    try:
        return run(command).strip()
    except Failure:
        return ""


def first_found(*names):
    found = filter(None, map(shutil.which, names))
    return next(found, None)


def mpi_compiler():
    compiler = os.environ.get("MPICC") or first_found("mpicc.openmpi", "mpicc")
    if not compiler:
        raise Failure("there is no mpicc: scripts/install-deps.sh openmpi")
    return compiler


def mpi_launcher(ranks):
    """mpirun with a core to each rank, or without where the machine does not allow that."""
    mpirun = os.environ.get("MPIRUN") or first_found("mpirun.openmpi", "mpirun")
    if not mpirun:
        raise Failure("there is no mpirun: scripts/install-deps.sh openmpi")
    base = [mpirun] + (["--allow-run-as-root"] if os.geteuid() == 0 else [])
    for binding in (["--bind-to", "core"], ["--bind-to", "none", "--oversubscribe"]):
        command = [*base, *binding, "-n", str(ranks)]
        try:
            run([*command, "true"])
            return command
        except Failure as failure:
            reason = failure
    raise Failure(f"{mpirun} cannot start {ranks} processes (Open MPI is needed): {reason}")


# The memory ---------------------------------------------------------------------------------------


class Stream:
    """The loops over memory of stream.c: the roof over all that is measured beside them."""

    def __init__(self, launcher):
        self.launcher = launcher
        WORK.mkdir(parents=True, exist_ok=True)
        self.program = WORK / "stream"
        options = ["-std=c11", "-O3", "-march=native", "-ffast-math"]
        run([mpi_compiler(), *options, HERE / "stream.c", "-o", self.program])

    def rates(self):
        """Bytes per second of all ranks together, by loop."""
        words = run([*self.launcher, self.program]).split()
        return dict(zip(words[1::2], map(float, words[2::2]), strict=True))


# PETSc --------------------------------------------------------------------------------------------


class Petsc:
    """The driver petsc.c, built against the PETSc of PETSC_DIR and PETSC_ARCH or the system's."""

    def __init__(self, launcher):
        self.launcher = launcher
        self.version = None
        env = environment()
        if env.get("PETSC_DIR"):
            home = pathlib.Path(env["PETSC_DIR"], env.get("PETSC_ARCH", "")).resolve()
            # The only place to look: the system's must not stand in for one that is misspelt.
            env["PKG_CONFIG_LIBDIR"] = str(home / "lib" / "pkgconfig")
            env.pop("PKG_CONFIG_PATH", None)
        for name in ("petsc", "PETSc"):
            try:
                flags = run(["pkg-config", "--cflags", "--libs", name], env=env).split()
                prefix = run(["pkg-config", "--variable=prefix", name], env=env).strip()
                break
            except Failure as failure:
                reason = failure
        else:
            where = env.get(
                "PKG_CONFIG_LIBDIR", "the system: scripts/install-deps.sh openmpi peers"
            )
            raise Failure(f"no PETSc found in {where}\n{reason}")
        self.home = pathlib.Path(prefix)
        flags += [f"-Wl,-rpath,{flag[2:]}" for flag in flags if flag.startswith("-L")]

        compiler = mpi_compiler()
        WORK.mkdir(parents=True, exist_ok=True)
        self.driver = WORK / "petsc"
        build = [compiler, "-std=c99", "-O2", HERE / "petsc.c", "-o", self.driver]
        # hypre is measured beside it where its headers are; no bar asks for it.
        hypre = [HERE / "hypre.c", "-DWITH_HYPRE", "-I/usr/include/hypre"]
        self.has_hypre = True
        try:
            run([*build, *hypre, *flags, "-lHYPRE", "-lm"], env=env)
        except Failure:
            self.has_hypre = False
            run([*build, *flags, "-lm"], env=env)

    def command(self, inputs, pc, methods, *options):
        files = ["-file", inputs.matrix, "-partition", inputs.partition]
        which = ["-methods", ",".join(methods), "-pcs", pc]
        # PETSc would also read options from ~/.petscrc.
        return [*self.launcher, self.driver, "-skip_petscrc", *files, *which, *options]

    def lines(self, keyword, *arguments):
        """The words of the lines that begin with the keyword."""
        lines = map(str.split, run(self.command(*arguments)).splitlines())
        return [words[1:] for words in lines if words and words[0] == keyword]

    def time(self, inputs, pc, methods, iterations):
        """Seconds per iteration of each method, steady state and whole solve."""
        skip = iterations // 10
        options = ["-iterations", iterations, "-skip", skip]
        times = {}
        for words in self.lines("petsc", inputs, pc, methods, *options):
            version, method, _, _, _, _, steady, whole = words
            if method != "hypre":
                self.version = version
            times[method] = {"steady": float(steady), "whole": float(whole) / iterations}
        if set(times) != set(methods):
            raise Failure(f"{self.driver} did not report on each of {', '.join(methods)}")
        return times

    def check(self, inputs, pc, methods):
        solutions = {}
        for words in self.lines("check", inputs, pc, methods, "-check", TOLERANCE):
            method, _, _, rows, nonzeros, iterations, b_norm, residual, error = words
            solutions[method] = Solution(
                int(rows),
                int(nonzeros),
                int(iterations),
                float(b_norm),
                float(residual),
                float(error),
            )
        return solutions

    def describe(self):
        variables = {}
        path = self.home / "lib" / "petsc" / "conf" / "petscvariables"
        if path.exists():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                name, equals, value = line.partition(" = ")
                if equals and name in ("CC", "CC_FLAGS"):
                    variables[name] = value.strip()
        blas = re.findall(r"lib(?:open)?blas\S* => (\S+)", try_run("ldd", self.driver))
        return {
            "version": self.version,
            "home": str(self.home),
            "compiler": variables.get("CC"),
            "compiler_flags": variables.get("CC_FLAGS"),
            "blas": sorted({os.path.realpath(path) for path in blas}),
        }


# halocg -------------------------------------------------------------------------------------------


def vector_bytes(solver, pc, schedule):
    """Per row and iteration, each vector read and written once per pass (docs/performance.md)."""
    if solver == "hs-cg":
        return 88 + 16 * (pc == "jacobi")
    return {"one-sweep": 64, "overlap": 112}[schedule] + 8 * (pc == "jacobi")


class Halocg:
    """The program under test."""

    def __init__(self, launcher, program):
        self.launcher = launcher
        self.program = pathlib.Path(program).resolve()
        self.refusals = {}
        if not self.program.exists():
            raise Failure(f"{program} is not there: build it first (make build)")

    def arguments(self, inputs, pc, solver, variant):
        if "--matrix-free" in variant:
            what = ["poisson", *inputs.problem.grid_options(), "--rhs", "A1"]
        else:
            what = ["solve", inputs.matrix, "--partition", f"file:{inputs.partition}"]
        return [*what, "--solver", solver, "--pc", pc, *variant]

    def refusal(self, pc, solver, variant):
        """Why the program does not know these arguments; None if it does."""
        key = (pc, solver, variant)
        if key not in self.refusals:
            with tempfile.TemporaryDirectory() as folder:
                # Small, on one rank, with the very arguments of the measurement.
                problem = Problem(2, 4, 5, iterations=1, small=4)
                inputs = Inputs(problem, pathlib.Path(folder), "probe")
                inputs.make(self, 1)
                command = [self.program, *self.arguments(inputs, pc, solver, variant)]
                done = subprocess.run(
                    [str(word) for word in command],
                    env=environment(),
                    capture_output=True,
                    text=True,
                    timeout=TIMEOUT,
                )
            # 2 is the exit code of a command line that makes no sense.
            self.refusals[key] = done.stderr.strip() if done.returncode == 2 else None
        return self.refusals[key]

    def solve(self, inputs, pc, solver, variant, accepted, options):
        """The JSON of a solve and the times at which its iterates were reached."""
        with tempfile.TemporaryDirectory() as folder:
            report, history = f"{folder}/run.json", f"{folder}/history.csv"
            arguments = self.arguments(inputs, pc, solver, variant)
            files = ["--json", report, "--history", history]
            run([*self.launcher, self.program, *arguments, *options, *files], accepted)
            with open(report, encoding="utf-8") as file:
                facts = json.load(file)
            with open(history, encoding="utf-8", newline="") as file:
                times = {
                    int(row["iteration"]): float(row["seconds"]) for row in csv.DictReader(file)
                }
        if not facts["schema"].startswith("halocg-run/2"):
            raise Failure(f"halocg wrote {facts['schema']}; this script understands halocg-run/2")
        return facts, times

    def time(self, inputs, pc, solver, variant, iterations):
        """Seconds per iteration, steady state and whole solve, and what the solve did besides."""
        options = f"--rtol 0 --atol 0 --divtol 1e300 --max-it {iterations}".split()
        # 4: the iteration limit came first, as it was meant to.
        facts, times = self.solve(inputs, pc, solver, variant, (4,), options)
        outcome = facts["outcome"]
        if outcome["iterations"] != iterations or outcome["petsc_reason"] != "DIVERGED_ITS":
            reason = outcome["petsc_reason"]
            raise Failure(f"halocg stopped after {outcome['iterations']} iterations: {reason}")
        if outcome["replaced_residuals"]:
            raise Failure("halocg replaced its residual: that is more than plain iterations")
        if facts["problem"]["rows"] != inputs.rows:
            raise Failure(f"halocg solved for {facts['problem']['rows']} rows, not {inputs.rows}")
        skip = iterations // 10
        return {
            "steady": (times[iterations] - times[skip]) / (iterations - skip),
            "whole": outcome["solve_seconds"] / iterations,
            # Over A, beside one per iteration: the start, the last residual, a look at the truth.
            "extra_passes": facts["traffic"]["passes"] - iterations,
            "model_bytes_per_row": facts["storage"]["bytes_per_row"]
            + vector_bytes(solver, pc, facts["storage"]["schedule"]),
        }

    def check(self, inputs, pc, solver, variant):
        options = f"--rtol {TOLERANCE} --max-it 1000000".split()
        facts, _ = self.solve(inputs, pc, solver, variant, (0,), options)
        problem, outcome = facts["problem"], facts["outcome"]
        return Solution(
            problem["rows"],
            problem["nonzeros"],
            outcome["iterations"],
            outcome["reference_norm"],
            outcome["true_relative_residual"],
            outcome["error"]["relative_2_norm"],
        )

    def describe(self):
        return {
            "program": str(self.program),
            "version": try_run(self.program, "--version"),
            "revision": try_run("git", "-C", ROOT, "describe", "--always", "--dirty"),
            "rustc": try_run("rustc", "--version"),
            "rustflags": os.environ.get("RUSTFLAGS", ""),
        }


# Inputs -------------------------------------------------------------------------------------------


def python_with_scipy():
    """The Python of a virtual environment under target/ that has numpy and scipy."""
    python = WORK / "venv" / "bin" / "python"
    if not try_run(python, "-c", "import numpy, scipy; print('yes')"):
        print("installing numpy and scipy under target/peers/venv", file=sys.stderr)
        run([sys.executable, "-m", "venv", "--clear", WORK / "venv"])
        run([python, "-m", "pip", "install", "--quiet", "numpy>=1.26", "scipy>=1.12"])
    return python


class Inputs:
    """The files of a problem: the matrix and who owns which row."""

    def __init__(self, problem, folder, name):
        self.problem = problem
        self.folder = folder
        self.stem = f"{name}-{problem.size}"
        self.matrix = folder / f"{self.stem}.mtx"

    def make(self, halocg, ranks):
        """Writes what is not there yet: under another name first, lest half a file is found."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.partition = self.folder / f"{self.stem}.part.{ranks}"
        graph = self.folder / f"{self.stem}.graph"
        fresh = self.folder / f"{self.stem}.new"
        if not self.matrix.exists():
            if self.problem.stencil:
                options = [*self.problem.grid_options(), "--write", fresh, "--max-it", 0]
                run([halocg.program, "poisson", *options], accepted=(4,))
            else:
                size = ["--dim", self.problem.dim, "--rows", self.problem.size]
                script = [python_with_scipy(), HERE / "unstructured.py"]
                # The library that writes the matrix adds .mtx to a name that has no such end.
                fresh = fresh.with_suffix(".new.mtx")
                run([*script, *size, "--matrix", fresh, "--graph", graph])
            fresh.rename(self.matrix)
        self.rows = self.count_rows()
        if not self.partition.exists():
            if self.problem.stencil or ranks == 1:
                # Even shares of whole rows (lines, planes) of the grid, as either side would deal.
                owners = (row * ranks // self.rows for row in range(self.rows))
                fresh.write_text("".join(f"{owner}\n" for owner in owners), encoding="ascii")
                fresh.rename(self.partition)
            else:
                run(["gpmetis", graph, ranks])
                pathlib.Path(f"{graph}.part.{ranks}").rename(self.partition)

    def count_rows(self):
        with open(self.matrix, encoding="ascii") as file:
            sizes = next(line for line in file if not line.startswith("%"))
        return int(sizes.split()[0])


# Comparing ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Solution:
    rows: int
    nonzeros: int
    iterations: int
    b_norm: float
    residual: float
    error: float

    def differs_from(self, other):
        """In what respect, if both cannot come from the same system."""
        if (self.rows, self.nonzeros) != (other.rows, other.nonzeros):
            return "the size"
        if abs(self.b_norm - other.b_norm) > 1e-12 * other.b_norm:
            return "the right-hand side"
        if max(self.residual, other.residual) > 1.1 * TOLERANCE:
            return "the tolerance reached"
        # The iteration counts of a badly conditioned system depend on rounding.
        if abs(self.iterations - other.iterations) > 3 + 0.15 * other.iterations:
            return "the number of iterations"
        if not 1 / 3 < self.error / other.error < 3:
            return "the error of the solution"
        return None


def shown(solver, variant):
    return " ".join(["halocg", solver, *variant])


class Group:
    """The bars of one problem and preconditioner: measured together, run by run in turn."""

    def __init__(self, name, problem, pc, bars, inputs):
        self.name, self.problem, self.pc, self.bars, self.inputs = name, problem, pc, bars, inputs
        self.methods = sorted({bar.peer for bar in bars})
        # Our own classic method as well, where no bar asks for it.
        asked = {(bar.solver, variant) for bar in bars for variant in bar.variants}
        classic = set() if any(solver == "hs-cg" for solver, _ in asked) else {("hs-cg", ())}
        self.variants = sorted(asked | classic)
        self.samples = {}
        self.failures = {}
        self.refusals = {}
        # Bytes per second of the memory, by loop, a figure per repetition.
        self.roof = {}

    def look(self, halocg):
        """Leaves out what this halocg does not know."""
        for solver, variant in list(self.variants):
            refusal = halocg.refusal(self.pc, solver, variant)
            if refusal:
                self.refusals[solver, variant] = refusal
                self.variants.remove((solver, variant))

    def measure(self, stream, petsc, halocg, repetitions):
        for _ in range(repetitions * self.problem.rounds if self.variants else 0):
            for loop, rate in stream.rates().items():
                self.roof.setdefault(loop, []).append(rate)
            iterations = self.problem.iterations
            methods = self.methods + ["hypre"] * petsc.has_hypre
            times = petsc.time(self.inputs, self.pc, methods, iterations)
            for method, sample in times.items():
                name = "hypre pcg" if method == "hypre" else f"petsc {method}"
                self.samples.setdefault(name, []).append(sample)
            for solver, variant in self.variants:
                name = shown(solver, variant)
                if name in self.failures:
                    continue
                try:
                    sample = halocg.time(self.inputs, self.pc, solver, variant, iterations)
                    self.samples.setdefault(name, []).append(sample)
                except Failure as failure:
                    self.failures[name] = str(failure)
                    self.samples.pop(name, None)

    def values(self, name, clock):
        return [sample[clock] for sample in self.samples[name]]

    def results(self, clock):
        """What became of each bar."""
        results = []
        for bar in self.bars:
            result = dataclasses.asdict(bar)
            names = [shown(bar.solver, variant) for variant in bar.variants]
            measured = [name for name in names if name in self.samples]
            failed = [self.failures[name] for name in names if name in self.failures]
            if measured:
                best = min(measured, key=lambda name: statistics.median(self.values(name, clock)))
                ours, theirs = self.values(best, clock), self.values(f"petsc {bar.peer}", clock)
                ratio = statistics.median(ours) / statistics.median(theirs)
                paired = [our / their for our, their in zip(ours, theirs, strict=True)]
                verdict = "pass" if ratio <= bar.limit else "miss"
                result |= {"measured": best, "ratio": ratio, "verdict": verdict}
                result["median_of_paired_ratios"] = statistics.median(paired)
            elif failed:
                result |= {"verdict": "failed", "reason": failed[0]}
            else:
                refusals = [self.refusals[bar.solver, variant] for variant in bar.variants]
                result |= {"verdict": "not-built", "reason": refusals[0]}
            results.append(result)
        return results

    def facts(self):
        return {
            "problem": self.name,
            "pc": self.pc,
            "rows": self.inputs.rows,
            "iterations": self.problem.iterations,
            "roof_bytes_per_second": self.roof,
            "seconds_per_iteration": {
                name: {key: [sample[key] for sample in samples] for key in samples[0]}
                for name, samples in self.samples.items()
            },
        }

    def report(self, clock):
        if self.samples:
            rows = f"{self.inputs.rows:,}".replace(",", " ")
            print(f"\n{self.name} {self.pc}: {rows} rows, {self.problem.iterations} iterations")
            roof = {loop: statistics.median(rates) for loop, rates in self.roof.items()}
            shown_roof = ", ".join(f"{loop} {rate / 1e9:.1f}" for loop, rate in roof.items())
            print(f"  memory in this run, GB/s of all ranks: {shown_roof}")
            heads = "median     min     max  runs  bytes   GB/s  of read"
            print("  ns per row and iteration".ljust(58), heads)
        for name in self.samples:
            values = [1e9 * value / self.inputs.rows for value in self.values(name, clock)]
            middle = statistics.median(values)
            low, high = min(values), max(values)
            line = f"  {name:56}{middle:8.2f}{low:8.2f}{high:8.2f}{len(values):6}"
            # By the model, and only where the program tells it.
            model_bytes = self.samples[name][0].get("model_bytes_per_row")
            if model_bytes:
                rate = model_bytes / middle
                line += f"{model_bytes:7.1f}{rate:7.1f}{1e11 * rate / roof['read']:7.0f} %"
            print(line)
        for name, failure in self.failures.items():
            print(f"  {name}: {failure}", file=sys.stderr)
        for result in self.results(clock):
            line = f"bar {result['name']} "
            if "ratio" in result:
                line += f"ratio={result['ratio']:.3f} limit={result['limit']:.2f} "
            print(line + result["verdict"], flush=True)

    def check(self, petsc, halocg):
        """Whether all that would be measured solve the same system."""
        solutions = petsc.check(self.inputs, self.pc, self.methods)
        solutions = {f"petsc {method}": solution for method, solution in solutions.items()}
        # Without options as well: something to compare even if no bar's options are known.
        plain = {("hs-cg", ()), ("pipe-pr-cg", ())}
        for solver, variant in sorted(plain | set(self.variants)):
            solution = halocg.check(self.inputs, self.pc, solver, variant)
            solutions[shown(solver, variant)] = solution
        reference = solutions[f"petsc {self.methods[0]}"]
        print(f"\n{self.name} {self.pc}: {reference.rows} rows, {reference.nonzeros} nonzeros")
        print("  iterations, norm of b, relative residual, relative error")
        agree = True
        for name, solution in solutions.items():
            difference = solution.differs_from(reference)
            agree = agree and not difference
            print(
                f"  {name:56}{solution.iterations:6} {solution.b_norm:.12e} {solution.residual:.3e}"
                f" {solution.error:.3e}" + (f"  differs: {difference}" if difference else "")
            )
        print(f"check {self.name} {self.pc} {'agree' if agree else 'DIFFER'}", flush=True)
        return agree


# The machine --------------------------------------------------------------------------------------


def read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def machine():
    model = re.search(r"^model name\s*: (.*)$", read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", read("/proc/meminfo"), re.MULTILINE)
    caches = {}
    for folder in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = read(folder / "type").replace("Unified", "")
        caches[f"L{read(folder / 'level')} {kind}".strip()] = read(folder / "size")
    return {
        "cpu": model.group(1) if model else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "caches": caches,
        "memory_bytes": int(memory.group(1)) * 1024 if memory else None,
        "system": platform.platform(),
        "load_average_at_start": os.getloadavg(),
    }


# The command line ---------------------------------------------------------------------------------


def arguments():
    parser = argparse.ArgumentParser(
        description="Bars for halocg against PETSc, in time per iteration."
    )
    parser.add_argument("regex", nargs="?", default="", help="bars whose name it matches (all)")
    parser.add_argument("--repetitions", type=int, default=7, metavar="N", help="of each (7)")
    parser.add_argument("--ranks", type=int, default=2, metavar="P", help="MPI processes (2)")
    parser.add_argument("--halocg", metavar="PROGRAM", default=ROOT / "target/release/halocg")
    parser.add_argument("--json", metavar="FILE", default=WORK / "bars.json")
    parser.add_argument(
        "--clock",
        choices=("steady", "whole"),
        default="steady",
        help="between iterates, the first tenth left out (steady), or the whole solve",
    )
    parser.add_argument("--fe-rows", type=int, metavar="N", help="rows of the meshes (500000)")
    parser.add_argument(
        "--smoke", action="store_true", help="small problems: does it work? No bar means anything."
    )
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--check", action="store_true", help="compare solutions, not times")
    options = parser.parse_args()
    if options.repetitions < 1 or options.ranks < 1:
        parser.error("--repetitions and --ranks must be at least 1")
    try:
        options.regex = re.compile(options.regex)
    except re.error as error:
        parser.error(f"'{options.regex}' is not a regular expression: {error}")
    return options


def grouped(bars, options):
    """The bars in groups that are measured together."""
    groups = {}
    for bar in bars:
        groups.setdefault((bar.problem, bar.pc), []).append(bar)
    for (name, pc), members in groups.items():
        problem = PROBLEMS[name]
        if options.smoke:
            # Few iterations as well: a small system is solved soon.
            problem = dataclasses.replace(problem, size=problem.small, iterations=20)
        if options.fe_rows and not problem.stencil:
            problem = dataclasses.replace(problem, size=options.fe_rows)
        yield Group(name, problem, pc, members, Inputs(problem, WORK / "inputs", name))


def main():
    options = arguments()
    bars = [bar for bar in all_bars() if options.regex.search(bar.name)]
    if not bars:
        raise Failure(f"no bar matches '{options.regex.pattern}'; --list shows them")
    if options.list:
        for bar in bars:
            variants = " or ".join(shown(bar.solver, variant) for variant in bar.variants)
            print(f"{bar.name:32} {variants} <= {bar.limit} x petsc {bar.peer}")
        return 0

    launcher = mpi_launcher(options.ranks)
    petsc, halocg = Petsc(launcher), Halocg(launcher, options.halocg)
    stream = Stream(launcher)
    record = {
        "schema": "halocg-bars/1",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "launcher": launcher,
        "openmpi_settings": {k: v for k, v in environment().items() if k.startswith("OMPI_MCA")},
        "mpi": (try_run(launcher[0], "--version").splitlines() or [None])[0],
        "ranks": options.ranks,
        "repetitions": options.repetitions,
        "clock": options.clock,
        "smoke": options.smoke,
        "halocg": halocg.describe(),
        "measurements": [],
        "bars": [],
    }
    if options.smoke:
        print("smoke test: small matrices, so no bar below means anything")
    load = record["machine"]["load_average_at_start"][0]
    if not options.check and load > 0.5:
        print(
            f"note: the machine is busy (load {load:.1f}): figures will be noisy", file=sys.stderr
        )

    good = True
    for group in grouped(bars, options):
        group.inputs.make(halocg, options.ranks)
        group.look(halocg)
        if options.check:
            good = group.check(petsc, halocg) and good
            continue
        group.measure(stream, petsc, halocg, options.repetitions)
        group.report(options.clock)
        good = good and not group.failures
        record["petsc"] = petsc.describe()
        record["measurements"].append(group.facts())
        record["bars"] += group.results(options.clock)
        record["machine"]["load_average_at_end"] = os.getloadavg()
        # After every group: a run that is cut short has not been for nothing.
        pathlib.Path(options.json).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"bars: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
