"""What is said on the stream. The AsyncAPI document is made from these models.

A sequence belongs to the `stream` that is named beside it: `engine.{zone}` and `contracts` are those of the event feed,
`book:{instrument}` counts the commands of the instrument's zone, `account` the messages of one subscription.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from market.http.fields import Request
from market.http.order_answers import Order, OrderState
from market.http.problems import ProblemDetails
from market.http.routes.account import AccountModel
from market.http.routes.contracts import ContractModel, ContractState
from market.http.routes.market_data import Level, TradeModel

ChannelName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=220,
        description="book:{instrument}, trades:{instrument}, orders, contracts or account",
        examples=["book:fra1.std.firm"],
    ),
]
_Sequence = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Authenticate(Request):
    """The first message of a client that cannot set a header, such as a browser."""

    op: Literal["authenticate"]
    key: str = Field(max_length=200, description="an API key")


class Subscribe(Request):
    """Hear of a channel, from now on or from where one was before."""

    op: Literal["subscribe"]
    channel: ChannelName
    after: dict[str, _Sequence] = Field(
        default_factory=dict,
        max_length=100,
        description="stream -> the last sequence that was heard of it; streams that are absent begin now. A book whose"
        " deltas since then are not remembered begins with a snapshot again",
    )


class Unsubscribe(Request):
    """Hear no more of a channel."""

    op: Literal["unsubscribe"]
    channel: ChannelName


class Authenticated(BaseModel):
    """The key is good; channels can be subscribed to."""

    type: Literal["authenticated"] = "authenticated"
    participant: str


class Subscribed(BaseModel):
    """What follows of the channel begins behind these sequences."""

    type: Literal["subscribed"] = "subscribed"
    channel: str
    sequences: dict[str, int]


class Unsubscribed(BaseModel):
    """Nothing of the channel follows."""

    type: Literal["unsubscribed"] = "unsubscribed"
    channel: str


class Problem(BaseModel):
    """A message of the client was refused, or a channel came to its end."""

    type: Literal["problem"] = "problem"
    channel: str | None = None
    problem: ProblemDetails


class Heartbeat(BaseModel):
    """Comes every ten seconds: how far each channel has come, also where nothing of interest happened."""

    type: Literal["heartbeat"] = "heartbeat"
    sequences: dict[str, dict[str, int]] = Field(description="channel -> stream -> sequence")


class _Sequenced(BaseModel):
    """A change. Whoever has heard `previous_sequence` of the stream has missed nothing of this channel."""

    channel: str
    stream: str
    sequence: int
    previous_sequence: int


class BookSnapshot(BaseModel):
    """The best 200 prices of each side, best first. It takes the place of all that was told of the book before."""

    type: Literal["snapshot"] = "snapshot"
    channel: str
    stream: str
    sequence: int
    bids: list[Level]
    asks: list[Level]
    checksum: int = Field(
        description="CRC-32 of all levels as `price:slices`, bids and then asks, best first, with `|` between"
    )


class BookChange(_Sequenced):
    """Levels that changed; 0 slices: the level is gone. The checksum is that of the book with these changes."""

    type: Literal["delta"] = "delta"
    bids: list[Level]
    asks: list[Level]
    checksum: int


class TradeMessage(_Sequenced):
    """A trade was made."""

    type: Literal["trade"] = "trade"
    trade: TradeModel


class OrderChange(BaseModel):
    """How the order stood after the change."""

    state: OrderState
    reason: str | None
    revision: int


class OrderMessage(_Sequenced):
    """One of your orders entered or changed."""

    type: Literal["order"] = "order"
    change: OrderChange
    order: Order = Field(description="as it stands now, perhaps later than this change")


class ContractChange(BaseModel):
    """How the contract stood after the change."""

    state: ContractState
    reason: str | None = None


class ContractMessage(_Sequenced):
    """A contract that you bought or sold was made, or changed its state."""

    type: Literal["contract"] = "contract"
    change: ContractChange
    contract: ContractModel = Field(description="as it stands now, perhaps later than this change")


class AccountMessage(_Sequenced):
    """Your balances: at the beginning, and after they changed."""

    type: Literal["account"] = "account"
    account: AccountModel


ClientMessage = Authenticate | Subscribe | Unsubscribe
Sequenced = BookSnapshot | BookChange | TradeMessage | OrderMessage | ContractMessage | AccountMessage
ServerMessage = Authenticated | Subscribed | Unsubscribed | Problem | Heartbeat | Sequenced
