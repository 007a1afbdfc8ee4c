"""A request in, its checked, scored and selected candidates out, on whatever engine is given. Writes nothing to storage but
the judge's calibration.

write · prompts · checks · scores · judge · calibration · select · pooling · trim · lengths · invisible
"""
