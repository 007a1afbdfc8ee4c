"""The content factory: campaign briefs in Parquet in, scored assets out. Each package says what it takes, makes and leaves
alone.

cli · runs · output · pipeline · cluster · text · images · journal · briefs · engines · config · storage · errors
"""
