"""Splits and failed requests in, receipts of what is on storage out: the stages and their chain on Ray Data. What a stage does
to a row is decided in `text` and `images`.

ray_data · context · rows · image_rows · text_stage · score_stage · backdrop_stage · creative_stage · make_engines · uploads
· watchdog
"""
