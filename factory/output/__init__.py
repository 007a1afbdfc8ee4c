"""Segment files in, the tables, pictures and reports that people open out; the manifest goes last. Makes no content, and never
looks at Ray.

finalize · publish · tables · uniqueness · report
"""
