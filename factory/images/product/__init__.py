"""The address of a product picture in, the product cut out or framed out: fetched only from where the job allows. The product
is never redrawn.

load · allowed_hosts · fetch · decode · cutout · cutter · plain · background · flood_fill · lab_planes · edge · confidence
"""
