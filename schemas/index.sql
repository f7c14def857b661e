-- SPDX-License-Identifier: GPL-2.0-only
-- index.sql - the only index on events. Made with the events (schemas/store/load.c) or when all are in.
--
-- Of the millions of calls a question usually wants one function's, in their order. An index costs as much as the rows
-- themselves, so what can go by time goes by id.
CREATE INDEX ev_func_by_func ON ev_func (func);
