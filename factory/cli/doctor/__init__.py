"""A machine and its environment in, findings out: what would keep a run from working, each with its fix. Changes nothing.

verb · diagnose · finding · software · hardware · reach
"""
