"""Finished work in, rows on storage out, exactly once; and what is finished read back. Knows nothing of how work is done.

segments · segment_file · columns · tables · keys · phases · committer · records · receipts · failures · split_records ·
planned · accepted_texts · prefetch
"""
