"""The hard rules, one function each; `factory/check.py` runs them. A new one is a function and a line in `registry.py`."""
