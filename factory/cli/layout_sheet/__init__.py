"""A layout in, a sheet out that shows it in every size with sample content, and what is wrong with it. For `preview-layout`
alone.

choose · order · contents · draw
"""
