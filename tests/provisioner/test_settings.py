from __future__ import annotations

import pytest

from common.errors import InvalidInput
from common.wire import Capacity
from provisioner.settings import parse_capacity


def test_a_capacity_is_written_as_vcpus_memory_and_disk() -> None:
    assert parse_capacity("8,32768,200") == Capacity(vcpus=8, memory_mib=32_768, disk_gib=200)


@pytest.mark.parametrize("text", ["", "8", "8,1024", "8,1024,10,1", "8,-1,10", "0,1024,10", "8, 1024,10", "a,b,c"])
def test_a_capacity_is_three_whole_positive_numbers(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_capacity(text)
