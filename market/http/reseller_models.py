"""What requests and answers about a node's reseller look like, and their way to and from the use cases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from common.minutes import minute_text, parse_minute
from common.money import Money
from common.price import Price
from common.wire import Capacity
from market.engine.commands import AmendOrder, Command, PlaceAsk
from market.http.fields import AmountText, HourlyText, InstantText, MoneyText, Request
from market.reseller.decide import Decision
from market.reseller.keep import Kept
from market.reseller.results import Result
from market.reseller.settings import ResellerSettings, Strategy

_Code = Annotated[str, Field(min_length=1, max_length=200, examples=["fra1.std.firm"])]
_Share = Annotated[int | None, Field(description="parts per million; null while there is nothing to compare")]


class KeptBack(Request):
    """What you keep for your own work: it is never sold."""

    vcpus: int = Field(default=0, ge=0, le=100_000)
    memory_mib: int = Field(default=0, ge=0, le=1_000_000_000)
    disk_gib: int = Field(default=0, ge=0, le=100_000_000)


class ResellerRequest(Request):
    """How the idle slices of a node are to be sold."""

    enabled: bool = Field(default=True, description="false: keep these settings, and take all offers off the book")
    instruments: list[_Code] = Field(min_length=1, max_length=20, description="what may be sold, in your order")
    cost_per_hour: AmountText = Field(description="what your own reservation of the whole VM costs per hour")
    strategy: Strategy = Field(
        default="decay",
        description="fixed: always your first price; undercut: a tick below the cheapest other offer; decay: down to"
        " the floor while nothing is sold; zip: learns from the market's trades",
    )
    keep: KeptBack = KeptBack()
    until: InstantText | None = Field(
        default=None, description="sell no minute from here on; else the reservation's end"
    )
    expected_utilisation_percent: int = Field(
        default=60,
        ge=1,
        le=100,
        description="how much of the time you expect a slice to be sold: makes the floor price",
    )
    markup_percent: int = Field(default=50, ge=0, le=10_000, description="how far the first price lies above the floor")
    min_minutes: int = Field(default=1, ge=1, le=10_000_000, description="the shortest contract")
    decay_minutes: int = Field(default=240, ge=1, le=525_600, description="decay: from the first price to the floor")
    ahead_minutes: int = Field(default=10_080, ge=1, le=525_600, description="how far ahead it sells")

    def settings(self, reserved_until: int) -> ResellerSettings:
        """As the use cases take them. Raises InvalidInput."""
        return ResellerSettings(
            instruments=tuple(self.instruments),
            until=reserved_until
            if self.until is None
            else min(reserved_until, parse_minute(self.until, field="until")),
            cost_micros_per_hour=Money.parse(self.cost_per_hour, field="cost_per_hour").micros,
            strategy=self.strategy,
            keep=Capacity(**self.keep.model_dump()),
            expected_utilisation_percent=self.expected_utilisation_percent,
            markup_percent=self.markup_percent,
            min_minutes=self.min_minutes,
            decay_minutes=self.decay_minutes,
            ahead_minutes=self.ahead_minutes,
        )


class ResultModel(BaseModel):
    """Since it was switched on first. What its contracts earned, net of the fee and without VAT, as it is billed; and
    what the reservation cost while it was on."""

    minutes: int = Field(description="for which it was on")
    contracts: int
    slice_minutes: int = Field(description="sold and delivered")
    earned: MoneyText
    cost: MoneyText
    won_back_ppm: _Share
    utilisation_before_ppm: _Share
    utilisation_after_ppm: _Share


class ResellerModel(BaseModel):
    """A node's reseller. `state`: on; stopping (its offers are leaving the book); off."""

    node: str
    state: Literal["on", "stopping", "off"]
    instruments: list[str]
    cost_per_hour: MoneyText
    strategy: Strategy
    keep: KeptBack
    until: InstantText
    expected_utilisation_percent: int
    markup_percent: int
    min_minutes: int
    decay_minutes: int
    ahead_minutes: int
    last_turn: InstantText | None = Field(description="when it looked at the node last")
    last_turn_said: list[str] = Field(description="what it saw and did then, and why")
    result: ResultModel


class PriceModel(BaseModel):
    """What an instrument would be offered for; nulls where it cannot be offered."""

    instrument: str
    floor: HourlyText | None
    first_price: HourlyText | None
    price: HourlyText | None


class PlanModel(BaseModel):
    """What the reseller would do now. `change`: offer, reprice, withdraw or nothing."""

    change: Literal["offer", "reprice", "withdraw", "nothing"]
    said: list[str] = Field(description="what it sees and would do, and why")
    prices: list[PriceModel]


def reseller_model(kept: Kept, result: Result) -> ResellerModel:
    """The answer about a reseller."""
    settings = kept.settings
    return ResellerModel(
        node=kept.node,
        state=kept.state,
        instruments=list(settings.instruments),
        cost_per_hour=str(Money(settings.cost_micros_per_hour)),
        strategy=settings.strategy,
        keep=KeptBack(vcpus=settings.keep.vcpus, memory_mib=settings.keep.memory_mib, disk_gib=settings.keep.disk_gib),
        until=minute_text(settings.until),
        expected_utilisation_percent=settings.expected_utilisation_percent,
        markup_percent=settings.markup_percent,
        min_minutes=settings.min_minutes,
        decay_minutes=settings.decay_minutes,
        ahead_minutes=settings.ahead_minutes,
        last_turn=minute_text(kept.turn_minute) if kept.turn_minute else None,
        last_turn_said=list(kept.said),
        result=ResultModel(
            minutes=result.minutes,
            contracts=result.contracts,
            slice_minutes=result.slice_minutes,
            earned=str(Money(result.earned_micros)),
            cost=str(Money(result.cost_micros)),
            won_back_ppm=result.won_back_ppm,
            utilisation_before_ppm=result.utilisation_before_ppm,
            utilisation_after_ppm=result.utilisation_after_ppm,
        ),
    )


def plan_model(decision: Decision) -> PlanModel:
    """The answer of a dry run."""
    return PlanModel(
        change=_change(decision.commands),
        said=list(decision.sentences),
        prices=[
            PriceModel(
                instrument=each.trading.code,
                floor=Price(each.corridor.floor_micros).hourly() if each.corridor else None,
                first_price=Price(each.corridor.opening_micros).hourly() if each.corridor else None,
                price=Price(each.quote.price_micros).hourly() if each.quote else None,
            )
            for each in decision.prices
        ],
    )


def _change(commands: tuple[Command, ...]) -> Literal["offer", "reprice", "withdraw", "nothing"]:
    if not commands:
        return "nothing"
    if isinstance(commands[0], PlaceAsk):
        return "offer"
    return "reprice" if isinstance(commands[0], AmendOrder) else "withdraw"
