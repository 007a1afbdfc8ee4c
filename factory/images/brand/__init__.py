"""A brand kit in, its colours, fonts and logo out, read and checked; what cannot be used is an error before the start.

kit · colorways · fonts · font_files · logo_file
"""
