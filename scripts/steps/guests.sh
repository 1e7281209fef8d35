# Sourced by scripts/guests: what has to come from the system's packages for guests that really run.

small_guest_kernel=linux-image-cloud-amd64

# Sets $missing: the packages whose contents this machine lacks, each with a space before it.
find_missing_guest_packages() {
    missing=
    command -v qemu-system-x86_64 >/dev/null || missing="$missing qemu-system-x86"
    command -v qemu-img >/dev/null || missing="$missing qemu-utils"
    command -v mke2fs >/dev/null || missing="$missing e2fsprogs"
    command -v unshare >/dev/null || missing="$missing util-linux"
    has_qemu_driver || missing="$missing $(known_package libvirt-daemon-driver-qemu libvirt-daemon)"
}

# It is not installed here, only fetched and taken apart.
kernel_is_known() {
    apt-cache show $small_guest_kernel >/dev/null 2>&1
}

has_qemu_driver() {
    for library in /usr/lib /usr/lib64 /usr/local/lib /usr/lib/*; do
        [ ! -e "$library/libvirt/connection-driver/libvirt_driver_qemu.so" ] || return 0
    done
    return 1
}
