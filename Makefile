# The chores of this repository. `make test` is what CI runs and all a change has to pass.

# An error that is waited out needs no backtrace, and tests wait out many; a panic still has its own.
export RUST_LIB_BACKTRACE ?= 0

.PHONY: help demo setup lint test conformance mysql fuzz soak bench docs

help: ## lists the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /\1	/p' $(MAKEFILE_LIST)

demo: ## shows Wattle at work on this machine, on port 8080 or PORT; needs Rust alone
	cargo build --release
	target/release/wattle demo

setup: ## installs what the tests need and the machine lacks
	@scripts/setup

lint: setup ## checks formatting, lints and the source documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Most tests wait for servers most of the time: more of them at once than there are cores.
test: lint ## lints, then runs every test; servers are started privately
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-6} cargo test --workspace

conformance: setup ## checks every answer against the standard's OpenAPI documents, cds_energy.json and cds_common.json, in the folder CDS
	@test -n "$(CDS)" || { echo "say where the documents are: make conformance CDS=DIR" >&2; exit 1; }
	CDS="$(abspath $(CDS))" cargo test --test conformance

mysql: setup ## runs the tests of MariaDB sources on the MySQL, 8.0 or later, whose mysqld is at MYSQLD
	@test -n "$(MYSQLD)" || { echo "say where the server is: make mysql MYSQLD=/usr/sbin/mysqld" >&2; exit 1; }
	WATTLE_TEST_MYSQLD="$(abspath $(MYSQLD))" cargo test --workspace --test mysql --test banksia
	WATTLE_TEST_MYSQLD="$(abspath $(MYSQLD))" cargo test --workspace --test rules --test convergence --test adapter_test \
		-- MariaDb mariadb banksia

fuzz: ## asks the demo's API at random, after its OpenAPI document; needs Python 3 and its package index
	scripts/fuzz

soak: setup ## runs hundreds of schedules of faults; SEEDS=50 of each pair of engines by default
	WATTLE_TEST_SEEDS=$${SEEDS:-50} cargo test --test convergence -- --nocapture

bench: setup ## measures the sync engine, a MariaDB source and the API on this machine; takes long, and some GB of disk
	cargo bench -p wattle --bench sync --bench mysql --bench api

docs: ## builds the book into docs/book
	@command -v mdbook >/dev/null || { echo "mdbook is missing: cargo install mdbook" >&2; exit 1; }
	mdbook build docs
