"""What to write under `columns:` for a file with foreign column names: a suggestion that can be pasted into the job."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence

# Other names that product feeds and shop exports use, in lower case without separators.
_KNOWN = {
    "brief_id": "id sku itemid productid asin gtin ean upc articleid offerid variantid handle uniqueid productcode code",
    "product_name": "title name product productname producttitle model itemname item displayname articlename headline",
    "brand": "brandname manufacturer vendor maker make",
    "category": "producttype googleproductcategory productcategory department categoryname",
    "description": "desc longdescription bodyhtml productdescription details summary longtext text",
    "price": "listprice regularprice unitprice retailprice amount msrp rrp",
    "sale_price": "saleprice specialprice discountprice offerprice promoprice",
    "currency": "currencycode pricecurrency",
    "url": "link producturl permalink productlink",
    "image_uri": "imagelink image imageurl picture pictureuri imagesrc thumbnail",
    "locale": "language lang",
    "campaign_id": "campaign campaignname",
    "key_messages": "bulletpoints bullets features highlights producthighlight usps",
}


def suggest_columns(
    names: Sequence[str], columns: Mapping[str, str], missing: Sequence[str], lost: Sequence[str]
) -> str:
    """Return a hint with a `columns:` block for a file whose columns are `names`.

    `columns` is the present mapping, `missing` the required fields that nothing gives, `lost` the source columns that
    the mapping names but the file lacks.
    """
    block = {target: source for target, source in columns.items() if source not in lost}
    for source in lost:
        near = difflib.get_close_matches(source, list(names), n=1, cutoff=0.5)
        block |= {target: near[0] for target, old in columns.items() if old == source and near}
    used = set(block.values())
    for field in [*missing, *(field for field in _KNOWN if field not in names)]:
        found = None if field in block else _find_column(field, [name for name in names if name not in used])
        if found:
            block[field] = found
            used.add(found)
    block |= {field: "<name of your column>" for field in missing if field not in block}
    if ("price" in block or "price" in names) and "currency" not in block and "currency" not in names:
        block["currency"] = '{{ "USD" }}'
    lines = [f"  {target}: {_quote(source)}" for target, source in block.items()]
    return "\n".join(["write into the job:", "columns:", *lines])


def _find_column(field: str, names: Sequence[str]) -> str | None:
    plain = {re.sub(r"[\W_]", "", name).lower(): name for name in reversed(names)}
    wanted = [field.replace("_", ""), *_KNOWN.get(field, "").split()]
    exact = next((plain[name] for name in wanted if name in plain), None)
    if exact:
        return exact
    near = difflib.get_close_matches(wanted[0], list(plain), n=1, cutoff=0.8)
    return plain[near[0]] if near else None


def _quote(source: str) -> str:
    """As YAML: a plain word bare, anything else in single quotes."""
    if re.fullmatch(r"[A-Za-z_][\w ]*", source):
        return source
    return "'" + source.replace("'", "''") + "'" if source.isprintable() else json.dumps(source)
