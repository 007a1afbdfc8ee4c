"""Rules that are lists of phrases (`lexicons/phrases.yaml`): promotion, pressure, praise, generic calls to action …"""

from factory.text.checks.context import CheckContext
from factory.text.checks.grounding import read_item
from factory.text.checks.lexicon import open_phrases
from factory.text.checks.words import Item, fold, pad_text


def find_generic_cta(item: Item, ctx: CheckContext, argument: str) -> str:
    """A call to action that could stand anywhere ("click here").

    https://support.google.com/adspolicy/answer/14848297
    """
    return _find("generic_cta", item, ctx)


def find_promo(item: Item, ctx: CheckContext, argument: str) -> str:
    """Promotional phrases in product data ("free shipping", "on sale", "best seller").

    https://sellercentral.amazon.com/gp/help/external/200390640, https://support.google.com/merchants/answer/6324350
    """
    return _find("promo", item, ctx)


def find_promo_in_name(item: Item, ctx: CheckContext, argument: str) -> str:
    """Promotional words in a business name. https://support.google.com/adspolicy/answer/1206870"""
    found = open_phrases("phrases", "promo", ctx.language).find(item)
    return f'has the promotional phrase "{found[0]}"' if found and f" {found[0]} " not in ctx.own_text else ""


def find_subjective(item: Item, ctx: CheckContext, argument: str) -> str:
    """Praise that no reader can check ("best", "amazing", "must-have").

    https://sellercentral-europe.amazon.com/help/hub/reference/external/201100890
    """
    return _find("subjective", item, ctx)


def find_guarantee(item: Item, ctx: CheckContext, argument: str) -> str:
    """Guarantees and refunds, which Amazon refuses in bullets, proven or not.

    https://goatconsulting.com/amazon-policy/amazon-product-detail-page-rules-violation-policy-compliance
    """
    return _find("guarantee", item, ctx)


def find_temporary(item: Item, ctx: CheckContext, argument: str) -> str:
    """Words that hold only for a time ("new", "on sale") in search terms.

    https://sellercentral.amazon.com/gp/help/external/help.html?itemID=23501
    """
    return _find("temporary", item, ctx)


def find_pressure(item: Item, ctx: CheckContext, argument: str) -> str:
    """Pressure to act ("last chance", "hurry"). https://advertising.amazon.in/help/GJB8YEKP7UJYKSR2"""
    return _find("pressure", item, ctx)


def find_spam(item: Item, ctx: CheckContext, argument: str) -> str:
    """Words that mail filters score ("act now", "risk-free", "winner").

    https://spamassassin.apache.org/old/tests_3_3_x.html
    """
    return _find("spam", item, ctx)


def find_placeholder(item: Item, ctx: CheckContext, argument: str) -> str:
    """ "N/A", "TBD", "lorem ipsum" and the like.

    https://goatconsulting.com/amazon-policy/amazon-product-detail-page-rules-violation-policy-compliance
    """
    return _find("placeholder", item, ctx)


def find_price_or_discount(item: Item, ctx: CheckContext, argument: str) -> str:
    """Any price, percentage or word of discount, true or not. https://advertising.amazon.in/help/GJB8YEKP7UJYKSR2"""
    return find_any_price(item, ctx, argument) or _find_percent(item, ctx) or _find("discount", item, ctx)


def find_any_price(item: Item, ctx: CheckContext, argument: str) -> str:
    """Any price, true or not. https://sellercentral.amazon.com/gp/help/external/200390640"""
    found = next((quantity.raw for quantity in read_item(item, ctx).items if quantity.kind == "price"), "")
    return f'has the price "{found}"' if found else ""


def find_no_opt_out(item: Item, ctx: CheckContext, argument: str) -> str:
    """A message without the way to end messages ("Reply STOP").

    CTIA Messaging Principles, https://www.ctia.org/the-wireless-industry/industry-commitments/messaging-interoperability-sms-mms
    """
    text = item.padded if item.whole == item.text else pad_text(item.whole)
    found = open_phrases("phrases", "opt_out", ctx.language).find_all(text.split(), text)
    return "" if found else "does not say how to stop messages"


def find_no_sender(item: Item, ctx: CheckContext, argument: str) -> str:
    """A message that does not say who sends it: the brand, or without one the product. CTIA Messaging Principles (as above)."""
    brief = ctx.request.brief
    name = brief.brand or brief.product_name
    padded = item.padded if item.whole == item.text else pad_text(item.whole)
    return "" if pad_text(name) in padded or fold(name) in item.folded else f'does not name the sender "{name}"'


def find_channel_name(item: Item, ctx: CheckContext, argument: str) -> str:
    """The channel's own name, which LinkedIn does not let ads use. https://www.linkedin.com/help/lms/answer/a426534"""
    return f'names "{argument}"' if pad_text(argument) in item.padded else ""


def find_brand(item: Item, ctx: CheckContext, argument: str) -> str:
    """Any brand in search terms: the own one, competitors, trademarks.

    https://sellercentral.amazon.com/gp/help/external/help.html?itemID=23501
    """
    brand = ctx.request.brief.brand
    if brand and pad_text(brand).strip() and pad_text(brand) in item.padded:
        return f'names the brand "{brand}"'
    other = ctx.competitors.find(item) or ctx.trademarks.find(item)
    return f'names the brand "{other}"' if other else ""


def _find(key: str, item: Item, ctx: CheckContext) -> str:
    found = open_phrases("phrases", key, ctx.language).find(item)
    return f'has "{found[0]}"' if found else ""


def _find_percent(item: Item, ctx: CheckContext) -> str:
    found = next((quantity.raw for quantity in read_item(item, ctx).items if quantity.kind == "percent"), "")
    return f'has the percentage "{found}"' if found else ""
