-- SPDX-License-Identifier: GPL-2.0-only
-- index.sql - indexes that are made with their rows (schemas/store/load.c), or when all are in.
--
-- Of the millions of calls a question usually wants one function's, in their order. An index costs as much as the rows
-- themselves, so what can go by time goes by id: there is no other on events.
CREATE INDEX ev_func_by_func ON ev_func (func);
CREATE INDEX step_by_op ON step (op, id);
