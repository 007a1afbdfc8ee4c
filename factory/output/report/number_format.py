"""Numbers as people read them: shares, money, seconds, counts. One spelling for the page and the closing table."""

NOTHING = "–"


def write_count(value: float | None) -> str:
    """Return a whole number with thousands separators."""
    return NOTHING if value is None else f"{value:,.0f}"


def write_share(value: float | None) -> str:
    """Return a share of 0..1 in percent. Only all is written 100 %, and only none 0 %."""
    if value is None:
        return NOTHING
    percent = f"{100 * value:.1f}"
    if percent in ("0.0", "100.0") and 0 < value < 1:
        return "<0.1%" if value < 0.5 else ">99.9%"
    return percent.removesuffix(".0") + "%"


def write_money(value: float | None, currency: str) -> str:
    """Return an amount with its ISO 4217 code, with enough decimals to tell small amounts apart."""
    if value is None:
        return NOTHING
    decimals = 2 if value == 0 or value >= 1 else next((n for n in (2, 3, 4, 5) if value >= 2 * 10**-n), 6)
    return f"{currency} {value:,.{decimals}f}"


def write_seconds(value: float | None) -> str:
    """Return a time span in its two largest units."""
    if value is None:
        return NOTHING
    if value < 60:
        return f"{value:.2g} s" if value < 1 else f"{value:.1f} s"
    if value < 3600:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{int(value // 3600)} h {int(value % 3600 // 60)} min"


def write_rate(value: float | None) -> str:
    """Return a rate per second: whole when large, with decimals when small."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 1 else f"{value:.2g}"


def write_kilobytes(value: float | None) -> str:
    """Return bytes in KB of 1,000, as channels state their limits."""
    if value is None:
        return NOTHING
    return f"{value / 1000:,.1f} KB" if value < 10_000 else f"{value / 1000:,.0f} KB"
