"""A job folder in, validated data out: YAML, templates, placements, and the digests that request ids depend on. Reads no
brief.

job · job_files · load · explain · placements · templates · expressions · sandbox
"""
