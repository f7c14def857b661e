// SPDX-License-Identifier: GPL-2.0-only
/*
 * redact_scan.c - what looks as if it told of a machine, by its shape alone (redact_int.h).
 *
 * Knows nothing of tables and rules: a second pair of eyes, so that a rule that lets too much through shows. Numbers
 * with six and more digits after a minus sign and those of twenty digits are addresses as decimal two's complement.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "collector/redact_int.h"

static bool is_word(unsigned char c)
{
	return isalnum(c) || c == '_';
}

/* Length of the run at @p of what @is accepts. */
static size_t run(const char *p, size_t left, int (*is)(int))
{
	size_t n = 0;

	while (n < left && is((unsigned char)p[n]))
		n++;
	return n;
}

/* Groups of hexadecimal digits with @sep between them, of the lengths in @lens: the whole length, or 0. */
static size_t hex_groups(const char *p, size_t left, const unsigned char *lens, size_t n, char sep)
{
	size_t at = 0, i;

	for (i = 0; i < n; i++) {
		if (i && (at >= left || p[at++] != sep))
			return 0;
		if (at > left || run(p + at, left - at, isxdigit) != lens[i])
			return 0;
		at += lens[i];
	}
	return at;
}

static size_t kernel_hex(const char *p, size_t left)
{
	size_t n = run(p, left, isxdigit);

	if (n != 16 || strncasecmp(p, "ff", 2))
		return 0;
	/* The top 64 KiB are small negative numbers. */
	if (!strncasecmp(p, "ffffffffffff", 12))
		return 0;
	return n;
}

static size_t kernel_decimal(const char *p, size_t left)
{
	size_t n;

	if (*p == '-') {
		n = run(p + 1, left - 1, isdigit);
		return n >= 6 && n <= 19 && p[1] != '0' ? n + 1 : 0;
	}
	n = run(p, left, isdigit);
	return n == 20 && strncmp(p, "18374686479671623680", 20) >= 0 && strncmp(p, "18446744073709486080", 20) < 0 ? n : 0;
}

static size_t ipv4(const char *p, size_t left)
{
	size_t at = 0, n;
	int i, v;

	for (i = 0; i < 4; i++) {
		if (i && (at >= left || p[at++] != '.'))
			return 0;
		n = run(p + at, left - at, isdigit);
		if (!n || n > 3)
			return 0;
		for (v = 0; n; n--)
			v = 10 * v + (p[at++] - '0');
		if (v > 255)
			return 0;
	}
	return at < left && (p[at] == '.' || p[at] == '-' || p[at] == '+') ? 0 : at;
}

static int is_ipv6_char(int c)
{
	return isxdigit(c) || c == ':';
}

/* Many groups, or a short form with its two colons. */
static size_t ipv6(const char *p, size_t left)
{
	size_t n = run(p, left, is_ipv6_char), i, colons = 0, group = 0;
	bool twice = false;

	for (i = 0; i < n; i++) {
		group = p[i] == ':' ? 0 : group + 1;
		if (group > 4)
			return 0;
		colons += p[i] == ':';
		twice = twice || (p[i] == ':' && i + 1 < n && p[i + 1] == ':');
	}
	return n >= 7 && isxdigit((unsigned char)*p) && (colons == 7 || (twice && colons >= 3)) ? n : 0;
}

static int is_path_char(int c)
{
	return isalnum(c) || (c && strchr("/._-+~@", c));
}

static size_t path(const char *text, size_t at, size_t len)
{
	size_t n;

	if (text[at] != '/' || (at && (is_path_char((unsigned char)text[at - 1]) || text[at - 1] == ']' || text[at - 1] == ')')))
		return 0;
	n = run(text + at, len - at, is_path_char);
	return n >= 3 && (isalpha((unsigned char)text[at + 1]) || text[at + 1] == '.') ? n : 0;
}

static int is_host_char(int c)
{
	return isalnum(c) || c == '.' || c == '-';
}

static bool is_top_domain(const char *p, size_t n, size_t labels)
{
	static const char *const names[] = { "com", "net", "org", "edu", "gov", "mil", "int", "info", "biz", "cloud", "local",
					     "localdomain", "lan", "internal", "intranet", "corp", "home", "example",
					     "test", "invalid", "arpa" };
	size_t i;

	if (n == 2 && labels >= 3)
		return isalpha((unsigned char)p[0]) && isalpha((unsigned char)p[1]);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && !strncasecmp(p, names[i], n))
			return true;
	return false;
}

static size_t host(const char *p, size_t left)
{
	size_t n = run(p, left, is_host_char), i, last = 0, labels = 1;

	while (n && !isalnum((unsigned char)p[n - 1]))
		n--;
	for (i = 0; i < n; i++)
		if (p[i] == '.') {
			labels++;
			last = i + 1;
		}
	return labels >= 2 && is_top_domain(p + last, n - last, labels) ? n : 0;
}

static size_t mail(const char *text, size_t at, size_t len)
{
	size_t from = at, n;

	if (text[at] != '@' || !at || !isalnum((unsigned char)text[at - 1]))
		return 0;
	n = run(text + at + 1, len - at - 1, is_host_char);
	while (from && is_host_char((unsigned char)text[from - 1]))
		from--;
	return n >= 2 && isalpha((unsigned char)text[at + 1]) && at - from >= 2 ? n + 1 : 0;
}

static bool hit(struct bu_scan_hit *ret, const char *what, size_t at, size_t len)
{
	*ret = (struct bu_scan_hit){ what, at, len };
	return len > 0;
}

bool bu_scan(const char *text, size_t len, size_t from, bool names, struct bu_scan_hit *ret)
{
	static const unsigned char uuid[] = { 8, 4, 4, 4, 12 }, mac[] = { 2, 2, 2, 2, 2, 2 };
	bool fresh, after_0x;
	const char *p;
	size_t at, left;

	for (at = from; at < len; at++) {
		p = text + at;
		left = len - at;
		if (names && (hit(ret, "path", at, path(text, at, len)) || hit(ret, "mail address", at, mail(text, at, len))))
			return true;
		after_0x = at >= 2 && text[at - 1] == 'x' && text[at - 2] == '0';
		fresh = !at || !is_word((unsigned char)text[at - 1]) || after_0x;
		if (*p == '-' && (!at || !is_word((unsigned char)text[at - 1])) && names &&
		    hit(ret, "kernel address in decimal", at, kernel_decimal(p, left)))
			return true;
		if (!fresh || !isalnum((unsigned char)*p))
			continue;
		if (hit(ret, "kernel address", at, kernel_hex(p, left)) ||
		    hit(ret, "kernel address in decimal", at, kernel_decimal(p, left)) ||
		    hit(ret, "UUID", at, hex_groups(p, left, uuid, sizeof(uuid), '-')) ||
		    hit(ret, "MAC address", at, hex_groups(p, left, mac, sizeof(mac), ':')))
			return true;
		if (names && at && (text[at - 1] == '.' || text[at - 1] == '-'))
			continue;	/* inside a version number or a name */
		if (names && (hit(ret, "IP address", at, ipv4(p, left)) || hit(ret, "IP address", at, ipv6(p, left)) ||
			      hit(ret, "host name", at, host(p, left))))
			return true;
	}
	return false;
}
