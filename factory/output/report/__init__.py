"""Tables in, `report.json` and `report.html` out: counts, reasons, costs, previews, advice. Reads tables by SQL, never segment
files.

build · query · request_queries · creative_queries · figures · advice · image_advice · plots · previews · contact_sheet ·
thumbnails · number_format · summary · templates
"""
