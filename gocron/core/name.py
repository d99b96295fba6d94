"""What a name may hold: account, cronname and gateway look like what they are."""

import re
import unicodedata

NAME_LIMIT = 200

# More marks than this on one letter of any living language would be drawn over its neighbours.
_MARKS_LIMIT = 4

# Nothing is drawn for these, though no category says so: fillers, variation selectors, the
# joiner of graphemes, vowels that only sort, an empty braille cell, a note without a head, the
# place of an object.
_EMPTY = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)

# How a private character looks, or one that nobody has assigned yet, depends on who looks.
_UNCERTAIN = frozenset(("Co", "Cn", "Cs"))
_SEEN = frozenset("LNPS")

# What is longer is refused by its length however it is spelled. To order thousands of marks takes
# seconds, and a front reads names in its event loop.
_SPELLING_LIMIT = 4 * NAME_LIMIT


def normal(name: str) -> str:
    """Return `name` as it is stored: in NFC, without spaces around it.

    One letter has several spellings in Unicode; macOS writes file names in another than Linux.
    What is much too long for a name stays as it is.
    """
    is_spelled_alike = name.isascii() or len(name) > _SPELLING_LIMIT
    return (name if is_spelled_alike else unicodedata.normalize("NFC", name)).strip()


def has_visible_character(name: str) -> bool:
    """Tell whether anything of `name` can be seen."""
    return name.isascii() or any(
        unicodedata.category(char)[0] in _SEEN and not _EMPTY.match(char) for char in name
    )


def misleading(name: str) -> str:
    """Return what in `name` makes it look like another, and what to do; "" where nothing does."""
    marks = 0
    # A mark at the start is drawn over whatever stands before the name.
    before = " "
    for char in () if name.isascii() else name:
        category = unicodedata.category(char)
        marks = marks + 1 if category[0] == "M" else 0
        if category == "Cf" or _EMPTY.match(char):
            return f"has {spelled(char)}, which can't be seen; leave it out"
        if category in _UNCERTAIN:
            return f"has {spelled(char)}, which looks different everywhere; leave it out"
        if category == "Zs" and char != " ":
            return f"has {spelled(char)}, which looks like a space; write a space"
        if marks == 1 and before == " ":
            return f"has {spelled(char)} on no letter; leave it out"
        if marks > _MARKS_LIMIT:
            return f"has more than {_MARKS_LIMIT} marks on one letter, such as {spelled(char)}"
        before = char
    return ""


def spelled(char: str) -> str:
    """Return the code of `char`, and its name where it has one: `U+200B (ZERO WIDTH SPACE)`."""
    called = unicodedata.name(char, "")
    return f"U+{ord(char):04X} ({called})" if called else f"U+{ord(char):04X}"
