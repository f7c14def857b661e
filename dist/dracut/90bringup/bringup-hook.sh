#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bringup-hook.sh - runs bringup-stop as a process of its own: dracut sources its hooks, and that script exits.
/sbin/bringup-stop
