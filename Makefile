# What a developer types. Anything longer than a line or two is a script in deploy/local/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
DRILL := .venv/bin/lastcall drill examples.orders.worker:worker --prefetch 20
ARGS ?=
# Two at a time, the tests of a file by the same one; each brings its own broker. JOBS=0: one after the other.
JOBS ?= 2
PYTEST := .venv/bin/python -m pytest
SIDE_BY_SIDE := $(PYTEST) -n $(JOBS) --dist loadfile

.PHONY: help setup broker stores kubectl prometheus monitoring demo test test-browser test-hosts test-plain fuzz test-matrix test-cluster test-k8s lint drill-long figures loss-figures bench bench-growth bench-micro bench-instructions bench-counted clean

help: ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 26

setup: .venv/installed ## make .venv and install the project and its tools into it
	@echo "environment: .venv"

.venv/installed: pyproject.toml
	@deploy/local/setup </dev/null

broker: ## make sure that a RabbitMQ can be had: AMQP_URL, Docker, or this machine's own server
	@deploy/local/broker </dev/null

demo: setup broker ## three real workers take orders, are scaled down and up under load, and lose nothing
	$(DRILL) $(ARGS) </dev/null

stores: ## make sure that the inboxes' tests can have a Redis and a PostgreSQL, or say what is missing
	@deploy/local/stores </dev/null

kubectl: ## make sure that the tests of the manifests can have a kubectl, or say what is missing
	@deploy/local/kubectl </dev/null

prometheus: ## make sure that the tests of the dashboard and the alerts can have a Prometheus, or say what is missing
	@deploy/local/prometheus </dev/null

monitoring: setup ## write the dashboard, the alert rules and their page anew from deploy/monitoring
	.venv/bin/python -m deploy.monitoring </dev/null

test: setup broker stores kubectl prometheus ## the test suite; ARGS="-k drain" for a part of it
	$(SIDE_BY_SIDE) -m "not faults and not every_host and not k8s and not browser" $(ARGS) </dev/null

test-browser: setup broker ## /statusz with hostile message ids in a real Chromium, which root gets by apt
	@deploy/local/chromium </dev/null
	$(PYTEST) -m browser tests/browser $(ARGS) </dev/null

test-hosts: setup broker ## every way to be stopped on every host (asyncio, uvloop, aiorun, trio, …), also while all tasks are cancelled
	$(PYTEST) -n $(JOBS) -m every_host tests/hosts $(ARGS) </dev/null

test-plain: setup broker ## the suites of workers, hosts and queues without the fast lane, on the client's own reader
	LASTCALL_TRANSPORT=plain $(SIDE_BY_SIDE) -m "not faults and not every_host" tests/process tests/hosts tests/queues $(ARGS) </dev/null

fuzz: setup ## any bytes at the parts that read the broker's, guided by coverage; ARGS=600 for so many seconds each
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	.venv/bin/python -m tests.fuzz cutter $(or $(ARGS),180) </dev/null
	.venv/bin/python -m tests.fuzz properties $(or $(ARGS),60) </dev/null

test-matrix: setup ## real faults on RabbitMQ 3.10, 4.0 and 4.3 (20 minutes, as root; VERSIONS=4.3 for one)
	@deploy/local/test-matrix $(ARGS) </dev/null

test-cluster: setup ## real faults on a cluster of three nodes (as root)
	@deploy/local/engine up
	@deploy/local/broker-image
	$(PYTEST) tests/faults -m cluster $(ARGS) </dev/null

test-k8s: setup kubectl ## scale-downs, rollouts, evictions and kills on a real Kubernetes: KUBECONFIG's, or K8S_LAB's on this machine
	@deploy/local/kubernetes $(PYTEST) tests/k8s -m k8s $(ARGS)

lint: setup ## style, format, types and the direction of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

drill-long: setup broker ## the demo at length: 2,000 messages, 5 workers, 30 scale-downs
	$(DRILL) --messages 2000 --workers 5 --scale-downs 30 $(ARGS) </dev/null

figures: setup broker ## how quickly a stopping worker hands back, finishes and leaves: the table in docs/figures.md
	.venv/bin/python -m bench.drain_figures $(ARGS) </dev/null

bench: setup ## CPU per message, rate and memory beside eight peers: the table in docs/performance.md (10 to 20 minutes)
	@deploy/local/engine up
	@deploy/local/bench-tools
	@deploy/local/broker-image rabbitmq 4.0
	.venv/bin/python -m bench.speed $(ARGS) </dev/null

bench-counted: setup ## instructions a message of whole programs, ours and four peers' (valgrind; 5 minutes)
	@deploy/local/engine up
	@deploy/local/bench-tools
	@deploy/local/broker-image rabbitmq 4.0
	.venv/bin/python -m bench.speed.counted $(ARGS) </dev/null

bench-growth: setup ## whether a message costs the same with 10,000 in flight, 50 queues, large bodies; and memory
	@deploy/local/engine up
	@deploy/local/broker-image rabbitmq 4.0
	.venv/bin/python -m bench.growth $(ARGS) </dev/null

bench-micro: setup ## what each pure part costs by itself (pytest-benchmark)
	$(PYTEST) bench/micro --benchmark-group-by=func --benchmark-sort=name --benchmark-columns=median,iqr,rounds $(ARGS) </dev/null

bench-instructions: setup ## instructions per delivery (valgrind), against the kept count: fails if they are 5 % more
	@deploy/local/bench-tools
	.venv/bin/python -m bench.instructions $(ARGS) </dev/null

loss-figures: setup ## what is lost or run twice under faults: the table in docs/loss-figures.md (an hour; ARGS="--scale 0.1")
	@deploy/local/engine up
	@deploy/local/broker-image
	@deploy/local/broker-image rabbitmq 4.0
	.venv/bin/python -m bench.loss_figures $(ARGS) </dev/null

clean: ## remove what the targets above have made in this folder
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	rm -f orders.sqlite3 orders.sqlite3-wal orders.sqlite3-shm
