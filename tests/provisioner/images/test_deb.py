from __future__ import annotations

import pytest

from common.errors import InvalidInput
from provisioner.images.deb import read_deb
from tests.provisioner.images.packages import deb


@pytest.mark.parametrize("compression", ["xz", "gz"])
def test_the_wanted_files_come_out_whole(compression: str) -> None:
    package = deb({"boot/a": b"odd", "boot/b": b"even", "usr/c": b"left"}, compression)
    assert read_deb(package, lambda path: path.startswith("boot/")) == {"boot/a": b"odd", "boot/b": b"even"}


@pytest.mark.parametrize("package", [b"", b"no package at all", b"!<arch>\n", deb({"a": b"b"})[:-90]])
def test_what_is_no_package_is_refused(package: bytes) -> None:
    with pytest.raises(InvalidInput, match="no Debian package"):
        read_deb(package, lambda path: True)
