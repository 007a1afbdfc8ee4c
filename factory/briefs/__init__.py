"""Source rows in, briefs or refusals out, and the requests that a brief comes to. A bad row is data, never an error.

input_files · splits · read · columns · column_hints · coerce · refusals · duplicates · requests · template_values · tones
"""
