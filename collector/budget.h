/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * budget.h - what a live recording may take, and a list of what was given up when it took more.
 *
 * Checked a few times a second by live_record. Nothing here stops or thins anything: it says what is over.
 */
#ifndef BU_COLLECTOR_BUDGET_H
#define BU_COLLECTOR_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schemas/base/err.h"

struct bu_budget {		/* 0: no limit */
	int64_t max_rss;	/* bytes, of the recorder and its writer */
	int64_t max_size;	/* bytes, of what is kept while recording */
	int64_t min_free;	/* bytes that stay free on the file system */
	int64_t max_rate;	/* events per second on any one CPU */
	int64_t max_fault_rate;	/* the same, of page faults in user space */
};

#define BU_GIVEN_UP 64

struct bu_given_up {
	char *text[BU_GIVEN_UP];	/* sentences; owned */
	size_t n;
};

/**
 * bu_size_parse() - Read a number of bytes: 4096, 64K, 100M, 2G, 1T.
 * Return: 0; -EINVAL; -ERANGE.
 */
int bu_size_parse(const char *text, int64_t *ret_bytes);

/**
 * bu_rss_bytes() - Memory that process @pid has resident; 0 when there is no such process.
 */
int64_t bu_rss_bytes(pid_t pid);

/**
 * bu_free_bytes() - What an unprivileged writer may still take on the file system of the open file or folder @fd.
 * Return: -1 when it cannot be told.
 */
int64_t bu_free_bytes(int fd);

/**
 * bu_default_min_free() - 5 % of the file system of @fd, and 1 GiB at most.
 */
int64_t bu_default_min_free(int fd);

/**
 * bu_available_kib() - Memory that can be had without swapping; -1 where the kernel does not tell.
 */
int64_t bu_available_kib(void);

/**
 * bu_give_up() - Put down what was given up and why; when memory or the list is full, nothing.
 */
void bu_give_up(struct bu_given_up *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void bu_given_up_fini(struct bu_given_up *list);

#endif
