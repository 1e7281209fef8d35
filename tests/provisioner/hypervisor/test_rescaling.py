from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.wire import GuestSpec
from provisioner.hypervisor.port import EVERYTHING, Capabilities
from provisioner.hypervisor.rescaling import Room, answers, granted

NOW = GuestSpec("web", vcpus=2, memory_mib=2048, disk_gib=10, image="debian-12")
ALL = Capabilities("any", "1.0.0", 16)
ROOM = Room(vcpus=4, memory_mib=2048)

specs = st.builds(
    GuestSpec,
    name=st.sampled_from(["web", "db"]),
    vcpus=st.integers(1, 20),
    memory_mib=st.integers(128, 4096),
    disk_gib=st.integers(1, 20),
    image=st.sampled_from(["debian-12", "other"]),
    cpu_shares=st.integers(2, 4096),
    cpu_percent=st.integers(1, 100),
    user_data=st.sampled_from(["", "#!/bin/sh"]),
    ports=st.sampled_from([(), (80,)]),
)
rooms = st.one_of(st.none(), st.builds(Room, vcpus=st.integers(1, 8), memory_mib=st.integers(128, 4096)))


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"vcpus": 4}, "live"),
        ({"vcpus": 5}, "restart"),
        ({"vcpus": 1}, "restart"),
        ({"vcpus": 17}, "refused"),
        ({"memory_mib": 1024}, "live"),
        ({"memory_mib": 2049}, "restart"),
        ({"disk_gib": 11}, "live"),
        ({"disk_gib": 9}, "refused"),
        ({"cpu_shares": 512}, "live"),
        ({"cpu_percent": 50}, "live"),
        ({"image": "other"}, "refused"),
        ({"ssh_keys": ("key",)}, "restart"),
        ({"ports": (80,)}, "restart"),
    ],
)
def test_a_field_of_a_running_guest(change: dict[str, object], outcome: str) -> None:
    [answer] = answers(NOW, replace(NOW, **change), ALL, ROOM)  # type: ignore[arg-type]  # fields of the spec
    assert (answer.field, answer.outcome) == (next(iter(change)), outcome)
    assert bool(answer.reason) == (outcome != "live")


@pytest.mark.parametrize(
    ("ability", "change", "outcome"),
    [
        ("vcpu_plug", {"vcpus": 3}, "restart"),
        ("balloon", {"memory_mib": 1024}, "restart"),
        ("cpu_limits", {"cpu_percent": 50}, "refused"),
        ("disks", {"disk_gib": 11}, "refused"),
    ],
)
def test_what_the_hypervisor_lacks(ability: str, change: dict[str, int], outcome: str) -> None:
    lacking = replace(ALL, abilities=EVERYTHING - {ability})
    [answer] = answers(NOW, replace(NOW, **change), lacking, ROOM)  # type: ignore[arg-type]  # fields of the spec
    assert answer.outcome == outcome


@given(now=specs, wanted=specs, room=rooms)
def test_every_difference_has_one_answer_and_only_refused_fields_stay(
    now: GuestSpec, wanted: GuestSpec, room: Room | None
) -> None:
    given_answers = answers(now, wanted, ALL, room)
    different = [field.name for field in fields(GuestSpec) if getattr(now, field.name) != getattr(wanted, field.name)]
    assert [answer.field for answer in given_answers] == different
    result = granted(now, wanted, given_answers)
    for answer in given_answers:
        assert getattr(result, answer.field) == getattr(now if answer.outcome == "refused" else wanted, answer.field)
    if room is None:
        assert all(answer.outcome != "restart" for answer in given_answers)


@given(now=specs, wanted=specs)
def test_what_was_granted_needs_no_second_asking(now: GuestSpec, wanted: GuestSpec) -> None:
    result = granted(now, wanted, answers(now, wanted, ALL, None))
    assert answers(now, result, ALL, None) == tuple(a for a in answers(now, wanted, ALL, None) if a.outcome == "live")
