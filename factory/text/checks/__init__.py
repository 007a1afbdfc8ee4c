"""A candidate in, pass or fail with a reason out, for each hard rule. A new rule is a function here and a line in `registry`.

registry · checker · context · well_formed · editorial · word_lists · phrases · listings · grounding · facts · quantities ·
numerals · number_words · dates · language · leakage · whole_copy · words · lexicon · lexicons
"""
