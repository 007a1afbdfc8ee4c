"""Segment rows in, sorted Parquet tables of bounded files out: assets, candidates, creatives, quarantine. Infers no type.

compact · compact_creatives · rows · writer
"""
