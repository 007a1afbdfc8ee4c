"""A creative and its file in, checks and scores out; the best and different ones are selected. A new rule is a function here
and a line in `registry`.

registry · checker · context · geometry · legibility · ink · pixels · brand · product · channel · files · nsfw · blur ·
fingerprints · scores · select
"""
