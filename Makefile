# What a developer or a packager calls. `make help` lists it.

CARGO  ?= cargo
PYTHON ?= python3

# What `make bench` measures: sqlite, or postgres, which is SQLite and PostgreSQL beside each other.
ENGINE ?= sqlite

# Where `make install` puts things. DESTDIR goes in front of every path, for packages.
PREFIX  ?= /usr/local
DESTDIR ?=

TARGET  := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release
SOURCES := Cargo.toml Cargo.lock $(shell find src migrations proto -type f 2>/dev/null)

# Tools that the tests and the audit need and the system need not have.
VENV       := target/python
NODE       := target/node
NGINX      := target/tools/nginx
DJANGO     := target/django
CARGO_DENY := target/tools/bin/cargo-deny

# Installs Debian's packages, where that is possible without asking.
INSTALL := as_root=; test "$$(id -u)" = 0 || as_root='sudo -n'; \
  apt() { $$as_root env DEBIAN_FRONTEND=noninteractive apt-get "$$@" </dev/null; }; \
  by_name() { command -v apt-get >/dev/null && { apt install -y "$$@" || { apt update && apt install -y "$$@"; }; }; }; \
  by_name

# The tests find PyJWT and the other judges of our answers through this.
export AUTHD_TEST_PYTHON := $(abspath $(VENV)/bin/python)

.PHONY: help run build test lint fmt bench docs audit install connectors demo image components curl namespaces postgres nginx

help:      ## List what can be made
	@sed -n 's/^\([a-z]*\): *[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

run: build ## Build, and serve http://localhost:8000 from ./authd.db
	$(RELEASE)/authd serve

build:     ## Build both programs, optimised
	$(CARGO) build --release --locked

test: lint curl namespaces postgres nginx $(VENV)/.ready $(NODE)/.ready ## Check everything CI checks: format, lints, documentation, all tests on both engines
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --locked --no-deps --workspace
	AUTHD_TEST_ENGINE=sqlite $(CARGO) test --locked --workspace
ifeq ($(SKIP_POSTGRES),1)
	@echo "make: NOT CHECKED here: everything again on PostgreSQL: SKIP_POSTGRES is 1"
else
	AUTHD_TEST_ENGINE=postgres $(CARGO) test --locked --workspace --lib --test it --test live
endif
	$(MAKE) connectors demo
ifeq ($(SKIP_IMAGE),1)
	@echo "make: NOT CHECKED here: the container image: SKIP_IMAGE is 1"
endif
ifeq ($(SKIP_PROXIES),1)
	@echo "make: NOT CHECKED here: nginx, Caddy and Envoy in front of a service: SKIP_PROXIES is 1"
endif

# The suite of the package, against the authd of this source; `make test` has built that already.
# mypy reads it as the oldest and as the newest Python that it is for; the tests have the one that is here.
connectors: export AUTHD_TEST_PROGRAMS := $(abspath $(TARGET)/debug)
connectors: export PYTHONDONTWRITEBYTECODE := 1
connectors: export COVERAGE_FILE := $(abspath $(DJANGO)/coverage)
connectors: curl postgres $(DJANGO)/.ready ## Check connectors/django: format, lints, types, and its tests, each branch of it
	$(CARGO) test --quiet --locked --no-run --workspace --test it
	cd connectors/django && $(BIN)/ruff format --no-cache --check . && $(BIN)/ruff check --no-cache . && \
	  $(BIN)/mypy --cache-dir $(abspath $(DJANGO)/mypy) && $(BIN)/mypy --cache-dir $(abspath $(DJANGO)/mypy) --python-version 3.13
	cd connectors/django && $(BIN)/python -m coverage run -m pytest -q && $(BIN)/python -m coverage report
ifeq ($(SKIP_POSTGRES),1)
	@echo "make: NOT CHECKED here: connectors/django on PostgreSQL: SKIP_POSTGRES is 1"
else
	cd connectors/django && AUTHD_TEST_ENGINE=postgres $(BIN)/python -m pytest -q
endif
	cd connectors/django && PYTHONPATH=$(abspath $(DJANGO)/oldest) $(BIN)/python -m pytest -q

BIN := $(abspath $(DJANGO)/bin)

demo: nginx $(DJANGO)/.ready ## A user in three services behind nginx: authd, one with Django, one in Rust (some seconds)
ifeq ($(SKIP_PROXIES),1)
	@echo "make: NOT CHECKED here: the demo, which needs nginx: SKIP_PROXIES is 1"
else
	$(CARGO) build --locked --bin authd --bin authctl --bin billing --package authd --package authd-example-billing
	PATH=$$PATH:/usr/sbin:/usr/local/sbin:$(abspath $(NGINX)/usr/sbin) $(BIN)/python examples/demo.py --programs $(TARGET)/debug
endif

image: curl namespaces ## Build what is in the container image, start it without an engine, and weigh it
	$(CARGO) build --locked --profile image --package authd-container
	AUTHD_IMAGE_PROGRAM=$(abspath $(TARGET)/image/authd-container) \
	  $(CARGO) test --locked --package authd-container -- --nocapture

lint: components ## Check the format and the lints, without changing a file
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	for half in blocking async blocking,rusqlite async,sqlx-postgres tower axum; do \
	  $(CARGO) clippy --locked --package authd-client --no-default-features --features $$half -- -D warnings || exit; \
	done

fmt: components ## Format the sources
	$(CARGO) fmt --all

bench: $(DJANGO)/.ready ## Measure the service and its connectors against their peers (some twenty minutes; ENGINE=postgres: on both engines)
	$(CARGO) bench --locked --bench service -- --engine $(ENGINE)
	AUTHD_TEST_PROGRAMS=$(abspath $(RELEASE)) $(CARGO) bench --locked --package authd-client
	cd connectors/django && PYTHONDONTWRITEBYTECODE=1 AUTHD_TEST_PROGRAMS=$(abspath $(RELEASE)) $(BIN)/python bench/bench.py

docs:      ## Write anew what is generated: man/, completions/, contrib/authd.toml, proto/generated/
	AUTHD_REGENERATE=1 $(CARGO) test --locked --test it generated

audit: $(CARGO_DENY) ## Check licences, bans, sources and known vulnerabilities of all dependencies
	$(CARGO_DENY) check bans licenses sources
	@if $(CARGO_DENY) fetch db 2>/dev/null; \
	then $(CARGO_DENY) --offline check advisories; \
	else echo "audit: advisories NOT checked: the advisory database could not be reached"; fi

install: $(RELEASE)/authd ## Install under PREFIX (programs, man pages, completions, sample, unit)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,$(INSTALL_DIRS))
	install -m 755 $(RELEASE)/authd $(RELEASE)/authctl $(DESTDIR)$(PREFIX)/bin
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	for program in authd authctl; do \
	  install -m 644 completions/$$program.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program && \
	  install -m 644 completions/_$$program $(DESTDIR)$(PREFIX)/share/zsh/site-functions && \
	  install -m 644 completions/$$program.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d || exit; \
	done
	install -m 644 contrib/authd.toml $(DESTDIR)$(PREFIX)/share/doc/authd
	sed 's|/usr/bin/|$(PREFIX)/bin/|' contrib/authd.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/authd.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/authd.service

INSTALL_DIRS := bin share/man/man1 share/man/man5 share/man/man8 share/bash-completion/completions \
  share/zsh/site-functions share/fish/vendor_completions.d share/doc/authd lib/systemd/system

# Built only when a source is newer, so that `make build && sudo make install` does not build as root.
$(RELEASE)/authd: $(SOURCES)
	$(CARGO) build --release --locked
	@touch $@

components:
	@$(CARGO) fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@$(CARGO) clippy --version >/dev/null 2>&1 || rustup component add clippy

# The README's lines are run as they are printed.
curl:
	@command -v curl >/dev/null || { $(INSTALL) curl; } || { \
	  echo "The tests run the README's lines, which need curl: please install it." >&2; exit 1; }

# The image is started in a network of its own.
namespaces:
	@test "$$SKIP_IMAGE" = 1 || command -v ip >/dev/null || { $(INSTALL) iproute2; } || { \
	  echo "The tests start the container image in a network of its own, which needs ip: please install iproute2, or leave it out with SKIP_IMAGE=1." >&2; exit 1; }

# The tests start servers of their own; Debian's package is kept from starting one as well.
postgres:
	@test "$$SKIP_POSTGRES" = 1 || { ls /usr/lib/postgresql/*/bin/initdb || command -v initdb; } >/dev/null 2>&1 || { \
	  as_root=; test "$$(id -u)" = 0 || as_root='sudo -n'; \
	  $$as_root true 2>/dev/null && $$as_root sh -ec 'conf=/etc/postgresql-common/createcluster.conf; \
	    command -v apt-get >/dev/null; mkdir -p $${conf%/*}; \
	    test -e $$conf || echo "create_main_cluster = false" > $$conf; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    apt-get install -y postgresql || { apt-get update; apt-get install -y postgresql; }'; } || { \
	  echo "The tests start PostgreSQL: please install it, or leave these out with SKIP_POSTGRES=1." >&2; exit 1; }

# Debian's package is unpacked, not installed: that would start a server of its own.
nginx:
	@test "$$SKIP_PROXIES" = 1 && exit; \
	for nginx in /usr/sbin/nginx /usr/local/sbin/nginx /usr/bin/nginx $(NGINX)/usr/sbin/nginx; do \
	  test -x $$nginx && exit; \
	done; \
	as_root=; test "$$(id -u)" = 0 || as_root='sudo -n'; \
	rm -rf $(NGINX) && mkdir -p $(NGINX) && cd $(NGINX) && command -v apt-get >/dev/null \
	  && { apt-get download nginx nginx-core || { $$as_root apt-get update && apt-get download nginx nginx-core; }; } \
	  && for package in *.deb; do dpkg-deb -x $$package . || exit; done && usr/sbin/nginx -v || { \
	  echo "The tests start nginx: please install it, or leave the proxies out with SKIP_PROXIES=1." >&2; exit 1; }

$(NODE)/.ready: tests/node/package.json tests/node/package-lock.json $(VENV)/.ready
	rm -rf $(NODE)
	mkdir -p $(NODE)
	cp tests/node/package.json tests/node/package-lock.json $(NODE)
	$(VENV)/bin/npm ci --silent --no-audit --no-fund --prefix $(NODE)
	@touch $@

$(VENV)/.ready: tests/python/requirements.txt tests/python/django-4.2.txt
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { $(INSTALL) python3-venv; } || true
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The tests need Python 3.11 or newer with its venv module (Debian and Ubuntu: apt-get install python3-venv)." >&2; \
	  echo "Another Python than '$(PYTHON)' is chosen with: make test PYTHON=..." >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/django-4.2 \
	  --requirement tests/python/django-4.2.txt
	@touch $@

$(DJANGO)/.ready: connectors/django/tests/requirements.txt connectors/django/tests/requirements-oldest.txt | $(VENV)/.ready
	rm -rf $(DJANGO)
	$(PYTHON) -m venv $(DJANGO)
	$(DJANGO)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	$(DJANGO)/bin/pip install --quiet --disable-pip-version-check --no-deps --target $(DJANGO)/oldest \
	  --requirement connectors/django/tests/requirements-oldest.txt
	@touch $@

$(CARGO_DENY):
	$(CARGO) install cargo-deny --version '^0.20' --locked --root target/tools
