from __future__ import annotations

import io
import json
from dataclasses import replace

import pycdlib
import pytest

from provisioner.hypervisor.seed import host_name, seed_image
from tests.provisioner.factories import SPEC, contract


def _read(image: bytes, name: str) -> str:
    disc, content = pycdlib.PyCdlib(), io.BytesIO()
    disc.open_fp(io.BytesIO(image))
    disc.get_file_from_iso_fp(content, rr_path=f"/{name}")
    return content.getvalue().decode()


def test_the_seed_carries_keys_user_data_and_the_contract() -> None:
    spec = replace(SPEC, ssh_keys=("ssh-ed25519 AAAA a@b", "ssh-rsa BBBB"), user_data="#!/bin/sh\nécho\n")
    image = seed_image(contract(), spec)
    metadata = json.loads(_read(image, "meta-data"))
    assert metadata["instance-id"] == contract()
    assert metadata["local-hostname"] == "web"
    assert metadata["public-keys"] == list(spec.ssh_keys)
    assert _read(image, "user-data") == spec.user_data
    assert b"cidata" in image


def test_the_metadata_s_last_member_is_the_only_list() -> None:
    text = _read(seed_image(contract(), replace(SPEC, ssh_keys=("one", "two"))), "meta-data")
    assert text.rstrip().endswith("]\n}")
    assert text.count("[") == 1


@pytest.mark.parametrize(
    ("name", "host"),
    [("web", "web"), ("My Web!", "my-web"), ("-a_b-", "a-b"), ("x" * 80, "x" * 63), ("été", "t")],
)
def test_a_guest_s_name_becomes_a_host_name(name: str, host: str) -> None:
    assert host_name(contract(), replace(SPEC, name=name)) == host


@pytest.mark.parametrize("name", ["", "!!!", "日本"])
def test_a_guest_without_a_usable_name_is_called_after_its_contract(name: str) -> None:
    assert host_name(contract(), replace(SPEC, name=name)) == contract().replace("_", "-")
