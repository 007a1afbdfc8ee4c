"""Everything that checking one request needs, worked out once: the brief's facts, the lists, the prompt's wording."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from factory.text.checks.facts import Facts, read_facts, select_texts
from factory.text.checks.quantities import Reader, make_reader
from factory.text.checks.words import Item, PhraseBook, fold, make_item, pad_text, split_words
from schemas.brief import Brief
from schemas.job import CheckConfig
from schemas.locales import get_language
from schemas.placement import Placement
from schemas.request import Request


@dataclass(frozen=True, slots=True)
class TermList:
    """Words of a list given by users. Those with signs in them (`C++`) must also be there to the letter."""

    book: PhraseBook
    literals: tuple[tuple[str, str], ...]  # folded, as given

    def find(self, item: Item) -> str:
        """Return the first term that the item holds, or ""."""
        for folded, term in self.literals:
            if folded in item.folded:
                return term
        found = self.book.find(item)
        return found[0] if found else ""


@dataclass(frozen=True)
class CheckContext:
    """One request, ready for checking. What is made of the brief is made when a rule first asks for it.

    Texts are folded unless said otherwise; `memo` keeps verdicts on items, `items` the items themselves.
    """

    request: Request
    placement: Placement
    config: CheckConfig
    prompt_texts: tuple[str, ...]
    rule_order: tuple[str, ...]
    idle_rules: frozenset[str]  # those with nothing to hold, which need not be asked
    memo: dict[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)

    @cached_property
    def language(self) -> str:
        """Of the request's locale."""
        return get_language(self.request.locale)

    @cached_property
    def facts(self) -> Facts:
        """What the brief says, for this segment and locale."""
        return read_facts(select_texts(self.request.brief, self.request.segment, self.request.locale))

    @cached_property
    def reader(self) -> Reader:
        """How the locale writes numbers."""
        return make_reader(self.request.locale, self.request.brief.currency)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Brand, product, code, required phrases and the job's allowed capitals, as given."""
        brief = self.request.brief
        return (brief.brand, brief.product_name, brief.offer.code, *brief.must_include, *self.config.allowed_caps)

    @cached_property
    def own_words(self) -> frozenset[str]:
        """The words of `names`."""
        return _read_names(self.names).words

    @cached_property
    def own_text(self) -> str:
        """`names`, padded."""
        return _read_names(self.names).padded

    @cached_property
    def own_tokens(self) -> frozenset[str]:
        """The words of `names` as written."""
        return _read_names(self.names).tokens

    @cached_property
    def avoid(self) -> TermList:
        """Words that the brief or the job bans."""
        return make_terms((*self.request.brief.must_avoid, *self.config.must_avoid), "")

    @cached_property
    def competitors(self) -> TermList:
        """Competitors of the brief and the job."""
        return make_terms((*self.request.brief.competitors, *self.config.competitors), self.own_text)

    @cached_property
    def trademarks(self) -> TermList:
        """Other owners' marks."""
        return make_terms(tuple(self.config.trademarks), self.own_text)

    @cached_property
    def disclaimer(self) -> str:
        """The legal line as given, white space folded."""
        return " ".join(self.request.brief.disclaimer.split())

    @cached_property
    def must_include(self) -> tuple[tuple[str, str], ...]:
        """Required phrases: folded, as given."""
        return tuple((fold(" ".join(text.split())), text) for text in self.request.brief.must_include)

    @cached_property
    def prompt_text(self) -> str:
        """The prompt's words, padded; the brief's own names cut out."""
        return _cut_names(self.prompt_texts, self.names[:2])

    @cached_property
    def echo_text(self) -> str:
        """What may not be repeated at length, padded."""
        return _pad_long(f"{self.request.brief.description} . {self.request.brief.brand_voice}")

    @cached_property
    def excused_text(self) -> str:
        """What copy may or must say word for word, padded."""
        return _pad_excused(self.request.brief)

    def make_item(self, text: str) -> Item:
        """Return `text` ready for checking, without the legal line, which is the brief's own wording."""
        item = self.items.get(text)
        if item is None:
            if self.disclaimer and self.disclaimer in (line := " ".join(text.split())):
                item = make_item(line.replace(self.disclaimer, " ").strip(), text)
            else:
                item = make_item(text)
            self.items[text] = item
        return item


@dataclass(frozen=True, slots=True)
class OwnNames:
    """The words that the brief owns: folded, padded, and as written."""

    words: frozenset[str]
    padded: str
    tokens: frozenset[str]


@lru_cache(maxsize=512)
def _read_names(names: tuple[str, ...]) -> OwnNames:
    text = " . ".join(names)
    words = split_words(fold(text))
    return OwnNames(
        frozenset(words),
        pad_text(text),
        frozenset(t for token in text.split() for t in (token, token.strip(".,;:!?()'\""))),
    )


def make_terms(terms: tuple[str, ...], own_padded: str) -> TermList:
    """Return a list to search for. Terms inside the brief's own names (`own_padded`) are left out: those are allowed."""
    return _make_terms(terms, own_padded if terms else "")


@lru_cache(maxsize=512)
def _make_terms(terms: tuple[str, ...], own_padded: str) -> TermList:
    phrases: dict[str, str] = {}
    literals: list[tuple[str, str]] = []
    for term in terms:
        folded = " ".join(fold(term).split())
        if not folded or (own_padded and pad_text(term) in own_padded):
            continue
        if all(character.isalnum() or character in " '.,-&_" for character in folded) and split_words(folded):
            phrases[term] = term
        else:
            literals.append((folded, term))
    return TermList(PhraseBook(_escape(phrases)), tuple(literals))


def _escape(phrases: dict[str, str]) -> dict[str, str]:
    """A lone underscore is PhraseBook's gap: in a user's term it is only a mark between words."""
    return {phrase.replace("_", " "): label for phrase, label in phrases.items()}


@lru_cache(maxsize=256)
def _pad_long(text: str) -> str:
    return pad_text(text)


@lru_cache(maxsize=64)
def _cut_names(texts: tuple[str, ...], names: tuple[str, ...]) -> str:
    """The prompt's words without the brief's names, so that naming the product is never a leak."""
    padded = " \u00b7 ".join(pad_prompt(text) for text in texts)
    for name in names:
        if (words := pad_text(name)).strip():
            padded = padded.replace(words, " \u00b7 ")
    return padded


@lru_cache(maxsize=64)
def pad_prompt(text: str) -> str:
    """Return a prompt's words, padded; system prompts repeat from request to request."""
    return pad_text(text)


def _pad_excused(brief: Brief) -> str:
    parts = (
        brief.product_name,
        brief.brand,
        *brief.must_include,
        *brief.key_messages,
        brief.offer.text,
        brief.disclaimer,
    )
    return _pad_long(" . ".join((*parts, *(claim.text for claim in brief.claims))))
