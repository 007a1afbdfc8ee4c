"""A layout, copy, product, backdrop and brand in, one painted picture out: copy is fitted, never cut. Judges only what the
layout itself gets wrong.

compose · slot_texts · fit · page · rendered_page · fragment · paint · layers · drawable · place_product · place_logo ·
layout_faults
"""
