"""Cursors: read strictly, so that a made-up one is an error and never a surprise."""

from __future__ import annotations

import base64
import json
import re

from billing.refused import START, Place
from common.errors import InvalidInput
from common.ids import is_id

_LARGEST_ORDINAL = 2**31 - 1
_PART = r"(0|[1-9][0-9]{0,17})"


def id_cursor(text: str, kind: str) -> str:
    """The id of this kind in a cursor; "" for the first page. Raises InvalidInput (`malformed_cursor`)."""
    if text and not is_id(text, kind):
        raise _malformed()
    return text


def number_cursor(text: str) -> int:
    """The number in a cursor; 0 for the first page. Raises InvalidInput (`malformed_cursor`)."""
    return _numbers(text, 1)[0]


def pair_cursor(text: str) -> tuple[int, int]:
    """The two numbers in a cursor such as "17.2"; (0, 0) for the first page. Raises InvalidInput
    (`malformed_cursor`)."""
    first, second = _numbers(text, 2)
    if second > _LARGEST_ORDINAL:
        raise _malformed()
    return first, second


def refused_cursor(text: str) -> Place:
    """The place in the list of refused records. Raises InvalidInput (`malformed_cursor`)."""
    if not text:
        return START
    try:
        place = json.loads(base64.urlsafe_b64decode(text))
        node, life, sequence, contract, *numbers = place
        minute, seconds, epoch = (int(number) for number in numbers)
        return str(node), int(life), int(sequence), str(contract), minute, seconds, epoch
    except (ValueError, TypeError) as error:
        raise _malformed() from error


def refused_cursor_text(place: Place) -> str:
    """What `refused_cursor` reads."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _numbers(text: str, count: int) -> tuple[int, ...]:
    if not text:
        return (0,) * count
    match = re.fullmatch(r"\.".join([_PART] * count), text)
    if match is None:
        raise _malformed()
    return tuple(map(int, match.groups()))


def _malformed() -> InvalidInput:
    return InvalidInput("malformed_cursor", "this is no cursor of this list", field="after")
