# Shiwake: what can be done here. Each target installs or builds what it needs and says so.
CARGO ?= cargo
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# The module for Fluent Bit's WASM filter. The standard library is built with it, so that a panic is a trap and no text; the linker
# leaves its lists in it, from which `shiwake wasm` sees what is not needed once the rules are in.
WASM_BUILD := $(CARGO) build --locked --profile wasm --target wasm32-unknown-unknown --target-dir target/wasm -p shiwake-wasm \
	-Z build-std=std,panic_abort
WASM_SETTINGS := RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zunstable-options -Cpanic=immediate-abort -Clink-arg=--emit-relocs"
# Rules to put into it: a file. Others can be put in later, by `shiwake wasm --module dist/shiwake-unbuilt.wasm`.
SHIWAKE_RULES ?=
# WAMR's compiler, of the version in Fluent Bit, for `make wasm-aot`.
WAMRC ?= wamrc

# How often `make crash` kills the host, for each way to be safe.
KILLS ?= 1000

# How long `make fuzz` runs each target, in seconds.
FUZZ_SECONDS ?= 120
FUZZ_TARGETS := line json logfmt exception record chunk rules rules_chunk
FUZZ := RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz --sanitizer none

# `make sanitize` uses the stable compiler with what is unstable in it. The programs export the sanitizer's functions, so that
# the plugin, which has none of its own, finds them when it is loaded.
HOST_TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
SANITIZED = PROPTEST_CASES=$(CASES) RUSTC_BOOTSTRAP=1
ASAN = $(SANITIZED) RUSTFLAGS="-Zsanitizer=address -Clink-arg=-Wl,--export-dynamic" $(CARGO) test --locked \
	--target $(HOST_TARGET) --target-dir target/asan -p shiwake-records -p shiwake-delivery -p shiwake-c-api \
	--features shiwake-c-api/plain-malloc --lib --test layout_1_9_10 --test layout_4_2_8 --test layout_5_1_1 --test layout_unknown
ASAN_DIST = $(CURDIR)/target/asan/dist
# What AddressSanitizer adds to each frame is not what a flush takes of the host's stack.
ASAN_SKIPS = --skip a_flush_stays_far_below_the_stack_it_has
TSAN = $(SANITIZED) RUSTFLAGS="-Zsanitizer=thread" $(CARGO) test --locked \
	--target $(HOST_TARGET) --target-dir target/tsan -Zbuild-std
# Cases of each property test there: everything is many times slower.
CASES ?= 32

.PHONY: demo test unit end-to-end crash fuzz plugin host wasm wasm-aot bench sanitize lint clean

demo: plugin host $(VENV)/.ready   ## Real log lines through the shared object into lake/, and queries over it
	$(PY) tests/end-to-end/demo.py

test: unit end-to-end              ## Everything that can be tested on this machine

unit: plugin host wasm             ## Rust: unit, property and golden tests, and the plugin in the harness host
	$(CARGO) test --workspace --quiet

end-to-end: plugin host wasm $(VENV)/.ready   ## The shared object in a host, S3, other readers, real Fluent Bit
	$(PY) -m pytest -q -rs tests/end-to-end

crash: plugin host                 ## Kills the host KILLS times for each way to be safe, and counts every record in the lake
	target/debug/shiwake-crash --kills $(KILLS) --durability flush
	target/debug/shiwake-crash --kills $(KILLS) --durability fsync

fuzz:                              ## Each fuzz target for FUZZ_SECONDS, from the sample lines on
	@$(CARGO) fuzz --version || { echo "== installing cargo-fuzz"; $(CARGO) install --locked cargo-fuzz; }
	$(CARGO) run --quiet --manifest-path tests/fuzz/Cargo.toml --example seeds -- tests/fuzz/corpus
	@set -e; for target in $(FUZZ_TARGETS); do \
		echo "== $$target, $(FUZZ_SECONDS) s"; \
		$(FUZZ) $$target -- -max_total_time=$(FUZZ_SECONDS) -dict=tests/fuzz/$$(case $$target in rules*) echo rules;; *) echo lines;; esac).dict -max_len=4096 -timeout=10 -verbosity=0 -print_final_stats=1; \
	done

plugin:                            ## dist/shiwake.so and dist/flb-filter_shiwake.so
	$(CARGO) build --release --locked -p shiwake-c-api
	mkdir -p dist
	strip -o dist/shiwake.so target/release/libshiwake.so
	ln -sf shiwake.so dist/flb-filter_shiwake.so

host:                              ## The harness host, the crash trial, the generator and the command shiwake, as programs
	$(CARGO) build --locked -p shiwake-harness -p shiwake-crash -p shiwake-generator -p shiwake-cli --bins

wasm:                              ## dist/shiwake.wasm, the filter for Fluent Bit's WASM runtime; SHIWAKE_RULES=FILE puts rules of your own in
	@if rustup target add wasm32-unknown-unknown && rustup component add rust-src; then \
		$(WASM_SETTINGS) $(WASM_BUILD); \
	else \
		echo "== rustup cannot download here: taking Debian's compiler"; \
		apt-get update && apt-get install -y rustc-web rust-web-src lld && \
		RUSTC=/usr/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld $(WASM_SETTINGS) $(WASM_BUILD); \
	fi
	$(CARGO) build --locked -p shiwake-cli
	mkdir -p dist
	cp target/wasm/wasm32-unknown-unknown/wasm/shiwake_wasm.wasm dist/shiwake-unbuilt.wasm
	target/debug/shiwake wasm $(if $(SHIWAKE_RULES),--rules $(SHIWAKE_RULES)) --module dist/shiwake-unbuilt.wasm -o dist/shiwake.wasm

wasm-aot: wasm                     ## dist/shiwake.aot: the module compiled for this kind of machine with WAMR's compiler (WAMRC=FILE)
	$(WAMRC) --opt-level=3 --size-level=3 -o dist/shiwake.aot dist/shiwake.wasm

bench:                             ## Benchmarks next to the code they measure
	$(CARGO) bench --locked -p shiwake-records -p shiwake-delivery

sanitize:                          ## AddressSanitizer: records, delivery, the plugin in the harness; ThreadSanitizer: delivery. Half an hour at first
	@echo "== AddressSanitizer, which comes with the compiler: nothing to install"
	$(ASAN) --no-run
	mkdir -p $(ASAN_DIST)
	cp target/asan/$(HOST_TARGET)/debug/deps/libshiwake.so $(ASAN_DIST)/shiwake.so
	ln -sf shiwake.so $(ASAN_DIST)/flb-filter_shiwake.so
	SHIWAKE_DIST=$(ASAN_DIST) $(ASAN) -- $(ASAN_SKIPS)
	@echo "== ThreadSanitizer, with a standard library that is built for it: needs its source (rustup component add rust-src)"
	rustup component add rust-src
	$(TSAN) -p shiwake-delivery --lib --test store_contract

lint:                              ## Format, clippy without a warning; oldest Rust, licences and sources of all dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(PYTHON) tests/conf/oldest_rust.py
	$(PYTHON) tests/conf/dependencies.py
	@if $(CARGO) deny --version; then \
		$(CARGO) deny check --hide-inclusion-graph licenses bans sources && \
		if $(CARGO) deny fetch db; then $(CARGO) deny check advisories; \
		else echo "== advisories are not checked: their database cannot be reached"; fi; \
	else echo "== advisories are not checked: cargo deny is not installed (cargo install --locked cargo-deny)"; fi

$(VENV)/.ready: tests/end-to-end/requirements.txt
	@echo "== Python packages for queries and tests, into $(VENV)"
	$(PYTHON) -m venv $(VENV) || { apt-get update && apt-get install -y python3-venv && $(PYTHON) -m venv $(VENV); }
	$(PY) -m pip install --quiet -r $<
	touch $@

clean:
	rm -rf target dist lake $(VENV)
