# Sourced by scripts/install: what has to come from the system's packages.
#
# libvirt's Python binding is published as source only and needs a compiler and headers; libvirtd runs the demo's nodes;
# setpriv ties the servers' lives to ours. Nothing is installed when all of it is there, whoever installed it.

# Debian keeps daemons and setpriv's neighbours outside the PATH of ordinary users.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
system_options="--yes --no-install-recommends -o DPkg::Lock::Timeout=300"

# Leaves a machine on which the environment can be made, or ends with the one command that an administrator must run.
prepare_system() {
    find_missing_packages
    [ -n "$missing" ] || return 0
    require_packages_can_help
    if ! command -v apt-get >/dev/null; then
        die "this machine lacks what these Debian packages hold, and has no apt-get to install them:$missing"
    fi
    become_root_or_ask
    say "installing system packages:$missing"
    step "  reading the lists of packages" tolerate $as_root apt-get update
    find_missing_packages
    # shellcheck disable=SC2086  # lists of words
    step "  installing them" $as_root apt-get install $system_options $missing
    choose_python
    find_missing_packages
    [ -z "$missing" ] || die "the system's packages are installed, and still something of these is not usable:$missing"
}

programs_are_there() {
    command -v libvirtd >/dev/null && command -v setpriv >/dev/null
}

# Sets $missing: the packages whose contents this machine lacks, each with a space before it.
find_missing_packages() {
    missing=
    if [ -z "$python" ]; then
        missing=" python3 python3-dev python3-venv gcc libc6-dev libvirt-dev pkg-config"
    else
        package=$(python_package "$python")
        python_makes_environments "$python" || missing="$missing $package-venv"
        python_has_headers "$python" || missing="$missing $package-dev"
        binding_compiles || missing="$missing gcc libc6-dev libvirt-dev pkg-config"
    fi
    command -v libvirtd >/dev/null || missing="$missing $(known_package libvirt-daemon libvirt-daemon-system)"
    command -v setpriv >/dev/null || missing="$missing $(known_package util-linux setpriv)"
}

# A tiny extension module with libvirt in it: tries compiler, Python's headers and libvirt's in one go.
binding_compiles() {
    command -v pkg-config >/dev/null && command -v "${CC%% *}" >/dev/null || return 1
    headers=$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("include"))')
    flags=$(pkg-config --cflags --libs libvirt libvirt-qemu libvirt-lxc 2>/dev/null) || return 1
    cat >"$TMPDIR/probe.c" <<'C'
#include <Python.h>
#include <libvirt/libvirt.h>
unsigned long probe(void) { unsigned long version; virGetVersion(&version, 0, 0); return version + Py_IsInitialized(); }
C
    # shellcheck disable=SC2086  # lists of words
    $CC -shared -fPIC -I"$headers" "$TMPDIR/probe.c" -o "$TMPDIR/probe.so" $flags >/dev/null 2>&1
}

# The first of these names that this release of the system has; the first one if it does not tell.
known_package() {
    for name in "$@"; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    echo "$1"
}

# Packages cannot complete a Python that they did not bring, nor make an old one new.
require_packages_can_help() {
    if [ -z "$python" ] && [ -x /usr/bin/python3 ]; then
        die "Python 3.11 or later is needed, and $(/usr/bin/python3 --version) is what this machine has." \
            "Install a newer one, and name it in NESTEX_PYTHON if it is not on the PATH."
    fi
    if [ -n "$python" ] && ! python_is_of_system "$python"; then
        python_makes_environments "$python" || die "$python has neither ensurepip nor pip; name another one in NESTEX_PYTHON"
        python_has_headers "$python" || die "$python comes without its C headers; name another one in NESTEX_PYTHON"
    fi
}

# Sets $as_root, the words before a command that needs rights.
become_root_or_ask() {
    as_root="env DEBIAN_FRONTEND=noninteractive"
    [ "$(id -u)" != 0 ] || return 0
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root="sudo -n $as_root"
        return
    fi
    say "system packages are missing, and $(id -un) may not install them."
    say "Run this one command as root (or ask an administrator to), then the same make again:"
    printf '\n    apt-get update && apt-get install --yes --no-install-recommends%s\n\n' "$missing"
    exit 1
}

# A source of packages that does not answer need not matter: the installation itself will tell.
tolerate() {
    "$@" || echo "(going on)"
}
