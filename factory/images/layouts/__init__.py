"""HTML files in, checked layouts out: nothing in one may fetch, run or look outside. Paints nothing.

load · check_html · check_css · css_tokens · type_sizes
"""
