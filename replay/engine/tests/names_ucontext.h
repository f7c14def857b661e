/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names_ucontext.h - every global name of the engine changed, so that it is in a program once more, with swapcontext() for
 * the switch: api_ucontext.c has its sources, tests that include this run on them. A function that is missing below fails to
 * link as defined twice.
 */
#ifndef BU_REPLAY_ENGINE_TESTS_NAMES_UCONTEXT_H
#define BU_REPLAY_ENGINE_TESTS_NAMES_UCONTEXT_H

#ifndef BU_CO_UCONTEXT
#define BU_CO_UCONTEXT 1
#endif

#define bu_big_realloc uc_big_realloc
#define bu_classes_grow uc_classes_grow
#define bu_classes_rehash uc_classes_rehash
#define bu_co_arena_fini uc_co_arena_fini
#define bu_co_arena_init uc_co_arena_init
#define bu_co_arena_keep uc_co_arena_keep
#define bu_co_arena_reset uc_co_arena_reset
#define bu_co_entered uc_co_entered
#define bu_co_init uc_co_init
#define bu_co_leave uc_co_leave
#define bu_co_resume uc_co_resume
#define bu_co_stack_clear uc_co_stack_clear
#define bu_co_stack_get uc_co_stack_get
#define bu_co_stack_open uc_co_stack_open
#define bu_co_stack_put uc_co_stack_put
#define bu_co_used_low uc_co_used_low
#define bu_engine_abandon uc_engine_abandon
#define bu_engine_create uc_engine_create
#define bu_engine_delay uc_engine_delay
#define bu_engine_delay_until uc_engine_delay_until
#define bu_engine_destroy uc_engine_destroy
#define bu_engine_fail uc_engine_fail
#define bu_engine_limit uc_engine_limit
#define bu_engine_now uc_engine_now
#define bu_engine_pass_on uc_engine_pass_on
#define bu_engine_pending uc_engine_pending
#define bu_engine_progress uc_engine_progress
#define bu_engine_random uc_engine_random
#define bu_engine_reset uc_engine_reset
#define bu_engine_restore uc_engine_restore
#define bu_engine_rule_broken uc_engine_rule_broken
#define bu_engine_run uc_engine_run
#define bu_engine_save uc_engine_save
#define bu_engine_state uc_engine_state
#define bu_evq_cancelled uc_evq_cancelled
#define bu_evq_each uc_evq_each
#define bu_evq_fini uc_evq_fini
#define bu_evq_init uc_evq_init
#define bu_evq_pop uc_evq_pop
#define bu_evq_pop_chosen uc_evq_pop_chosen
#define bu_evq_pop_later uc_evq_pop_later
#define bu_evq_push uc_evq_push
#define bu_evq_push_later uc_evq_push_later
#define bu_evq_reserve uc_evq_reserve
#define bu_evq_reset uc_evq_reset
#define bu_image_fini uc_image_fini
#define bu_image_get uc_image_get
#define bu_image_put uc_image_put
#define bu_resource_use uc_resource_use
#define bu_run_mem_alloc uc_run_mem_alloc
#define bu_run_mem_fini uc_run_mem_fini
#define bu_run_mem_restore uc_run_mem_restore
#define bu_run_mem_rewind uc_run_mem_rewind
#define bu_run_mem_save uc_run_mem_save
#define bu_slice_hash uc_slice_hash
#define bu_slices_check uc_slices_check
#define bu_slices_check_one uc_slices_check_one
#define bu_slices_fini uc_slices_fini
#define bu_slices_grow uc_slices_grow
#define bu_step_note uc_step_note
#define bu_steplog_diff uc_steplog_diff
#define bu_steps_fini uc_steps_fini
#define bu_steps_flush uc_steps_flush
#define bu_steps_init uc_steps_init
#define bu_task_cut_at uc_task_cut_at
#define bu_task_event_live uc_task_event_live
#define bu_task_lane uc_task_lane
#define bu_task_main uc_task_main
#define bu_task_name uc_task_name
#define bu_task_self uc_task_self
#define bu_task_spawn uc_task_spawn
#define bu_tasks_fini uc_tasks_fini
#define bu_tasks_init uc_tasks_init
#define bu_tasks_reset uc_tasks_reset
#define bu_word_add uc_word_add
#define bu_word_await uc_word_await
#define bu_word_cmpxchg uc_word_cmpxchg
#define bu_word_load uc_word_load
#define bu_word_new uc_word_new
#define bu_word_changed uc_word_changed
#define bu_word_name uc_word_name
#define bu_word_peek uc_word_peek
#define bu_word_stop_waiting uc_word_stop_waiting
#define bu_word_store uc_word_store
#define bu_words_fini uc_words_fini
#define bu_words_reset uc_words_reset

#endif
