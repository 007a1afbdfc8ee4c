"""An address in, a Ray cluster out: joined or started, shared out among the stages, with an account of crashes that outlives
workers. Knows nothing of rows.

connection · resources · crash_tracker · crash_actor · machine
"""
