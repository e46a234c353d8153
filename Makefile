# One file, no recursion: every rule sees the whole project.
#
#   make               the binaries, hardened                       -> build/release/
#   make demo          the whole system on loopback, in one command (KEEP=1: stays up)
#   make test          everything: unit and end-to-end tests; installs what is missing
#   make check         unit tests under ASan and UBSan              -> build/check/
#   make e2e           end-to-end tests on real servers (ARGS='-k name' for some)
#   make bench-controller   speed, traffic and memory of the controller -> build/bench/
#   make soak          the proofs of the relay at length: faults injected, what was found (ARGS='--seconds 3600')
#   make bench-relay        the relay against floors of the same run, latency, fairness -> build/bench/
#   make bench-provisioner  the webhook's speed, and what strangers can do to it -> build/bench/
#   make fuzz          the parsers under libFuzzer, FUZZ_SECONDS=10 each; finds -> build/fuzz/
#   make lint          format, layers, purity, clang-tidy, cppcheck, -fanalyzer, scripts, words
#   make format        rewrites the sources with clang-format
#   make cover         line coverage of the unit tests              -> build/cover/
#   make docs          docs/options.md, docs/metrics.md from the tables in the code
#   make setup         installs every dependency (Debian 12)
#   make images        container images as OCI archives, without a daemon -> build/images/
#   make test-chart    the Helm chart: renders, schema, a real API server; Argo CD's Lua
#   make test-cluster  the chart on a real single-node Kubernetes (needs root and cgroups)
#   make containerfile-check   builds images/Containerfile without a registry (needs root; minutes)
#   make cluster-demo  the demo there (KEEP=1: stays up)
#   make clean
#
# V=1 shows the commands. MODE=release|check|tsan|cover builds any target beside the others in build/$(MODE)/.
MODE ?= release
O    := build/$(MODE)
CC   := gcc

probe = $(shell printf 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c -o /dev/null - >/dev/null 2>&1 && echo $(1))

WARN := -Wall -Wextra -Wpedantic -Wformat=2 -Wformat-overflow=2 -Wformat-truncation=1 \
	-Wformat-signedness -Wconversion -Wsign-conversion -Warith-conversion -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wredundant-decls \
	-Wnested-externs -Wundef -Wvla -Walloca -Wwrite-strings -Wcast-qual -Wcast-align=strict \
	-Wpointer-arith -Wdouble-promotion -Wfloat-equal -Wnull-dereference -Wduplicated-cond \
	-Wduplicated-branches -Wlogical-op -Wjump-misses-init -Wimplicit-fallthrough=5 \
	-Wswitch-enum -Wenum-conversion -Wtrampolines -Wbidi-chars=any -Wdate-time \
	-Warray-bounds=2 -Wstringop-overflow=4 -Wuse-after-free=3 -Wdangling-pointer=2 \
	-Wframe-larger-than=16384 -Wunused-const-variable=2 -Wsuggest-attribute=format
ERRS := -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types \
	-Werror=int-conversion -Werror=return-type
HARD := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -fPIE -fno-common -fexceptions -fno-delete-null-pointer-checks \
	-fno-strict-overflow -fno-strict-aliasing -ftrivial-auto-var-init=zero \
	$(call probe,-fstrict-flex-arrays=3) $(call probe,-fzero-init-padding-bits=all)
LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,nodlopen,--as-needed,--no-copy-dt-needed-entries

CFLAGS_release := -O2 -g $(HARD) -ffile-prefix-map=$(CURDIR)=.
CFLAGS_check   := -O1 -g3 -Werror -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fsanitize=pointer-overflow,bounds-strict,float-divide-by-zero -fno-sanitize-recover=all
CFLAGS_tsan    := -O1 -g3 -Werror -fsanitize=thread
CFLAGS_cover   := -O0 -g3 --coverage
LDFLAGS_release := $(LINK) -Wl,--build-id=sha1
LDFLAGS_check   := -fsanitize=address,undefined
LDFLAGS_tsan    := -fsanitize=thread
LDFLAGS_cover   := --coverage

VERSION := $(shell cat VERSION)
PKGS    := libcurl libpq libnats libcjson yaml-0.1 libcrypto libmicrohttpd
CPPFLAGS := -D_GNU_SOURCE -DBULKHEAD_VERSION='"$(VERSION)"' -I$(O)/generated \
	$(shell pkg-config --cflags-only-I $(PKGS) 2>/dev/null)
CFLAGS  := -std=gnu17 $(WARN) $(ERRS) $(CFLAGS_$(MODE)) -MMD -MP
Q := $(if $(V),,@)
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

# Who may include whom (docs/layers.md): a folder finds only the headers of the folders named here.
BASE := lib/base
LAYERS_lib/base             :=
LAYERS_lib/run              := $(BASE)
LAYERS_lib/jetstream        := $(BASE) lib/run
LAYERS_lib/kube             := $(BASE) lib/run
LAYERS_lib/tenant           := $(BASE) lib/jetstream
LAYERS_controller/state     := $(BASE)
LAYERS_controller/plan      := $(BASE) lib/jetstream lib/tenant
LAYERS_controller/survey    := $(BASE) lib/run lib/jetstream lib/tenant controller/plan
LAYERS_controller/reconcile := $(BASE) lib/run lib/jetstream lib/kube lib/tenant controller/plan \
	controller/survey
LAYERS_controller           := $(BASE) lib/run lib/jetstream lib/kube lib/tenant \
	controller/state controller/plan controller/survey controller/reconcile
LAYERS_relay/core           := $(BASE) lib/tenant
LAYERS_relay/source         := $(BASE) lib/run lib/tenant relay/core relay/schema
LAYERS_relay/schema         := $(BASE)
LAYERS_relay/sink           := $(BASE) lib/run lib/jetstream lib/tenant relay/core
LAYERS_relay/commands       := $(BASE) lib/run lib/tenant relay/core relay/source relay/schema
LAYERS_relay                := $(BASE) lib/run lib/jetstream lib/tenant relay/core relay/source relay/sink relay/schema \
	relay/commands
LAYERS_provisioner/core     := $(BASE) lib/tenant lib/jetstream lib/kube
LAYERS_provisioner          := $(BASE) lib/run lib/kube lib/tenant lib/jetstream provisioner/core
LAYERS_tests/support        := $(BASE) lib/tenant controller/plan relay/core relay/schema
LAYERS_tests/unit           := tests/support $(BASE) lib/run lib/jetstream lib/kube lib/tenant controller \
	controller/state controller/plan controller/survey controller/reconcile relay relay/core relay/source relay/sink relay/schema \
	relay/commands
LAYERS_tests/unit           += provisioner provisioner/core
LAYERS_tests/bench          := $(BASE) lib/run lib/tenant relay/core relay/source relay/schema
LAYERS_tests/fuzz           := $(BASE) $(LAYERS_provisioner/core) provisioner/core controller/plan controller/survey
layers = $(addprefix -iquote ,$(LAYERS_$(1)))

# Folders and files that may touch nothing outside their arguments; `make purity` holds them to it.
PURE := $(wildcard lib/base/*.c lib/tenant/*.c controller/plan/*.c controller/state/*.c relay/core/*.c \
	relay/schema/*.c) \
	$(filter-out controller/survey/fleet.c,$(wildcard controller/survey/*.c)) \
	lib/jetstream/api_error.c lib/jetstream/credentials.c $(wildcard lib/jetstream/field*.c lib/jetstream/*_fields.c) \
	$(wildcard lib/kube/kube_path.c lib/kube/kube_status.c lib/kube/watch_lines.c lib/kube/watch_events.c lib/kube/watch_rule.c lib/kube/lease_rule.c lib/kube/event_series.c lib/kube/kube_limit.c)
PURE += $(wildcard provisioner/core/*.c) relay/commands/dead_filter.c

BINARIES := $O/bulkhead-controller $O/bulkhead-relay
FOLDERS  := lib/base lib/run lib/jetstream lib/kube lib/tenant controller controller/state \
	controller/plan controller/survey controller/reconcile relay relay/core relay/source relay/sink relay/schema \
	relay/commands
BINARIES += $O/bulkhead-provisioner
FOLDERS  += provisioner provisioner/core
SRC      := $(wildcard $(addsuffix /*.c,$(FOLDERS)))
HEADERS  := $(wildcard $(addsuffix /*.h,$(FOLDERS) tests/support tests/proof))
MAINS    := controller/main.c relay/main.c
MAINS    += provisioner/main.c
TEST_SRC := $(wildcard tests/unit/*.c)
TESTS    := $(TEST_SRC:tests/unit/%.c=$O/unit/%)
SUPPORT  := $(wildcard tests/support/*.c)

all: $(BINARIES)
	@:

$O/bulkhead-controller: $O/controller/main.o $O/bulkhead.a
$O/bulkhead-relay: $O/relay/main.o $O/bulkhead.a
$O/bulkhead-provisioner: $O/provisioner/main.o $O/bulkhead.a
$(BINARIES):
	@echo "  LINK $@"
	$Q$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS)

$O/bulkhead.a: $(patsubst %.c,$O/%.o,$(filter-out $(MAINS),$(SRC)))
	$Qrm -f $@ && ar rcsD $@ $^

# The migrations, compiled in.
MIGRATIONS := $(sort $(wildcard relay/schema/*.sql))
$O/generated/migrations.inc: relay/schema/embed.sh $(MIGRATIONS)
	@mkdir -p $(@D)
	sh $^ > $@.tmp && mv $@.tmp $@
$O/relay/schema/schema.o build/fuzz/objects/relay/schema/schema.o: $O/generated/migrations.inc
build/lint/relay/schema/schema.tidy build/lint/relay/schema/schema.analyzed: $O/generated/migrations.inc

$O/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$Q$(CC) $(CPPFLAGS) $(call layers,$(patsubst %/,%,$(dir $<))) $(CFLAGS) -c -o $@ $<

$O/unit/%: $O/tests/unit/%.o $(SUPPORT:%.c=$O/%.o) $O/bulkhead.a
	@mkdir -p $(@D)
	$Q$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS) -lcmocka

$O/bench/%: $O/tests/bench/%.o $O/bulkhead.a
	@mkdir -p $(@D)
	$Q$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS)

ifeq ($(MODE),release)
check docs:
	+$(MAKE) --no-print-directory MODE=check $@
else
docs: $O/unit/test_docs
	$QBULKHEAD_WRITE_DOCS=1 $<
check: $(TESTS)
	@for t in $(TESTS); do \
	    echo "# $${t##*/}"; ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 $$t || exit 1; done
endif

# ---- fuzzing: every parser of outside bytes, with libFuzzer; FUZZ_SECONDS for each target

FUZZ_SECONDS ?= 10
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS := -std=gnu17 -O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all
build/fuzz/objects/%.o: %.c
	@mkdir -p $(@D)
	$Qclang-14 $(CPPFLAGS) $(call layers,$(patsubst %/,%,$(dir $<))) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link \
	    -MMD -MP -c -o $@ $<
build/fuzz/%: build/fuzz/objects/tests/fuzz/fuzz_%.o $(PURE:%.c=build/fuzz/objects/%.o)
	@echo "  FUZZER $@"
	$Qclang-14 $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
fuzz: $(FUZZERS)
	$Qfor f in $(FUZZERS); do n=$${f##*/}; mkdir -p build/fuzz/found/$$n; \
	    ASAN_OPTIONS=detect_leaks=1 $$f -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=10 \
	        -artifact_prefix=build/fuzz/$$n- build/fuzz/found/$$n tests/fuzz/corpus/$$n >build/fuzz/$$n.log 2>&1 || \
	    { tail -n 40 build/fuzz/$$n.log; exit 1; }; \
	    echo "# $$n: $$(grep '^Done' build/fuzz/$$n.log)"; done
.PHONY: fuzz

# ---- static checks: each leaves a stamp, so that an unchanged file is not looked at twice

L     := build/lint
LINTED := $(SRC) $(TEST_SRC) $(SUPPORT) $(wildcard tests/proof/*.c)
LINT_FLAGS = $(CPPFLAGS) $(call layers,$(patsubst %/,%,$(dir $<))) -std=gnu17

$L/%.tidy: %.c .clang-tidy $(HEADERS)
	@mkdir -p $(@D)
	@echo "  TIDY $<"
	$Qclang-tidy-14 --quiet $< -- $(LINT_FLAGS) 2>/dev/null && touch $@
$L/%.analyzed: %.c $(HEADERS)
	@mkdir -p $(@D)
	@echo "  ANALYZE $<"
	$Q$(CC) $(LINT_FLAGS) -O0 -fanalyzer -Werror -c -o /dev/null $<
	$Q$(CC) $(LINT_FLAGS) -O2 -fanalyzer -Werror -c -o /dev/null $<
	@touch $@

tidy: $(LINTED:%.c=$L/%.tidy)
analyze: $(SRC:%.c=$L/%.analyzed)
format:
	clang-format-14 -i $(LINTED) $(HEADERS)
format-check:
	clang-format-14 --dry-run -Werror $(LINTED) $(HEADERS)
cppcheck:
	cppcheck --quiet --enable=warning,style,performance,portability --inline-suppr --std=c11 \
	    --library=posix --error-exitcode=1 --suppress=missingIncludeSystem -D_GNU_SOURCE \
	    --include=tests/lint/cppcheck.h \
	    $(addprefix -I,$(FOLDERS)) $(SRC)
purity: $(PURE:%.c=$O/%.o)
	$Qtests/lint/purity.py $^

budget:
	$Qtests/lint/budget.py
scripts:
	$Qtests/lint/scripts.sh

.PHONY: tidy analyze format format-check cppcheck purity budget scripts

# ---- tests: each target installs what it misses, then works in a make of its own, since this one was
# ---- read before the compiler and its libraries were there

VENV    = $(shell tests/setup/venv.sh)
PYTHON  = $(VENV)/bin/python
JOBS    = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
AFTER_SETUP = +@$(MAKE) --no-print-directory $(JOBS)

setup:
	@tests/setup/install.sh
e2e: setup
	$(AFTER_SETUP) all
	$Q$(PYTHON) -m pytest -c tests/pyproject.toml -n auto --maxprocesses 4 tests/e2e $(ARGS)
demo:
	@tests/setup/install.sh kube-apiserver kubectl etcd nats-server nats
	$(AFTER_SETUP) all
	@echo
	@PYTHONPATH=tests KEEP=$(KEEP) $(PYTHON) -m demo
bench-controller: setup
	$(AFTER_SETUP) all
	@PYTHONPATH=tests $(PYTHON) -m bench.controller $(ARGS)
bench-relay: setup
	$(AFTER_SETUP) all build/release/bench/sql_floor
	@PYTHONPATH=tests $(PYTHON) -m bench.relay $(ARGS)
bench-provisioner: setup
	$(AFTER_SETUP) all
	@PYTHONPATH=tests $(PYTHON) -m bench.provisioner $(ARGS)
soak: setup
	$(AFTER_SETUP) all
	@PYTHONPATH=tests $(PYTHON) -m proof.soak $(ARGS)
test: setup
	$(AFTER_SETUP) check
	$(AFTER_SETUP) e2e
lint: setup
	$(AFTER_SETUP) --keep-going format-check tidy cppcheck analyze purity budget scripts

cover: setup
	$(AFTER_SETUP) MODE=cover check
	$Q$(VENV)/bin/gcovr --root . --filter '(lib|controller|relay|provisioner)/' build/cover
clean:
	rm -rf build

.PHONY: setup e2e demo bench-controller bench-relay bench-provisioner soak test lint cover clean

# ---- the chart, its images, and a real cluster for both

REGISTRY   ?= bulkhead
IMAGE_DIR  ?= build/images
IMAGES     := $(patsubst $O/%,$(IMAGE_DIR)/%.tar,$(BINARIES))
CLUSTER_IMAGES := REGISTRY=registry.invalid/bulkhead IMAGE_DIR=build/images/cluster
chart-tools: setup
	@tests/setup/chart_tools.sh
$(IMAGE_DIR)/%.tar: build/release/% images/oci_image.py
	$Qimages/oci_image.py --output $@ --name $(REGISTRY)/$*:$(VERSION) --strip --compress \
	    --entrypoint /usr/bin/$* --label org.opencontainers.image.title=$* \
	    --label org.opencontainers.image.version=$(VERSION) \
	    --label org.opencontainers.image.licenses=Apache-2.0 $<=/usr/bin/$*
images: $(IMAGES)
test-chart: chart-tools
	$(AFTER_SETUP) all images
	$Qcharts/generate.py --check
	$Q$(PYTHON) -m mypy --strict charts/generate.py images/oci_image.py
	$Q$(PYTHON) -m pytest -c tests/pyproject.toml tests/chart $(ARGS)
test-cluster: chart-tools
	@tests/cluster/can.sh || { echo "test-cluster: nothing is tested; the line above says why"; exit 0; }; \
	    tests/cluster/tools.sh && tests/cluster/images.sh && \
	    $(MAKE) --no-print-directory $(JOBS) images $(CLUSTER_IMAGES) && \
	    $(PYTHON) -m pytest -c tests/pyproject.toml tests/cluster $(ARGS)
containerfile-check: setup
	$Qtests/containerfile/check.sh
cluster-demo: setup
	$(AFTER_SETUP) images $(CLUSTER_IMAGES)
	$Qtests/cluster/demo.sh

.PHONY: chart-tools images test-chart test-cluster containerfile-check cluster-demo

.DEFAULT_GOAL := all
.PHONY: all check docs
.SECONDARY:
-include $(wildcard build/fuzz/objects/*/*.d build/fuzz/objects/*/*/*.d)
-include $(SRC:%.c=$O/%.d) $(TEST_SRC:%.c=$O/%.d) $(SUPPORT:%.c=$O/%.d)
