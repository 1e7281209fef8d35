"""Which driver an agent gets: libvirt's test driver by its URI; otherwise QEMU, with KVM or without."""

from __future__ import annotations

from common.clock import RealClock
from common.errors import Refused
from provisioner.hypervisor.boot_probe import probe_machine
from provisioner.hypervisor.libvirt_driver import LibvirtDriver
from provisioner.hypervisor.qemu_driver import Places, QemuDriver
from provisioner.settings import Settings


def open_driver(settings: Settings, clock: RealClock) -> LibvirtDriver:
    """The driver, connected. Raises Unavailable where libvirt is away or no guest boots, and Refused
    (`hypervisor_lacks`) where KVM was asked for and is of no use."""
    if settings.libvirt_uri.startswith("test"):
        driver = LibvirtDriver(settings.libvirt_uri)
        driver.probe()
        return driver
    storage = settings.storage or settings.data / "storage"
    for folder in ("images", "volumes"):
        (storage / folder).mkdir(mode=0o711, parents=True, exist_ok=True)
    places = Places(
        guests=storage / "guests",
        images=settings.images or storage / "images",
        cache=storage / "cache",
        volumes=settings.volumes or storage / "volumes",
        address=settings.address,
        overcommit=settings.overcommit,
    )
    machine = probe_machine(settings.libvirt_uri, storage / "probe", clock)
    if settings.acceleration == "kvm" and machine.kind != "kvm":
        raise Refused("hypervisor_lacks", "KVM was asked for, and guests boot no faster with it than without")
    return QemuDriver(settings.libvirt_uri, machine, places, clock)
