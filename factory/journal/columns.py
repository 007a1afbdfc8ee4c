"""The Arrow schema of every table that is written: names in their order and types. Nothing is ever inferred from rows.

README and docs/recovery.md promise these names and types to readers: a change here changes what is on storage.
"""

import pyarrow as pa

# Typed as any Arrow type: a list of columns mixes them.
STRING: pa.DataType = pa.string()
INT: pa.DataType = pa.int32()
LONG: pa.DataType = pa.int64()
DOUBLE: pa.DataType = pa.float64()
BOOL: pa.DataType = pa.bool_()
TIME: pa.DataType = pa.timestamp("us", tz="UTC")
FIELDS: pa.DataType = pa.map_(pa.string(), pa.list_(pa.string()))  # field name -> its texts, in order
SCORES: pa.DataType = pa.map_(pa.string(), pa.float64())
TEXTS: pa.DataType = pa.map_(pa.string(), pa.string())
NAMES: pa.DataType = pa.list_(pa.string())
CHECKS: pa.DataType = pa.list_(
    pa.struct([pa.field("rule", pa.string()), pa.field("passed", pa.bool_()), pa.field("detail", pa.string())])
)

# What every row of a request says of it.
_REQUEST: list[tuple[str, pa.DataType]] = [
    ("brief_id", STRING),
    ("campaign_id", STRING),
    ("placement", STRING),
    ("locale", STRING),
    ("segment", STRING),
]

# One row an asset.
ASSETS = pa.schema(
    [
        ("asset_id", STRING),
        ("request_id", STRING),
        *_REQUEST,
        ("rank", INT),
        ("kind", STRING),
        ("fields", FIELDS),
        ("image_uri", STRING),  # of the picture, below the output
        ("slot", STRING),
        ("text_asset_id", STRING),
        ("layout", STRING),
        ("layout_digest", STRING),
        ("colorway", STRING),
        ("backdrop_engine", STRING),
        ("backdrop_model", STRING),
        ("backdrop_seed", LONG),
        ("backdrop_prompt", STRING),
        ("source_uri", STRING),
        ("source_digest", STRING),
        ("digital_source_type", STRING),
        ("sha256", STRING),
        ("phash", STRING),
        ("signed", BOOL),
        ("width", INT),
        ("height", INT),
        ("num_bytes", LONG),
        ("mime", STRING),
        ("score", DOUBLE),
        ("scores", SCORES),
        ("checks", CHECKS),
        ("model", STRING),
        ("adapter", STRING),
        ("template", STRING),
        ("seed", LONG),
        ("prompt_tokens", INT),
        ("output_tokens", INT),
        ("engine_seconds", DOUBLE),
        ("run_id", STRING),
        ("created_at", TIME),
    ]
)

# The folder says the placement: a column of that name as well would clash.
ASSET_FILES = ASSETS.remove(ASSETS.get_field_index("placement"))

# One row a completion, with why it is not an asset.
CANDIDATES = pa.schema(
    [
        ("request_id", STRING),
        *_REQUEST,
        ("candidate", INT),
        ("attempt", INT),
        ("repaired_from", INT),
        ("pooled", BOOL),
        ("status", STRING),
        ("reason", STRING),
        ("rank", INT),
        ("fields", FIELDS),
        ("raw", STRING),
        ("score", DOUBLE),
        ("scores", SCORES),
        ("missing_scores", NAMES),
        ("checks", CHECKS),
        ("mean_logprob", DOUBLE),
        ("judge", DOUBLE),
        ("seed", LONG),
        ("output_tokens", INT),
        ("run_id", STRING),
        ("created_at", TIME),
    ]
)

# One row a try at a creative: a layout in a colourway, with its checks and why it is not the asset.
CREATIVES = pa.schema(
    [
        ("creative_id", STRING),
        ("request_id", STRING),
        ("text_asset_id", STRING),
        *_REQUEST,
        ("slot", STRING),
        ("width", INT),
        ("height", INT),
        ("variant", INT),
        ("layout", STRING),
        ("colorway", STRING),
        ("texts", TEXTS),
        ("fit", DOUBLE),
        ("status", STRING),
        ("reason", STRING),
        ("rank", INT),
        ("score", DOUBLE),
        ("scores", SCORES),
        ("checks", CHECKS),
        ("image_uri", STRING),
        ("thumbnail", STRING),
        ("run_id", STRING),
        ("created_at", TIME),
    ]
)

# One row a refused input row or a request that failed for good.
QUARANTINE = pa.schema(
    [
        ("request_id", STRING),
        ("creative_id", STRING),
        ("brief_id", STRING),
        ("stage", STRING),
        ("reason", STRING),
        ("detail", STRING),
        ("attempt", INT),
        ("retryable", BOOL),
        ("source", STRING),
        ("record", STRING),
        ("run_id", STRING),
        ("created_at", TIME),
    ]
)

# One row a finished request (status accepted | rejected | quarantined), a refused input row (status refused) or a finished
# input split (status unit: how many rows it held and what they became). What a resume needs stands last: it reads the
# end of a file alone.
SEGMENTS = pa.schema(
    [
        ("payload", STRING),
        ("created_at", TIME),
        ("brief_id", STRING),
        ("placement", STRING),
        ("locale", STRING),
        ("status", STRING),
        ("request_id", STRING),
    ]
)
