# Sourced by scripts/install: which Python the environment is made with.
#
# A machine may have several, some of them shims that do not run, some without the parts that Debian packages apart
# (ensurepip, headers). The first one that is complete wins; else the first that the system's packages can complete; else
# the first. NESTEX_PYTHON leaves no choice.

python_candidates="python3.13 python3.12 python3.11 python3"

# Sets $python; empty if the machine has none that is new enough.
choose_python() {
    python=
    if [ -n "${NESTEX_PYTHON:-}" ]; then
        python_is_new_enough "$NESTEX_PYTHON" || die "NESTEX_PYTHON=$NESTEX_PYTHON is no Python 3.11 or later that runs"
        python=$(command -v "$NESTEX_PYTHON")
        return
    fi
    first= first_of_system=
    for candidate in $python_candidates /usr/bin/python3; do
        candidate=$(command -v $candidate) || continue
        python_is_new_enough "$candidate" || continue
        if python_makes_environments "$candidate" && python_has_headers "$candidate"; then
            python=$candidate
            return
        fi
        first=${first:-$candidate}
        ! python_is_of_system "$candidate" || first_of_system=${first_of_system:-$candidate}
    done
    python=${first_of_system:-$first}
}

python_is_new_enough() {
    "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Debian keeps ensurepip in python3-venv; a pip of the system can serve an environment without it.
python_makes_environments() {
    python_has_ensurepip "$1" || "$1" -I -c 'import pip, venv' >/dev/null 2>&1
}

python_has_ensurepip() {
    "$1" -I -c 'import ensurepip, venv; ensurepip.version()' >/dev/null 2>&1
}

python_has_headers() {
    [ -f "$("$1" -I -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]
}

python_is_of_system() {
    case $(python_identity "$1") in
    /usr/bin/python3*) return 0 ;;
    *) return 1 ;;
    esac
}

# "/usr/bin/python3.11 3.11.2": the interpreter behind links, shims and environments, with its version.
python_identity() {
    "$1" -I -c 'import os, platform, sys
print(os.path.realpath(sys._base_executable), platform.python_version())' 2>/dev/null
}

# The system's package of this Python: python3 where that is the default, else its versioned name.
python_package() {
    interpreter=$(python_identity "$1")
    interpreter=${interpreter%% *}
    if [ "$interpreter" = "$(readlink -f /usr/bin/python3)" ]; then
        echo python3
    else
        basename "$interpreter"
    fi
}
