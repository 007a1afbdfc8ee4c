"""The questions that a report asks of an output's tables, each one pass over the columns it needs.

Goes out: plain dicts and lists, ready for JSON, with every text of a row clipped.
"""

from factory.output.report.query import Row, Tables, clip, clip_fields

NUM_BINS = 20
TOP = 12  # lines of a table before "and more"
GROUPS = ("placement", "locale", "campaign", "segment")

_KEYS = ["request_id", "placement", "locale", "campaign_id", "segment"]
_KEYS_SQL = "request_id, placement, locale, coalesce(campaign_id, '') AS campaign_id, coalesce(segment, '') AS segment"
_FAILED = "len([c FOR c IN checks IF NOT c.passed])"

# The total is appended to the named scores, because a stream can be read only once.
_HISTOGRAM = f"""
    SELECT name, count(*) AS count, avg(value) AS mean, approx_quantile(value, 0.5) AS median, min(value) AS low,
           max(value) AS high,
           histogram(greatest(0, least({NUM_BINS - 1}, floor(value * {NUM_BINS})))::INTEGER) AS bins
    FROM (SELECT entry.key AS name, entry.value AS value FROM
          (SELECT unnest(list_append(map_entries(scores), {{'key': 'total', 'value': score}})) AS entry FROM source))
    WHERE value IS NOT NULL AND NOT isnan(value) GROUP BY ALL"""


def collect_requests(tables: Tables) -> None:
    """Make the SQL table `requests`, one row a request: its keys, what became of it, its assets and output tokens.

    `clean` means accepted, and a first completion passed every check. Call it once, before the counts.
    """
    tables.select("""CREATE TEMP TABLE parts (request_id VARCHAR, placement VARCHAR, locale VARCHAR,
                     campaign_id VARCHAR, segment VARCHAR, clean BOOLEAN, tokens BIGINT, assets BIGINT)""")
    tables.scan(
        "candidates",
        [*_KEYS, "attempt", "pooled", "checks", "output_tokens"],
        f"""INSERT INTO parts
            SELECT {_KEYS_SQL}, bool_or(attempt = 0 AND NOT pooled AND len(checks) > 0 AND {_FAILED} = 0),
                   sum(output_tokens), 0
            FROM source GROUP BY ALL""",
    )
    tables.scan("assets", _KEYS, f"INSERT INTO parts SELECT {_KEYS_SQL}, false, 0, count(*) FROM source GROUP BY ALL")
    tables.select("""CREATE TEMP TABLE requests AS
        SELECT request_id, any_value(placement) AS placement, any_value(locale) AS locale,
               any_value(campaign_id) AS campaign_id, any_value(segment) AS segment, sum(assets) > 0 AS accepted,
               sum(assets) > 0 AND bool_or(clean) AS clean, sum(assets) AS assets,
               sum(coalesce(tokens, 0)) AS output_tokens
        FROM parts GROUP BY request_id""")
    tables.select("DROP TABLE parts")


def count_groups(tables: Tables) -> dict[str, list[Row]]:
    """Return, for each of `GROUPS`, its values with requests, accepted, assets and output tokens, the largest first.

    Quarantined requests are in no group: they have no candidates.
    """
    rows = tables.select(
        """SELECT grouping(placement, locale, campaign_id, segment) AS missing,
                  coalesce(placement, locale, campaign_id, segment) AS name, count(*) AS requests,
                  count(*) FILTER (accepted) AS accepted, count(*) FILTER (clean) AS accepted_without_repair,
                  sum(assets)::BIGINT AS assets, sum(output_tokens)::BIGINT AS output_tokens
           FROM requests GROUP BY GROUPING SETS ((placement), (locale), (campaign_id), (segment))
           ORDER BY requests DESC, name"""
    )
    # grouping() sets one bit for each column that is summed over, the first column's being the highest.
    kinds = {0b0111: "placement", 0b1011: "locale", 0b1101: "campaign", 0b1110: "segment"}
    groups: dict[str, list[Row]] = {name: [] for name in GROUPS}
    for row in rows:
        groups[kinds[row.pop("missing")]].append(row | {"name": clip(row["name"], 120)})
    return groups


def count_failed_rules(tables: Tables) -> tuple[list[Row], int]:
    """Return the `TOP` rules by requests lost, then candidates, each with an example; and how many rules there are.

    A request is lost when it has no asset; it counts for each rule that one of its candidates failed.
    """
    rules = tables.scan(
        "candidates",
        ["request_id", "candidate", "checks"],
        """SELECT failed.rule AS name, count(DISTINCT (request_id, candidate)) AS candidates,
                  count(DISTINCT request_id) AS requests, count(DISTINCT request_id) FILTER (NOT accepted) AS lost,
                  min_by({'request_id': request_id, 'candidate': candidate, 'detail': failed.detail[:600]},
                         (accepted, request_id, candidate)) AS example
           FROM (SELECT request_id, candidate, unnest([c FOR c IN checks IF NOT c.passed]) AS failed FROM source)
           JOIN requests USING (request_id) GROUP BY ALL ORDER BY lost DESC, candidates DESC, name""",
    )
    return _add_examples(tables, rules[:TOP]), len(rules)


def count_unused(tables: Tables) -> list[Row]:
    """Return why candidates that passed every check are no assets, the most frequent reasons first."""
    rows = tables.scan(
        "candidates",
        ["request_id", "status", "reason", "checks"],
        # What tells one reason from the next is before the first number: "too similar to candidate 3 (0.91)".
        f"""SELECT status, regexp_replace(reason, '( (to|into) candidate)?( [0-9]|[:;(]).*$', '') AS name,
                   count(*) AS candidates, count(DISTINCT request_id) AS requests
            FROM source WHERE status <> 'accepted' AND {_FAILED} = 0
            GROUP BY ALL ORDER BY candidates DESC, name LIMIT {TOP}""",
    )
    return [row | {"name": clip(row["name"], 80)} for row in rows]


def count_quarantine(tables: Tables) -> list[Row]:
    """Return refused rows and requests by stage and reason, with one example each, the most frequent first."""
    rows = tables.scan(
        "quarantine",
        ["request_id", "brief_id", "stage", "reason", "detail", "retryable", "source"],
        """SELECT stage, reason, count(*) AS rows, count(*) FILTER (retryable) AS retryable,
                  min_by({'brief_id': brief_id, 'detail': detail[:600], 'source': source},
                         (source, brief_id, request_id)) AS example
           FROM source GROUP BY ALL ORDER BY rows DESC, stage, reason""",
    )
    for row in rows:
        row["example"] = {key: clip(value, 400) for key, value in row["example"].items()}
        row["reason"] = clip(row["reason"], 80)
    return rows


def spread_scores(tables: Tables) -> list[Row]:
    """Return how the total and each score spread over `NUM_BINS` bins of 0..1, for candidates and for assets."""
    spread: dict[str, Row] = {}
    for table in ("candidates", "assets"):
        for row in tables.scan(table, ["score", "scores"], _HISTOGRAM):
            bins = [row["bins"].get(index, 0) for index in range(NUM_BINS)]
            entry = spread.setdefault(row["name"], {"name": clip(row["name"], 60)})
            entry[table] = {key: row[key] for key in ("count", "mean", "median", "low", "high")} | {"bins": bins}
    missing = tables.scan(
        "candidates",
        ["missing_scores"],
        "SELECT name, count(*) AS num FROM (SELECT unnest(missing_scores) AS name FROM source) GROUP BY ALL",
    )
    for row in missing:
        spread.setdefault(row["name"], {"name": clip(row["name"], 60)})["missing"] = row["num"]
    blank = {"assets": None, "candidates": None, "missing": 0}
    return [blank | row for row in sorted(spread.values(), key=lambda row: (row["name"] != "total", row["name"]))]


def pick_extremes(tables: Tables, count: int) -> tuple[list[Row], list[Row]]:
    """Return the best and the worst `count` assets, taken from the placements in turn, none in both.

    Each has `losers`: the candidates of its request that are no assets, the runner-up first.
    """
    best = _rank(tables, "DESC", count, [])
    worst = _rank(tables, "ASC", count, best)
    rows = {row["asset_id"]: row for row in tables.load("assets", "asset_id", best + worst)}
    losers: dict[str, list[Row]] = {row["request_id"]: [] for row in rows.values()}
    for candidate in tables.load("candidates", "request_id", sorted(losers)):
        if candidate["status"] != "accepted":
            losers[candidate["request_id"]].append(candidate)
    for each in losers.values():
        each.sort(key=lambda row: (row["status"] == "rejected", -(row["score"] or 0.0), row["candidate"]))
    rows = {key: row | {"losers": losers[row["request_id"]]} for key, row in rows.items()}
    return [rows[key] for key in best], [rows[key] for key in worst]


def _rank(tables: Tables, order: str, count: int, taken: list[str]) -> list[str]:
    rows = tables.scan(
        "assets",
        ["asset_id", "placement", "score"],
        f"""SELECT asset_id FROM (
                SELECT asset_id, score,
                       row_number() OVER (PARTITION BY placement ORDER BY score {order}, asset_id) AS turn
                FROM source WHERE score IS NOT NULL AND NOT list_contains(?::VARCHAR[], asset_id))
            ORDER BY turn, score {order}, asset_id LIMIT {count}""",
        [taken],
    )
    return [row["asset_id"] for row in rows]


def _add_examples(tables: Tables, rules: list[Row]) -> list[Row]:
    wanted = {rule["example"]["request_id"] for rule in rules}
    loaded = {(r["request_id"], r["candidate"]): r for r in tables.load("candidates", "request_id", sorted(wanted))}
    for rule in rules:
        example = rule["example"]
        row = loaded[example["request_id"], example["candidate"]]
        rule["name"] = clip(rule["name"], 80)
        rule["example"] = {
            "detail": clip(example["detail"], 400),
            "fields": clip_fields(row["fields"], 160) or {"raw": [clip(row["raw"], 160)]},
            **{key: clip(row[key], 120) for key in ("brief_id", "placement", "locale")},
        }
    return rules
