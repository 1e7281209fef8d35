from __future__ import annotations

from provisioner.images.cpio import initramfs


def _entries(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Path -> mode and content, by the layout of the `newc` format."""
    entries: dict[str, tuple[int, bytes]] = {}
    position = 0
    while True:
        assert archive[position : position + 6] == b"070701"
        fields = [int(archive[position + 6 + 8 * n : position + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[position + 110 : position + 110 + name_size - 1].decode()
        start = -(-(position + 110 + name_size) // 4) * 4
        if name == "TRAILER!!!":
            return entries
        entries[name] = (mode, archive[start : start + size])
        position = -(-(start + size) // 4) * 4


def test_files_have_their_permissions_and_folders_come_by_themselves() -> None:
    entries = _entries(initramfs({"etc/guest/seed": (0o755, b"odd"), "init": (0o600, b"four")}))
    assert entries == {
        "etc": (0o040755, b""),
        "etc/guest": (0o040755, b""),
        "etc/guest/seed": (0o100755, b"odd"),
        "init": (0o100600, b"four"),
    }


def test_the_order_in_which_files_are_named_changes_nothing() -> None:
    files = {"a/b": (0o644, b"1"), "c": (0o644, b"2"), "a/d": (0o644, b"3")}
    assert initramfs(files) == initramfs(dict(reversed(files.items())))
