"""Arguments in, exit codes and printed results out: one file a verb, everything heavy imported on demand. No rule of the
factory is decided here.

main · options · run · plan · retry · status · report · preview_layout · show · layout_sheet · doctor · bench
"""
