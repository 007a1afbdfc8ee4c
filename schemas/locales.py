"""Names of locales (BCP 47) and currencies (ISO 4217) that a brief may use. Facts from CLDR; no behaviour of a language."""

import re

CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
    GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
    KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
    NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
    SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)

LANGUAGES = frozenset(
    """
    aa ab af agq ak am an ann apc ar arn as asa ast az ba bal bas be bem bew bez bg bgc bgn bho blo
    blt bm bn bo br brx bs bss byn ca cad cch ccp ce ceb cgg cho chr cic ckb co cop cs csw cu cv cy
    da dav de dje doi dsb dua dv dyo dz ebu ee el en eo es et eu ewo fa ff fi fil fo fr frr fur fy
    ga gaa gd gez gl gn gsw gu guz gv ha haw he hi hnj hr hsb ht hu hy ia id ie ig ii io is it iu ja
    jbo jgo jmc jv ka kaa kab kaj kam kcg kde kea ken kgp khq ki kk kkj kl kln km kn ko kok kpe ks
    ksb ksf ksh ku kw kxv ky la lag lb lg lij lkt lld lmo ln lo lrc lt ltg lu luo luy lv mai mas mdf
    mer mfe mg mgh mgo mhn mi mic mk ml mn mni moh mr ms mt mua mus my myv mzn naq nb nd nds ne nl
    nmg nn nnh no nqo nr nso nus nv ny nyn oc om or os osa pa pap pcm pis pl prg ps pt qu quc raj
    rhg rif rm rn ro rof ru rw rwk sa sah saq sat sbp sc scn sd sdh se seh ses sg shi shn si sid sk
    skr sl sma smj smn sms sn so sq sr ss ssy st su sv sw syr szl ta te teo tg th ti tig tk tn to
    tok tpi tr trv trw ts tt twq tyv tzm ug uk ur uz vai ve vec vi vmw vo vun wa wae wal wbp wo xh
    xnr xog yav yi yo yrl yue za zgh zh zu
    """.split()
)

_TAG = re.compile(r"^([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?$")


def normalize_locale(tag: str) -> str:
    """Return a BCP 47 tag in its usual spelling: `en_us` becomes `en-US`, `ZH-hans-cn` becomes `zh-Hans-CN`.

    Raises ValueError for what is not language[-Script][-REGION] or names a language that CLDR does not know.
    """
    match = _TAG.match(tag.strip())
    if match is None:
        raise ValueError(f"{tag[:40]!r} is not a BCP 47 locale such as en-US, de-DE or zh-Hans-CN")
    language, script, region = match.groups()
    if language.lower() not in LANGUAGES:
        raise ValueError(f"{tag[:40]!r} names no language that CLDR knows: write it as in en-US, de-DE or ja-JP")
    parts = [language.lower(), script.title() if script else "", region.upper() if region else ""]
    return "-".join(part for part in parts if part)


def get_language(locale: str) -> str:
    """Return the language of a locale: `en` for `en-GB`."""
    return locale.split("-")[0]


def list_wider(locale: str) -> list[str]:
    """Return the locale and those that it is part of, narrowest first: `zh-Hant-TW` gives it, `zh-Hant` and `zh`."""
    parts = locale.split("-")
    return ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
