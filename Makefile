# Shiwake: what can be done here. Each target installs or builds what it needs and says so.
CARGO ?= cargo
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Benchmarks have their own: the newest DuckDB, which counts what it reads, where tests have the version that is in use.
BENCH_VENV := .venv-bench
BENCH_PY := $(BENCH_VENV)/bin/python
# The module for Fluent Bit's WASM filter. The standard library is built with it, so that a panic is a trap and no text; the linker
# leaves its lists in it, from which `shiwake wasm` sees what is not needed once the rules are in. A number in memory may be a
# function's place in the table: with places from 5000 on few numbers are, and 100 KB of code are seen not to be needed.
WASM_BUILD := $(CARGO) build --locked --profile wasm --target wasm32-unknown-unknown --target-dir target/wasm -p shiwake-wasm \
	-Z build-std=std,panic_abort
WASM_SETTINGS := RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zunstable-options -Cpanic=immediate-abort -Clink-arg=--emit-relocs -Clink-arg=--table-base=5000"
# Rules to put into it: a file. Others can be put in later, by `shiwake wasm --module dist/shiwake-unbuilt.wasm`.
SHIWAKE_RULES ?=
# WAMR's compiler, of the version in Fluent Bit, for `make wasm-aot`.
WAMRC ?= wamrc

END_TO_END = $(PY) -m pytest -q -rs tests/end-to-end

# How often `make crash` kills the host, for each way to be safe.
KILLS ?= 1000

# How long `make fuzz` runs each target, in seconds.
FUZZ_SECONDS ?= 120
FUZZ_TARGETS := line json logfmt exception record chunk rules rules_chunk entry
FUZZ := RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz --sanitizer none

# `make sanitize` uses the stable compiler with what is unstable in it. The programs export the sanitizer's functions, so that
# the plugin, which has none of its own, finds them when it is loaded.
HOST_TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
SANITIZED = PROPTEST_CASES=$(CASES) RUSTC_BOOTSTRAP=1
# A test asks for more memory than there is, and has to be told so as malloc does.
ASAN = $(SANITIZED) ASAN_OPTIONS=allocator_may_return_null=1 RUSTFLAGS="-Zsanitizer=address -Clink-arg=-Wl,--export-dynamic" $(CARGO) test --locked \
	--target $(HOST_TARGET) --target-dir target/asan -p shiwake-records -p shiwake-delivery -p shiwake-c-api \
	--features shiwake-c-api/plain-malloc --lib --test layout_1_9_10 --test layout_4_2_8 --test layout_5_1_1 --test layout_unknown
ASAN_DIST = $(CURDIR)/target/asan/dist
# What AddressSanitizer adds to each frame is not what a flush takes of the host's stack.
ASAN_SKIPS = --skip a_flush_stays_far_below_the_stack_it_has --skip a_filter_stays_below_the_stack_of_a_coroutine
TSAN = $(SANITIZED) RUSTFLAGS="-Zsanitizer=thread" $(CARGO) test --locked \
	--target $(HOST_TARGET) --target-dir target/tsan -Zbuild-std
# Cases of each property test there: everything is many times slower.
CASES ?= 32

PAGE_BUILD := $(CARGO) build --locked --profile page --target wasm32-unknown-unknown --target-dir target/wasm -p shiwake-playground
PORT ?= 8017

.PHONY: demo hybrid image sbom test valgrind unit end-to-end matrix crash fuzz plugin dist dist-test dist-check header install host wasm wasm-aot playground playground-page playground-tests tables tables-test tables-race engines-test bench bench-quick bench-programs bench-flames bench-code bench-simulation bench-lake sanitize lint clean

demo: plugin host $(VENV)/.ready   ## Real log lines through the shared object into lake/, and queries over it
	$(PY) tests/end-to-end/demo.py

hybrid: plugin host $(VENV)/.ready ## fluent-bit-conf/hybrid.conf in a real Fluent Bit, against AWS' APIs on this machine
	$(PY) tests/end-to-end/hybrid.py

# For the oldest glibc of all bases: what is built with that of this machine does not load there.
image: dist-$(shell uname -m)        ## The container image, with dist/ in it; BASE=... for another base. Needs Docker
	cp -P dist/$(shell uname -m)/* dist/
	$(PYTHON) fluent-bit-conf/image/sbom.py > dist/shiwake.cdx.json
	docker build -f fluent-bit-conf/image/Dockerfile --build-arg PLUGIN=prebuilt $(if $(BASE),--build-arg BASE=$(BASE)) -t shiwake .

sbom: plugin                       ## dist/shiwake.cdx.json: what is in the shared object, as CycloneDX
	$(PYTHON) fluent-bit-conf/image/sbom.py > dist/shiwake.cdx.json

# Linking the shared object leaves one core idle for minutes, and so does waiting for hosts: two things at a time. What installs
# something (apt, rustup, pip) is never run beside another that does.
test:                              ## Everything that can be tested on this machine
	@$(MAKE) plugin & linking=$$!; \
		$(MAKE) $(VENV)/.ready host wasm playground-page valgrind; needed=$$?; wait $$linking && exit $$needed
	$(MAKE) unit
	@tests/playground/run --built > target/playground-tests.log 2>&1 & page=$$!; \
		$(END_TO_END); hosts=$$?; wait $$page; page=$$?; cat target/playground-tests.log; exit $$((hosts + page))

valgrind:
	@command -v valgrind || { echo "== valgrind, to count instructions"; apt-get update && apt-get install -y valgrind; } || \
		echo "== valgrind cannot be installed here: instructions are not counted"

unit: plugin host wasm             ## Rust: unit, property and golden tests, and the plugin in the harness host
	$(CARGO) test --workspace --quiet

end-to-end: plugin host wasm valgrind $(VENV)/.ready   ## The shared object in a host, S3, other readers, real Fluent Bit
	$(END_TO_END)

matrix:                            ## The sample lines through every Fluent Bit in FLUENT_BIT, in every way to set it up; writes docs/compatibility.md
	@test -n "$$FLUENT_BIT" || { echo "no Fluent Bit: set FLUENT_BIT to paths of binaries, separated by colons"; exit 2; }
	$(MAKE) plugin host wasm $(VENV)/.ready
	$(PY) tests/end-to-end/matrix.py

crash: plugin host                 ## Kills the host KILLS times for each way to be safe, and counts every record in the lake
	target/debug/shiwake-crash --kills $(KILLS) --durability flush
	target/debug/shiwake-crash --kills $(KILLS) --durability fsync

fuzz:                              ## Each fuzz target for FUZZ_SECONDS, from the sample lines on
	@$(CARGO) fuzz --version || { echo "== installing cargo-fuzz"; $(CARGO) install --locked cargo-fuzz; }
	$(CARGO) run --quiet --manifest-path tests/fuzz/Cargo.toml --example seeds -- tests/fuzz/corpus
	@set -e; for target in $(FUZZ_TARGETS); do \
		echo "== $$target, $(FUZZ_SECONDS) s"; \
		$(FUZZ) $$(case $$target in entry) echo --features delivery;; esac) $$target -- -max_total_time=$(FUZZ_SECONDS) -dict=tests/fuzz/$$(case $$target in rules*) echo rules;; *) echo lines;; esac).dict -max_len=4096 -timeout=10 -verbosity=0 -print_final_stats=1; \
	done

plugin:                            ## dist/shiwake.so and dist/flb-filter_shiwake.so
	$(CARGO) build --release --locked -p shiwake-c-api
	mkdir -p dist
	strip -o dist/shiwake.so target/release/libshiwake.so
	ln -sf shiwake.so dist/flb-filter_shiwake.so

# Shared objects for other machines. The oldest base has Amazon Linux 2's glibc. zig links against whichever glibc it is told;
# paths of this machine are left out, so that the same sources give the same bytes anywhere. Where the standard library's source is
# installed the compiler puts its folder into panics; it gets the name that it has where there is none.
GLIBC := 2.26
# The harness host is not shipped; it has memfd_create from glibc.
HARNESS_GLIBC := 2.31
DIST_MACHINES := x86_64 aarch64
DIST_CARGO = $(or $(CARGO_HOME),$(HOME)/.cargo)
# Where a part of that path is a link the compiler is told the one and runs in the other.
DIST_CRATES = $(or $(realpath $(DIST_CARGO)/registry),$(DIST_CARGO)/registry)
DIST_RUST = $(shell rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$(shell rustc -vV | sed -n 's/^commit-hash: //p')
DIST_FLAGS = --remap-path-prefix=$(CURDIR)=/shiwake --remap-path-prefix=$(DIST_CARGO)=/cargo \
	--remap-path-prefix=$(DIST_CRATES)=/cargo/registry --remap-path-prefix=$(DIST_RUST) -Cstrip=symbols
DIST_BUILD = PATH="$(CURDIR)/$(VENV)/bin:$$PATH" CARGO_INCREMENTAL=0 SOURCE_DATE_EPOCH=0 RUSTFLAGS="$(DIST_FLAGS)" \
	CFLAGS="-ffile-prefix-map=$(CURDIR)=/shiwake -ffile-prefix-map=$(DIST_CARGO)=/cargo -ffile-prefix-map=$(DIST_CRATES)=/cargo/registry" \
	$(CARGO) zigbuild --locked --target-dir target/dist

dist: $(VENV)/.zig $(DIST_MACHINES:%=dist-%)   ## dist/x86_64 and dist/aarch64: shared object and command for glibc 2.26 and later, with checksums
	cd dist && sha256sum $(DIST_MACHINES:%=%/shiwake.so) $(DIST_MACHINES:%=%/shiwake) | tee SHA256SUMS

# One after the other: together the shared object would get what the command wants of the libraries that both have.
dist-%: $(VENV)/.zig
	@if rustup target add $*-unknown-linux-gnu; then \
		build() { $(DIST_BUILD) --release -p $$1 --target $*-unknown-linux-gnu.$(GLIBC); }; \
	else \
		echo "== rustup cannot download here: building std, which needs its source (rustup component add rust-src)"; \
		build() { RUSTC_BOOTSTRAP=1 $(DIST_BUILD) --release -p $$1 --target $*-unknown-linux-gnu.$(GLIBC) -Z build-std=std,panic_unwind; }; \
	fi; build shiwake-c-api && build shiwake-cli
	mkdir -p dist/$*
	cp target/dist/$*-unknown-linux-gnu/release/libshiwake.so dist/$*/shiwake.so
	ln -sf shiwake.so dist/$*/flb-filter_shiwake.so
	cp target/dist/$*-unknown-linux-gnu/release/shiwake dist/$*/shiwake

dist-test: dist                    ## The shared objects' needs, and the one for aarch64 in the harness host under qemu
	@command -v qemu-aarch64 && test -e /usr/aarch64-linux-gnu/lib/libc.so.6 || \
		{ echo "== qemu and aarch64's glibc"; apt-get update && apt-get install -y qemu-user libc6-arm64-cross; }
	$(DIST_BUILD) -p shiwake-harness --bins --target aarch64-unknown-linux-gnu.$(HARNESS_GLIBC)
	$(PY) -m pytest -q -rs tests/end-to-end/test_dist.py

# The same sources in another folder, with another CARGO_HOME that has the crates of the first.
DIST_AGAIN := target/dist-check
dist-check: dist                   ## Builds dist/ once more, from a clone in another folder, and compares: the same bytes
	@git diff --quiet HEAD || { echo "== there are changes that are not committed, which a clone does not have"; exit 1; }
	rm -rf $(DIST_AGAIN)
	git clone --quiet . $(DIST_AGAIN)/elsewhere/shiwake
	ln -s $(CURDIR)/$(VENV) $(DIST_AGAIN)/elsewhere/shiwake/$(VENV)
	mkdir $(DIST_AGAIN)/cargo
	ln -s $(DIST_CARGO)/registry $(DIST_AGAIN)/cargo/registry
	CARGO_HOME=$(CURDIR)/$(DIST_AGAIN)/cargo $(MAKE) -C $(DIST_AGAIN)/elsewhere/shiwake -o $(VENV)/.ready -o $(VENV)/.zig dist
	cmp dist/SHA256SUMS $(DIST_AGAIN)/elsewhere/shiwake/dist/SHA256SUMS && echo "== two builds, the same bytes"

$(VENV)/.zig: $(VENV)/.ready
	@echo "== zig, as a C compiler and linker for other machines, into $(VENV)"
	$(PY) -m pip install --quiet 'ziglang>=0.15,<0.18' 'cargo-zigbuild>=0.20,<1'
	touch $@

header:                            ## c_api/include/shiwake.h, anew from the code
	SHIWAKE_WRITE_HEADER=1 $(CARGO) test --locked -p shiwake-c-api --test embedding the_header

PREFIX ?= /usr/local
install: plugin                    ## The C API: library, header and pkg-config file, below PREFIX (and DESTDIR)
	install -D -m 755 dist/shiwake.so $(DESTDIR)$(PREFIX)/lib/libshiwake.so
	ln -sf libshiwake.so $(DESTDIR)$(PREFIX)/lib/shiwake.so
	install -D -m 644 c_api/include/shiwake.h $(DESTDIR)$(PREFIX)/include/shiwake.h
	mkdir -p $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e "s|@VERSION@|$$($(CARGO) pkgid -p shiwake-c-api | sed 's/.*[@\#]//')|" c_api/shiwake.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/shiwake.pc

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

playground: playground-page        ## dist/playground.html, which works from a folder too, on http://127.0.0.1:PORT/playground.html
	$(PYTHON) -m http.server --bind 127.0.0.1 --directory dist $(PORT)

playground-page:
	@if rustup target add wasm32-unknown-unknown; then \
		$(PAGE_BUILD); \
	else \
		echo "== rustup cannot download here: taking Debian's compiler and building std with it"; \
		apt-get update && apt-get install -y rustc-web rust-web-src lld && \
		CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
			$(PAGE_BUILD) -Z build-std=std,panic_abort; \
	fi
	mkdir -p dist
	$(CARGO) run --locked --quiet --manifest-path wasm/playground/build_page/Cargo.toml --target-dir target/build_page -- \
		target/wasm/wasm32-unknown-unknown/page/shiwake_playground.wasm wasm/playground/page dist/playground.html

playground-tests: host             ## The page in headless Chromium; skipped, and says so, without Chromium or Node
	tests/playground/run

# The committer of Iceberg tables is a workspace of its own, with a folder of its own for what is built.
TABLES := --locked --manifest-path plugin/tables/Cargo.toml --target-dir target/tables
TABLES_VENV := .venv-tables
TABLES_PY := $(TABLES_VENV)/bin/python

tables:                            ## target/tables/release/shiwake-table, the committer of Iceberg tables
	$(CARGO) build --release $(TABLES)

tables-test: host $(TABLES_VENV)/.ready   ## The committer: unit tests, and what PyIceberg and DuckDB read of its tables
	$(CARGO) fmt --manifest-path plugin/tables/Cargo.toml --check
	$(CARGO) clippy --all-targets $(TABLES) -- -D warnings
	$(CARGO) test --quiet $(TABLES)
	$(CARGO) build $(TABLES)
	$(TABLES_PY) -m pytest -q -rs tests/tables

tables-race: tables host $(TABLES_VENV)/.ready   ## Two committers on 10,000 objects, each killed 50 times
	SHIWAKE_TABLE=target/tables/release/shiwake-table $(TABLES_PY) tests/tables/race.py

$(TABLES_VENV)/.ready: tests/tables/requirements.txt
	@echo "== Python packages for tables, into $(TABLES_VENV)"
	$(PYTHON) -m venv $(TABLES_VENV) || { apt-get update && apt-get install -y python3-venv && $(PYTHON) -m venv $(TABLES_VENV); }
	$(TABLES_PY) -m pip install --quiet -r $<
	touch $@

# Another Spark than that of requirements.txt: `make engines-test SPARK=3.5.7`.
SPARK ?=
ENGINES_VENV := .venv-engines
ENGINES_PY := $(ENGINES_VENV)/bin/python

engines-test: $(ENGINES_VENV)/.ready host   ## Spark, ClickHouse and hyparquet read lakes as DuckDB does; Spark runs its DDL. Downloads 900 MB at first
	$(if $(SPARK),$(ENGINES_PY) -m pip install --quiet pyspark==$(SPARK))
	$(ENGINES_PY) -m pytest -q -rs tests/engines

$(ENGINES_VENV)/.ready: tests/engines/requirements.txt tests/engines/package-lock.json
	@command -v java || { echo "== Java, for Spark"; apt-get update && apt-get install -y openjdk-17-jre-headless; } || \
		echo "== Java cannot be installed here: Spark is left out"
	@command -v npm || { echo "== Node, for hyparquet"; apt-get update && apt-get install -y nodejs npm; } || \
		echo "== Node cannot be installed here: hyparquet is left out"
	if command -v npm; then npm ci --prefix tests/engines --no-audit --no-fund; fi
	@echo "== Python packages for engines, into $(ENGINES_VENV)"
	$(PYTHON) -m venv $(ENGINES_VENV) || { apt-get update && apt-get install -y python3-venv && $(PYTHON) -m venv $(ENGINES_VENV); }
	$(ENGINES_PY) -m pip install --quiet -r $<
	touch $@

ifeq ($(ONLY),simulation)
bench: bench-simulation
else
bench: bench-programs              ## Where this stands beside others, into docs/benchmarks.md, in 20 minutes; ONLY=filter,lake,datadog,whole,start or ONLY=simulation
	$(BENCH_PY) tests/bench/bench.py $(if $(ONLY),--only $(ONLY))
endif

bench-quick: bench-programs        ## The same with small amounts, into target/benchmarks-quick.md, in three minutes
	$(BENCH_PY) tests/bench/bench.py --quick --out target/benchmarks-quick.md $(if $(ONLY),--only $(ONLY))

bench-programs: plugin $(BENCH_VENV)/.ready
	@command -v valgrind || { echo "== valgrind, to count instructions"; apt-get update && apt-get install -y valgrind; } || \
		echo "== valgrind cannot be installed here: instructions are not counted"
	$(CARGO) build --locked -p shiwake-harness -p shiwake-cli --bins
	$(CARGO) build --release --locked -p shiwake-bench
	$(CARGO) bench --locked --no-run -p shiwake-records -p shiwake-delivery

bench-flames: bench-programs       ## Flame graphs of filter and lake into docs/benchmarks/; needs perf
	@command -v perf || { echo "== perf"; apt-get update && apt-get install -y linux-perf; }
	@command -v inferno-flamegraph || { echo "== inferno, which draws"; $(CARGO) install --locked inferno --no-default-features --features cli; }
	PATH="$$PATH:$(HOME)/.cargo/bin" $(BENCH_PY) tests/bench/flames.py

bench-code:                        ## Benchmarks next to the code they measure, alone
	$(CARGO) bench --locked -p shiwake-records -p shiwake-delivery

# How many writers `make bench-simulation` has.
WRITERS ?= 1000
# Optimised, but not by the linker, which takes minutes, and with all checks of arithmetic.
SIMULATION := CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=2

bench-simulation:                  ## WRITERS writers to one lake for three simulated hours: what is lost, asked of S3, and how it recovers; SHIWAKE_SEED=7
	SHIWAKE_WRITERS=$(WRITERS) $(SIMULATION) $(CARGO) test --locked -p shiwake-delivery --lib many_writers -- --nocapture

bench-lake: $(BENCH_VENV)/.ready   ## Records into Parquet beside pyarrow, DuckDB and polars, and ten questions; QUICK=1 for a tenth of it
	$(CARGO) build --release --locked -p shiwake-bench
	$(CARGO) build --locked -p shiwake-cli
	$(BENCH_PY) tests/bench/lake.py

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

$(BENCH_VENV)/.ready: tests/bench/requirements.txt
	@echo "== Python packages for benchmarks, into $(BENCH_VENV)"
	$(PYTHON) -m venv $(BENCH_VENV) || { apt-get update && apt-get install -y python3-venv && $(PYTHON) -m venv $(BENCH_VENV); }
	$(BENCH_PY) -m pip install --quiet -r $<
	touch $@

clean:
	rm -rf target dist lake $(VENV) $(TABLES_VENV) $(BENCH_VENV) $(ENGINES_VENV) tests/playground/node_modules tests/engines/node_modules
