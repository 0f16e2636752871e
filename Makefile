# Thin wrappers around cargo; everything here can be typed by hand. `make` lists the targets.

CARGO ?= cargo
# Ranks in the demo.
NP ?= 4
TEST_FLAGS ?= --no-fail-fast
# Of the comparison with PETSc: which bars (a regular expression), how often, and further options.
BARS ?=
# Of the benchmark: --rounds 3 --ranks 2 --only TEXT --quick.
BENCH_FLAGS ?=
REPETITIONS ?= 7
BARS_FLAGS ?=

# One target folder per MPI library: the binding to MPI is not rebuilt when MPICC changes.
# Debian names the compilers of its two MPIs apart, elsewhere there is one mpicc.
# (Lazy variables on purpose: the compilers may only get installed while make runs.)
has = $(shell command -v mpicc.$(1) 2>/dev/null)
OPENMPI = CARGO_TARGET_DIR=target MPICC=$(if $(call has,openmpi),mpicc.openmpi,mpicc)
MPICH = CARGO_TARGET_DIR=target/mpich MPICC=$(if $(call has,mpich),mpicc.mpich,mpicc)
# Open MPI, unless MPICH is all there is.
ANY_MPI = $(if $(call has,openmpi),$(OPENMPI),$(if $(call has,mpich),$(MPICH),$(OPENMPI)))
# Apart as well, lest it leave a target/release/halocg that knows no MPI.
NO_MPI = CARGO_TARGET_DIR=target/no-mpi

# Of fuzzing: how long for each target.
SECONDS = 60

# Where `make install` puts things, and what it installs.
PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
BUILT = $(firstword $(subst CARGO_TARGET_DIR=,,$(ANY_MPI)))/release/halocg

# The matrices of the published table, where they lie beside the checkout.
MATRICES = HALOCG_MATRICES=$${HALOCG_MATRICES:-$(realpath ../shared/matrices)}

# rustup's shell setup may not have run.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
export CARGO NP

# The tests start more ranks than there are cores, perhaps as root, perhaps in a container. Open MPI
# has to be told that all of that is meant, and must not pin the ranks onto each other.
export OMPI_ALLOW_RUN_AS_ROOT = 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM = 1
export OMPI_MCA_rmaps_base_oversubscribe = 1
export OMPI_MCA_hwloc_base_binding_policy = none
export OMPI_MCA_btl_vader_single_copy_mechanism = none

# Steps share target folders and cores: one after the other, and the first failure stops.
.NOTPARALLEL:
.PHONY: help demo test bench bench-compare bench-input bench-peers bench-latency bench-latency-network paper-table paper-table-full lint hygiene fuzz mutants reliability vtu convergence valgrind tsan miri test-no-mpi test-openmpi test-mpich python python-mpich docs build build-mpich install deps deps-test clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "%-20s %s\n", $$1, $$2 }'

demo: ## install what is missing, build, solve a real matrix and a mesh on NP=4 ranks, draw a picture
	@scripts/demo.sh

test: deps-test lint test-no-mpi test-openmpi test-mpich vtu python ## everything, under Open MPI and under MPICH

paper-table: deps ## docs/accuracy.md: the published convergence table, recomputed (HALOCG_MATRICES names the folder)
	$(MATRICES) $(ANY_MPI) $(CARGO) run --release --example paper_table

paper-table-full: deps ## the same with the cases of more than 20 000 iterates
	$(MATRICES) $(ANY_MPI) $(CARGO) run --release --example paper_table -- --full

bench: deps target/bench/tetrahedra.mtx ## times of kernels and methods beside the machine's bandwidth: target/bench/table.md, report.json
	$(ANY_MPI) $(CARGO) bench --bench bench -- $(BENCH_FLAGS) --matrix $(CURDIR)/target/bench/tetrahedra.mtx --json $(CURDIR)/target/bench/report.json --markdown $(CURDIR)/target/bench/table.md

# Linear finite elements on a random mesh of half a million points.
target/bench/tetrahedra.mtx: benches/peers/unstructured.py
	@mkdir -p target/bench
	@test -x target/bench/venv/bin/python || python3 -m venv target/bench/venv
	@target/bench/venv/bin/pip install --quiet numpy scipy
	target/bench/venv/bin/python benches/peers/unstructured.py --dim 3 --rows 500000 --matrix $@.new.mtx
	@mv $@.new.mtx $@

bench-compare: deps ## the same for BASE=revision and for this tree, in turn; prints the ratios, fails if anything is slower
	@$(ANY_MPI) scripts/bench-compare.sh $(BASE) $(BENCH_FLAGS)

bench-peers: ## time per iteration against PETSc: the bars of benches/peers (BARS=regex REPETITIONS=7 BARS_FLAGS=--smoke)
	@scripts/install-deps.sh openmpi peers
	$(OPENMPI) $(CARGO) build --release
	python3 benches/peers/bars.py '$(BARS)' --repetitions $(REPETITIONS) $(BARS_FLAGS)

bench-input: deps ## MB/s of reading Matrix Market, against sprs, scipy and fast_matrix_market (in a venv under target/)
	@test -x target/bench-input/venv/bin/python || python3 -m venv target/bench-input/venv
	@target/bench-input/venv/bin/pip install --quiet numpy scipy fast_matrix_market
	$(OPENMPI) $(CARGO) bench --no-run --bench input
	target/bench-input/venv/bin/python benches/input/readers.py "$$($(OPENMPI) $(CARGO) bench --no-run --bench input 2>&1 | sed -n 's/^ *Executable .*(\(.*\))$$/\1/p')"

bench-latency: ## where sums are slow, by a modelled clock and in a simulator: the bars of benches/latency
	@scripts/install-deps.sh openmpi latency
	$(OPENMPI) $(CARGO) build --release
	python3 benches/latency/latency.py injected simulated

bench-latency-network: ## the same over TCP between network namespaces (root, Linux, an idle machine)
	@scripts/install-deps.sh openmpi latency
	$(OPENMPI) $(CARGO) build --release
	python3 benches/latency/latency.py network

lint: ## formatting, clippy with and without MPI, documentation; all without a warning
	@scripts/install-deps.sh lint
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path python/Cargo.toml
	@# Packages with a lock file of their own: `cargo update --workspace --manifest-path FOLDER/Cargo.toml` mends one.
	$(CARGO) metadata --locked --format-version 1 --manifest-path python/Cargo.toml > /dev/null
	$(CARGO) metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null
	$(ANY_MPI) $(CARGO) clippy --release --all-targets -- -D warnings
	$(NO_MPI) $(CARGO) clippy --release --all-targets --no-default-features --features faults -- -D warnings
	$(ANY_MPI) RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --release --no-deps
	@# What is published holds these and nothing else.
	@! $(CARGO) package --list --allow-dirty | grep -vE '^(Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json|[A-Z]+\.md|LICENSE-[A-Z0-9a-z.-]+|(src|tests|docs|examples|meshes|benches)/.*)$$'
	@scripts/hygiene.sh installed

hygiene: ## dependencies: licences, sources, known vulnerabilities, none unused; installs cargo-deny, cargo-machete
	@scripts/hygiene.sh

fuzz: ## every reader of files and of options on random input, SECONDS=60 each (installs a nightly Rust by rustup)
	@scripts/fuzz.sh $(SECONDS)

mutants: ## 500 damaged files under mpirun -n 4: each is refused or solved, with one sentence, by all ranks
	@scripts/install-deps.sh
	HALOCG_MUTANTS=500 $(ANY_MPI) $(CARGO) test --release --test cli -- --nocapture mutants::

reliability: deps ## docs/reliability.md: ranks killed 50 times, failures in every stage, sound solves, 16 000 flipped bits, 500 damaged files (HALOCG_MATRICES names the folder)
	$(MATRICES) HALOCG_RECORD=all $(ANY_MPI) $(CARGO) test --release --features faults --test reliability
	@# The program that lies in the target folder is to be the one without faults again.
	$(ANY_MPI) $(CARGO) build --release

vtu: deps ## files for ParaView, read back with meshio and VTK from PyPI (in a venv under target/)
	@scripts/install-deps.sh python
	$(ANY_MPI) $(CARGO) build --release
	@scripts/vtu.sh $(BUILT)

convergence: deps ## docs/convergence.svg: the error of linear elements on finer and finer meshes
	$(ANY_MPI) $(CARGO) run --release --example convergence -- docs/convergence.svg

valgrind: ## memcheck over small solves on two ranks under Open MPI
	@scripts/install-deps.sh openmpi valgrind
	$(OPENMPI) $(CARGO) build --release
	@scripts/valgrind.sh target/release/halocg

tsan: ## ThreadSanitizer over what several ranks do, as threads (installs a nightly Rust by rustup)
	@scripts/nightly.sh tsan

miri: ## Miri over the kernels with unsafe code, sums, vectors, and the engine of threads (installs a nightly Rust by rustup)
	@scripts/nightly.sh miri

test-no-mpi: ## the tests of the build without MPI: one rank, and ranks as threads
	$(NO_MPI) $(CARGO) test --release --no-default-features --features faults --lib --test ranks --test cli --test metis_memory --test faults --test reliability $(TEST_FLAGS)

# Only here with the program that is shipped, without faults on purpose; elsewhere one build serves all.
test-openmpi: ## all tests, under Open MPI
	@scripts/install-deps.sh openmpi
	$(OPENMPI) $(CARGO) test --release --features faults --test faults $(TEST_FLAGS)
	$(OPENMPI) $(CARGO) test --release $(TEST_FLAGS)

test-mpich: ## the tests that start ranks, under MPICH
	@scripts/install-deps.sh mpich
	$(MPICH) $(CARGO) test --release --features faults --test faults --test ranks --test cli --example own_communicator --example read_and_solve $(TEST_FLAGS)

python: deps ## the Python package, built and tested in a venv under target/ (needs a package index of Python's)
	@scripts/install-deps.sh python
	@$(ANY_MPI) scripts/python.sh

python-mpich: ## the same with MPICH
	@scripts/install-deps.sh mpich python
	@$(MPICH) scripts/python.sh

docs: deps ## the library's documentation in target/doc; every program, command and link of the documents is tried
	$(ANY_MPI) RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --release --no-deps
	$(ANY_MPI) $(CARGO) test --release --doc
	$(ANY_MPI) $(CARGO) test --release --test cli -- commands::

build: deps ## target/release/halocg with Open MPI (target/mpich/... where MPICH is all there is)
	$(ANY_MPI) $(CARGO) build --release

build-mpich: ## target/mpich/release/halocg with MPICH
	@scripts/install-deps.sh mpich
	$(MPICH) $(CARGO) build --release

deps: ## install what a build needs (C compiler, libclang, an MPI), if anything is missing
	@scripts/install-deps.sh

deps-test: ## the same for `make test`: both MPIs, rustfmt, clippy
	@scripts/install-deps.sh openmpi mpich lint

install: build ## the program, its manual pages and completions under PREFIX=/usr/local
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	install -D -m 755 $(BUILT) $(DESTDIR)$(PREFIX)/bin/halocg
	$(BUILT) man $(SHARE)/man/man1
	$(BUILT) completions bash > $(SHARE)/bash-completion/completions/halocg
	$(BUILT) completions zsh > $(SHARE)/zsh/site-functions/_halocg
	$(BUILT) completions fish > $(SHARE)/fish/vendor_completions.d/halocg.fish
	@echo "installed $(DESTDIR)$(PREFIX)/bin/halocg, and its manual pages and completions in $(SHARE)"

clean: ## remove everything built
	rm -rf target
