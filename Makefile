# SPDX-License-Identifier: GPL-2.0-only
#
# Makefile - builds, tests and installs bringup. One file, no recursion; everything made goes under $(B).
# Adding a core, a metric, a plot, a schema or a test is adding one file: sources are found by sorted
# wildcards and the tables that name them are generated. `make help` lists the targets.
#
# A rule that the rest leans on: what depends on the machine (compiler and library flags) is written to
# $(B)/gen/config.mk by scripts/gen-config, and what depends on this call (CFLAGS, the list of objects, the
# version) to small files beside it. All are written anew on each run but touched only when they change, so
# that a changed flag, a deleted core or a new commit rebuilds exactly what it concerns.

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: FORCE
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

# ---- what can be set on the command line; `make help` explains -------------------------------------------

empty :=
comma := ,
B      ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))$(if $(COV),/cov)
PREFIX ?= /usr/local
bindir     ?= $(PREFIX)/bin
datadir    ?= $(PREFIX)/share/bringup
docdir     ?= $(PREFIX)/share/doc/bringup
mandir     ?= $(PREFIX)/share/man
includedir ?= $(PREFIX)/include/bringup
unitdir    ?= $(PREFIX)/lib/systemd/system
CFLAGS ?= -O2 -g
JOBS   ?= $(shell nproc 2>/dev/null || echo 1)
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)

ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif

# ---- what is there ----------------------------------------------------------------------------------------

src  := $(sort bringup.c $(wildcard schemas/base/*.c schemas/model/*.c schemas/store/*.c collector/*.c \
	replay/*.c replay/*/*.c replay/cores/*/*.c analyze/*.c analyze/metrics/*.c))
src  := $(filter-out $(wildcard */tests/*.c */*/tests/*.c */*/*/tests/*.c),$(src))
asm  := $(sort $(wildcard replay/engine/*.S))
hdrs := $(sort $(wildcard *.h */*.h */*/*.h */*/*/*.h */*/*/*/*.h))
hdrs := $(filter-out $(B)/% build/%,$(hdrs))
sql  := $(sort $(wildcard schemas/*.sql))
gp   := $(sort $(wildcard analyze/plots/*.gp))
cores := $(sort $(wildcard replay/cores/*/*.c))

tests_c   := $(sort $(wildcard */tests/*.c */*/tests/*.c */*/*/tests/*.c))
unit_src  := $(filter %_test.c,$(tests_c))
tests_aid := $(filter-out %_test.c,$(tests_c))
unit  := $(unit_src:%.c=$(B)/tests/%)
# Fuzz targets. In `make check` each one runs its corpus; `make fuzz` builds them anew with a fuzzing engine.
fuzz_src   := $(sort $(wildcard */tests/fuzz/*_fuzz.c */*/tests/fuzz/*_fuzz.c))
fuzz_main  := schemas/base/tests/fuzz/corpus_main.c
corpora    := $(fuzz_src:%.c=$(B)/tests/%)
e2e   := $(sort $(wildcard */tests/*.t */*/tests/*.t */*/*/tests/*.t))
# An end-to-end test that takes about a second says so with a line "# quick" and also runs in `make unit`.
quick := $(if $(e2e),$(shell grep -lx '\# quick' $(e2e)))

gen  := $(B)/gen/sql.c $(B)/gen/plots.c $(B)/gen/core_table.c $(B)/gen/version.c
obj  := $(src:%.c=$(B)/obj/%.o) $(asm:%.S=$(B)/obj/%.o) $(gen:$(B)/%.c=$(B)/obj/%.o)
lib  := $(filter-out $(B)/obj/bringup.o,$(obj))

# ---- flags --------------------------------------------------------------------------------------------------

# Which groups of scripts/deps.txt a goal installs when they are missing; a plain `make` only says so.
install_for_check    := build test demo lab
install_for_unit     := build test demo
install_for_demo     := build demo
install_for_lab      := build lab
install_for_fidelity := build test demo
install_for_guests   := build test lab
install_for_debian   := build test lab system
install_for_bench    := build test demo
install_for_lint     := build test lint
install_for_fuzz     := build fuzz
install_for_determinism := build test demo fuzz cross
install_for_deps     := build test demo lab system lint fuzz cross
goals := $(or $(MAKECMDGOALS),all)
to_install := $(sort $(foreach g,$(goals),$(install_for_$(g))))

ifneq ($(filter-out help clean distclean uninstall format-check,$(goals)),)
include $(B)/gen/config.mk
endif

san_flags := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
cov_flags := $(if $(COV),--coverage -O0)
# A product and a sum are rounded each: rounded once, as on machines that have an instruction for both, figures would differ there.
all_cflags := -std=gnu11 -ffp-contract=off $(CFLAGS) -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	$(if $(WERROR),-Werror) $(san_flags) $(cov_flags)
all_cppflags := -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(CPPFLAGS)
# Symbols are bound at the start: bound at the first call, the linker's registers would lie on the stack of the task that calls.
all_ldflags := -Wl,-z,relro,-z,now $(LDFLAGS) $(san_flags) $(cov_flags)
libs := $(PKG_LIBS) -lm

# put FILE from stdin, touching it only when its content changed
put = mkdir -p $(@D) && cat >$@.new && if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# ---- targets --------------------------------------------------------------------------------------------------

.PHONY: all help check unit check-layers check-headers deps demo lab guests debian fidelity scenarios determinism bench fuzz lint format-check
.PHONY: install uninstall clean distclean
all: $(B)/bringup $(B)/compile_commands.json ## build $(B)/bringup

help: ## this list
	@echo "bringup: record how a machine brought its CPUs up, and replay it. Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | sed 's/\$$(B)/$(subst /,\/,$(B))/' | \
		awk -F'\t' '{ printf "  %-14s %s\n", $$1, $$2 }'
	@echo "Settings (make NAME=value):"
	@sed -n 's/^#  \([A-Z]*=.*\)/  \1/p' Makefile
#  V=1                      show the commands
#  B=DIR                    build folder (build)
#  SAN=address,undefined    build with sanitizers, in a folder of its own
#  COV=1                    build for gcov, in a folder of its own
#  WERROR=1                 warnings are errors
#  T=WORD                   check and unit: only the tests whose path contains WORD
#  CC= CFLAGS= LDFLAGS=     as usual; objects are rebuilt when they change
#  PREFIX= DESTDIR=         where install goes (/usr/local)
#  BENCH=ingest             bench: only this part; BENCH_EVENTS=N per trace (1500000)
#  RUNS=N TARGET=NAME       fuzz: executions per target (100000); only this target
#  KERNEL= CPUS= CMDLINE= TOPOLOGY=   what `make lab` boots; KERNEL= also for guests and debian

$(B)/gen/config.mk: FORCE
	$(Q)$(if $(to_install),scripts/install-deps $(to_install) &&) scripts/gen-config | { $(put); }

# Whatever changes every object: the compiler and its flags.
$(B)/gen/flags: FORCE
	$(Q)printf '%s\n' '$(CC) $(all_cppflags) $(all_cflags)' | { $(put); }

# What the program and the tests are linked from, so that a deleted source relinks them.
$(B)/gen/objects: FORCE
	$(Q)printf '%s\n' '$(all_ldflags) $(libs)' $(obj) | { $(put); }

$(B)/bringup: $(obj) $(B)/gen/objects
	$(call say,LD,$@)$(CC) $(all_ldflags) -o $@ $(obj) $(libs)

$(B)/obj/%.o: %.c $(B)/gen/flags
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(all_cppflags) $(all_cflags) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.S $(B)/gen/flags
	$(call say,AS,$<)mkdir -p $(@D) && $(CC) $(all_cppflags) $(all_cflags) -MMD -MP -c -o $@ $<

# A core on its own, for `bringup replay --hotplug PATH.so`; it may lean on nothing but libc.
$(B)/plugins/%.so: %.c $(B)/gen/flags
	$(call say,SO,$@)mkdir -p $(@D) && $(CC) $(all_cppflags) $(all_cflags) -DBU_PLUGIN -fPIC -shared \
		-Wl,-z,defs -MMD -MP -MF $@.d -o $@ $<

$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/gen/flags
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(all_cppflags) $(all_cflags) -MMD -MP -c -o $@ $<

$(B)/gen/sql.c: FORCE
	$(Q)scripts/gen-strings bu_sql schemas/store/ddl.h $(sql) | { $(put); }

$(B)/gen/plots.c: FORCE
	$(Q)scripts/gen-strings --table bu_gp analyze/plot_scripts.h $(gp) | { $(put); }

$(B)/gen/core_table.c: FORCE
	$(Q)scripts/gen-core-table $(cores) | { $(put); }

$(B)/gen/version.c: FORCE
	$(Q)scripts/gen-version | { $(put); }

$(B)/compile_commands.json: $(B)/gen/objects $(B)/gen/flags
	$(Q)scripts/gen-compile-commands '$(CC) $(all_cppflags) $(all_cflags)' $(src) $(tests_c) $(fuzz_src) $(fuzz_main) >$@

# ---- tests ------------------------------------------------------------------------------------------------------

# Each *_test.c is a program of its own, linked with everything but main() and with the other .c files of its
# tests folder.
define unit_rule
$(B)/tests/$(1:.c=): $(B)/obj/$(1:.c=.o) $(lib) $(B)/gen/objects \
	$(patsubst %.c,$(B)/obj/%.o,$(filter $(dir $(1))%,$(tests_aid)))
endef
$(foreach t,$(unit_src),$(eval $(call unit_rule,$(t))))
# Tests of faults stand between the program and what may fail.
wrapped = $(addprefix -Wl$(comma)--wrap=,$(if $(filter %_alloc_test,$@),malloc calloc realloc strdup strndup asprintf \
	vasprintf) $(if $(filter %_fault_test,$@),open fsync rename) $(if $(filter %/options_fuzz,$@),bu_cli_parse) \
	$(if $(filter %/schedule_fuzz %/report_fuzz %/capture_fuzz,$@),sqlite3_prepare_v3 sqlite3_finalize) \
	$(if $(filter %/schedule_fuzz,$@),mmap munmap) $(if $(filter %/ring_page_fuzz,$@),fallocate))
$(unit):
	$(call say,LD,$@)mkdir -p $(@D) && $(CC) $(all_ldflags) $(wrapped) -o $@ $(filter %.o,$^) $(CMOCKA_LIBS) $(libs)

# A fuzz target and the main() that feeds it its corpus.
$(foreach t,$(fuzz_src),$(eval $(B)/tests/$(t:.c=): $(B)/obj/$(t:.c=.o)))
$(corpora): $(fuzz_main:%.c=$(B)/obj/%.o) $(lib) $(B)/gen/objects
	$(call say,LD,$@)mkdir -p $(@D) && $(CC) $(all_ldflags) $(wrapped) -o $@ $(filter %.o,$^) $(libs)

test_env = BRINGUP="$$(realpath $(B)/bringup)" B="$$(realpath $(B))" SRC="$$PWD" CC='$(CC)' \
	TAP_DIR="$$(realpath $(B))/tap" CMOCKA_MESSAGE_OUTPUT=TAP \
	UBSAN_OPTIONS=print_stacktrace=1 LC_ALL=C.UTF-8
run_tests = rm -rf $(B)/tap && mkdir -p $(B)/tap && \
	$(test_env) prove --timer -j$(JOBS) --exec scripts/run-test $(if $(T),$(foreach t,$(1),$(if $(findstring \
	$(T),$(t)),$(t))),$(1)) </dev/null

check: $(B)/bringup $(unit) $(corpora) check-layers check-headers ## install what is missing, build, run every test
	$(Q)$(call run_tests,$(unit) $(corpora) $(e2e))

unit: $(B)/bringup $(unit) ## build, run the unit tests and the quick end-to-end tests
	$(Q)$(call run_tests,$(unit) $(quick))

check-layers: ## who includes whom, by docs/layers.txt
	$(Q)B=$(B) scripts/check-layers

check-headers: $(hdrs:%=$(B)/headers/%.ok) ## each header compiles alone

$(B)/headers/%.ok: % $(B)/gen/flags
	$(call say,HDR,$<)mkdir -p $(@D) && printf '#include "%s"\n' '$<' | $(CC) $(all_cppflags) $(all_cflags) \
		-fsyntax-only -MMD -MP -MT $@ -MF $@.d -x c - && touch $@

lint: $(B)/compile_commands.json $(gen) ## clang-tidy, cppcheck and shellcheck; any finding fails
	$(Q)scripts/lint $(B) $(src) $(tests_c) $(fuzz_src) $(fuzz_main)

format-check: ## show where clang-format would change the C files
	$(Q)scripts/install-deps format && clang-format --dry-run $(src) $(tests_c) $(fuzz_src) $(hdrs)

# ---- fuzzing ----------------------------------------------------------------------------------------------------

# Everything once more, by the compiler that has the engine, with its counters and the sanitizers in it. The machine that
# a schedule is replayed on has sanitizers only: its comparisons are of virtual times, and to note each of them makes an
# execution take three times as long and keeps inputs for what is no news about reading them.
FUZZ_CC     ?= clang
fuzz_cover  := -fsanitize=fuzzer-no-link
fuzz_cflags  = -std=gnu11 -O2 -g -fno-omit-frame-pointer -fsanitize=address,undefined $(fuzz_cover) \
	-fno-sanitize-recover=all
$(B)/fuzz/obj/replay/engine/%.o $(B)/fuzz/obj/replay/machine/%.o $(B)/fuzz/obj/replay/hang/%.o: fuzz_cover :=
fuzz_lib    := $(lib:$(B)/obj/%=$(B)/fuzz/obj/%)
fuzz_bin    := $(fuzz_src:%.c=$(B)/fuzz/%)

$(B)/fuzz/obj/%.o: %.c $(B)/gen/flags
	$(call say,FUZZCC,$<)mkdir -p $(@D) && $(FUZZ_CC) $(all_cppflags) $(fuzz_cflags) -MMD -MP -c -o $@ $<

$(B)/fuzz/obj/%.o: %.S $(B)/gen/flags
	$(call say,FUZZCC,$<)mkdir -p $(@D) && $(FUZZ_CC) $(all_cppflags) -c -o $@ $<

$(B)/fuzz/obj/gen/%.o: $(B)/gen/%.c $(B)/gen/flags
	$(call say,FUZZCC,$<)mkdir -p $(@D) && $(FUZZ_CC) $(all_cppflags) $(fuzz_cflags) -MMD -MP -c -o $@ $<

$(foreach t,$(fuzz_src),$(eval $(B)/fuzz/$(t:.c=): $(B)/fuzz/obj/$(t:.c=.o)))
$(fuzz_bin): $(fuzz_lib) $(B)/gen/objects
	$(call say,FUZZLD,$@)mkdir -p $(@D) && $(FUZZ_CC) -fsanitize=fuzzer,address,undefined $(wrapped) -o $@ \
		$(filter %.o,$^) $(libs)

to_fuzz := $(if $(TARGET),$(filter %/$(TARGET)_fuzz,$(fuzz_bin)),$(fuzz_bin))
fuzz: $(to_fuzz) ## look for inputs that crash the parsers; RUNS= TARGET=
	$(Q)SRC="$$PWD" RUNS='$(RUNS)' scripts/fuzz.sh $(B)/fuzz $(to_fuzz)

# ---- doing things -------------------------------------------------------------------------------------------------

deps: ## install whatever any target needs
	@echo "Everything that any target needs is installed."

demo: $(B)/bringup ## replay a recorded 64-CPU boot under three algorithms, with two pictures
	$(Q)BRINGUP="$$(realpath $(B)/bringup)" scripts/demo.sh $(B)/demo

lab: $(B)/bringup ## boot a real kernel under QEMU and keep its trace; KERNEL= CPUS= CMDLINE= TOPOLOGY=
	$(Q)BRINGUP="$$(realpath $(B)/bringup)" datasets/lab/lab.sh --kernel '$(or $(KERNEL),6.12)' \
		--cpus '$(or $(CPUS),4)' $(if $(CMDLINE),--cmdline '$(CMDLINE)') \
		$(if $(TOPOLOGY),--topology '$(TOPOLOGY)') --force \
		-o $(B)/lab/$(or $(KERNEL),6.12)-smp$(or $(CPUS),4)

guests: $(B)/bringup ## record in guests of 6.1, 6.12 and 6.1-rt, live, with kills and over a reset (half an hour)
	$(Q)export BRINGUP_GUESTS='$(or $(KERNEL),6.1 6.12 6.1-rt)' TEST_TIMEOUT=3600; $(call run_tests,collector/tests/guest.t)

debian: $(B)/bringup ## boot a Debian with systemd: the shipped unit and initramfs hooks (root; a quarter of an hour)
	$(Q)export BRINGUP_DEBIAN='$(or $(KERNEL),6.12)' TEST_TIMEOUT=3600; $(call run_tests,datasets/lab/tests/debian.t)

fidelity: $(B)/bringup ## measure how far replays are from real boots; one table
	$(Q)BRINGUP="$$(realpath $(B)/bringup)" B="$$(realpath $(B))" SRC="$$PWD" scripts/fidelity.sh

scenarios: $(B)/bringup ## replay datasets/scenarios; fail where a verdict or a size is off (S=NAME: only that)
	$(Q)BRINGUP="$$(realpath $(B)/bringup)" SRC="$$PWD" scripts/scenarios.sh $(S)

determinism: ## build in many ways, for x86-64 and AArch64; the same input must give the same run (T=WORD: only builds so called)
	$(Q)B='$(B)' JOBS='$(JOBS)' scripts/determinism.sh '$(T)'

bench: $(B)/bringup ## measure speed and memory of import, replay and engine; BENCH= of 'ingest replay ticks pgd engine'
	+$(Q)BENCH='$(BENCH)' BRINGUP="$$(realpath $(B)/bringup)" B="$$(realpath $(B))" SRC="$$PWD" scripts/bench.sh

# ---- install and uninstall, from one list of mode:file:destination ------------------------------------------------

manifest := 755:$(B)/bringup:$(bindir)/bringup \
	$(foreach f,$(sql),644:$(f):$(datadir)/$(f)) \
	$(foreach f,$(gp),644:$(f):$(datadir)/plots/$(notdir $(f))) \
	$(foreach f,$(wildcard datasets/machines/*.machine),644:$(f):$(datadir)/machines/$(notdir $(f))) \
	$(foreach f,$(wildcard dist/*.service),644:$(f):$(unitdir)/$(notdir $(f))) \
	$(foreach f,$(wildcard dist/initramfs-tools/* dist/dracut/*/*),755:$(f):$(datadir)/$(f)) \
	$(foreach f,$(filter-out %/core_check.h,$(wildcard replay/core*.h replay/kit/*.h)),644:$(f):$(includedir)/$(f)) \
	$(foreach f,$(wildcard README.md LICENSE LICENSES/* docs/*.md),644:$(f):$(docdir)/$(notdir $(f))) \
	$(foreach f,$(wildcard docs/man/*.1),644:$(f):$(mandir)/man1/$(notdir $(f)))

install: $(B)/bringup ## install under $(DESTDIR)$(PREFIX)
	$(Q)for e in $(manifest); do IFS=: read -r mode from to <<<"$$e"; \
		install -D -m "$$mode" "$$from" "$(DESTDIR)$$to" || exit; done

uninstall: ## remove what install put there
	$(Q)for e in $(manifest); do to=$(DESTDIR)$${e##*:}; rm -f "$$to"; \
		rmdir -p --ignore-fail-on-non-empty "$${to%/*}" 2>/dev/null; done; true

clean: ## remove the build folder
	rm -rf $(B)

distclean: ## remove the build folders of all settings
	rm -rf build $(B)

-include $(wildcard $(addsuffix .d,$(basename $(obj))) $(tests_c:%.c=$(B)/obj/%.d) \
	$(fuzz_src:%.c=$(B)/obj/%.d) $(fuzz_main:%.c=$(B)/obj/%.d) $(fuzz_lib:.o=.d) \
	$(fuzz_src:%.c=$(B)/fuzz/obj/%.d) $(hdrs:%=$(B)/headers/%.ok.d) \
	$(cores:%.c=$(B)/plugins/%.so.d))
