"""The event feed for the operator's other programs: every committed change, in streams without gaps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from common.minutes import instant_text
from market.feed.read_feed import read_stream, streams
from market.http.auth import Operating
from market.http.fields import Limit, WholeNumber
from market.http.problems import documented
from market.http.services import Reader
from market.http.strict_route import StrictRoute

router = APIRouter(prefix="/v1/feed", tags=["operators"], route_class=StrictRoute)

_LARGEST_POSITION = 2**63 - 1
Position = Annotated[
    int,
    Query(ge=0, le=_LARGEST_POSITION, description="the `next` of the part before; 0: from the beginning"),
    WholeNumber,
]
Stream = Annotated[str, Path(min_length=1, max_length=200, examples=["engine.fra1", "contracts"])]


class StreamModel(BaseModel):
    """A stream of the feed: `engine.{zone}` for what an engine commits, `contracts` for what becomes of contracts."""

    stream: str
    newest: int = Field(description="position of its newest event; 0: it has none")


class EventModel(BaseModel):
    """A committed change of the thing with the id `subject`."""

    position: int = Field(description="1, 2, 3, ... in the order of the commits, without a gap")
    kind: str
    subject: str
    payload: dict[str, Any]
    at: str = Field(description="market time")


class FeedPart(BaseModel):
    """Events in order. `next` is where to go on, also when there is nothing new yet."""

    items: list[EventModel]
    next: int


@router.get("", responses=documented(401, 403))
def feed_streams(who: Operating, connection: Reader) -> list[StreamModel]:
    """All streams."""
    return [StreamModel(stream=stream, newest=newest) for stream, newest in streams(connection).items()]


@router.get("/{stream}", responses=documented(401, 403, 404, 422))
def feed_events(
    stream: Stream, who: Operating, connection: Reader, after: Position = 0, limit: Limit = 100
) -> FeedPart:
    """The events of a stream behind a position. Each change comes once; who remembers `next` misses nothing."""
    items = [
        EventModel(
            position=position,
            kind=event.kind,
            subject=event.subject,
            payload=event.payload,
            at=instant_text(datetime.fromtimestamp(event.at_micros // 1_000_000, UTC)),
        )
        for position, event in read_stream(connection, stream, after, limit)
    ]
    return FeedPart(items=items, next=items[-1].position if items else after)
