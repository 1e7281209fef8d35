"""From the bid for a volume to the bill for it: at one real guest, and then at the next."""

from __future__ import annotations

from nestex.books import first_difference
from nestex.cli.client import MarketClient
from tests.reliability.buyer import Buyer
from tests.reliability.test_real_guest import HOURS, real_town
from tests.reliability.town import ZONE, Town

__all__ = ["real_town"]  # a fixture

BLOCK = f"{ZONE}.block.firm"
TEN_GIB = 10 * 2**30


def _offer(town: Town) -> None:
    operator = MarketClient(town.market.url, town.market.operator_key)
    terms = {"zone": ZONE, "slice_class": "block", "firmness": "firm", "delivery_deadline_minutes": 120}
    operator.post("/v1/instruments", terms)
    [ask] = [each for each in town.provider.get("/v1/orders")["items"] if each["side"] == "ask"]
    body = {name: ask[name] for name in ("side", "price", "node", "available_until")}
    town.provider.post("/v1/orders", body | {"instrument": BLOCK, "slices": 2})


def _volume(town: Town) -> Buyer:
    body = {"side": "bid", "instrument": BLOCK, "price": "0.6", "duration_minutes": 4 * HOURS}
    placed = town.buyer.post("/v1/orders", body | {"volume": {"name": "data", "filesystem": "ext4"}})
    assert placed["state"] == "filled", placed
    [made] = town.buyer.get("/v1/contracts", kind="volume")["items"]
    return Buyer(town, f"/v1/contracts/{made['id']}")


def _guest(town: Town) -> Buyer:
    [row] = town.contracts(town.buy(minutes=HOURS, guests=1))
    buyer = Buyer(town, f"/v1/contracts/{row['id']}")
    buyer.ask("configure", {"ports": [80]})
    buyer.settled("ready")
    return buyer


def _is_given(town: Town, volume: Buyer, guest: Buyer) -> None:
    """The guest tells on its own page that it has the volume."""
    volume.ask("attach", {"guest": guest.contract})
    town.until(lambda: town.buyer.get(f"{volume.path}/volume")["settled"], "the volume to be attached")
    guest.sees("the volume", lambda told: told["disks"].get("data") == TEN_GIB)


def test_a_volume_is_bought_given_to_two_guests_in_turn_and_billed_as_storage(real_town: Town) -> None:
    town = real_town
    _offer(town)
    volume = _volume(town)
    first = _guest(town)
    _is_given(town, volume, first)
    first.ask("release")
    town.until(lambda: not town.domains(), "the removal of the first guest")
    assert town.buyer.get(volume.path)["state"] == "running"
    second = _guest(town)
    _is_given(town, volume, second)
    volume.runs("volume detach")
    second.sees("no volume", lambda told: "data" not in told["disks"])
    usage = town.buyer.get(f"{volume.path}/usage")["items"]
    assert {each["seconds"] for each in usage[2:-1]} == {60}, usage
    for contract in (volume, second):
        contract.ask("release")
    town.until(lambda: town.buyer.get(volume.path)["guest_state"] == "removed", "the removal of the volume")
    town.until(lambda: not town.domains(), "the removal of the second guest")
    town.until(lambda: first_difference(town.database) is None, "books that balance")
    town.check_history()
    town.buyer.save("/v1/exports/focus", town.path / "focus.csv")
    assert "Storage,Nestex volumes,Block Storage" in (town.path / "focus.csv").read_text(encoding="utf-8")
