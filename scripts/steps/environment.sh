# Sourced by scripts/install: the environment itself, every file of it checked against the hashes of requirements.lock.
#
# pip's build isolation would fetch build tools that no hash covers. So all wheels come first, the build tools among them; then
# the packages that are published as source only are built with those; then Nestex itself is linked in, without any index.

source_only="libvirt-python nkeys"

# The stamp, in three lines for the environment and one for the project's own metadata.
wanted_stamp() {
    sha256sum <requirements.lock
    python_identity "$environment/bin/python"
    echo "$repository"
    sha256sum <pyproject.toml
}

environment_is_ready() {
    [ -f "$stamp" ] && python_is_wanted && [ "$(cat "$stamp")" = "$(wanted_stamp)" ]
}

environment_lacks_only_the_project() {
    [ -f "$stamp" ] && python_is_wanted && [ "$(head -n 3 "$stamp")" = "$(wanted_stamp | head -n 3)" ]
}

python_is_wanted() {
    [ -z "${NESTEX_PYTHON:-}" ] || [ "$(python_identity "$NESTEX_PYTHON")" = "$(sed -n 2p "$stamp")" ]
}

make_environment() {
    say "making $environment with Python $(python_identity "$python")"
    rm -rf "$environment"
    mkdir -p "$TMPDIR"
    if python_has_ensurepip "$python"; then
        step "  creating it" "$python" -m venv "$environment"
    else
        step "  creating it, for the pip of $python" "$python" -m venv --without-pip "$environment"
    fi
    locked_packages 0 >"$TMPDIR/wheels.txt"
    locked_packages 1 >"$TMPDIR/source.txt"
    step "  fetching $(grep -c '==' "$TMPDIR/wheels.txt") packages and checking their hashes (a minute or so)" \
        pip_install --require-hashes --only-binary :all: -r "$TMPDIR/wheels.txt"
    step "  building $source_only from source" pip_install --require-hashes --use-pep517 -r "$TMPDIR/source.txt"
}

install_project() {
    rm -f "$stamp"
    step "  linking Nestex itself" pip_install --no-index --editable .
}

write_stamp() {
    wanted_stamp >"$TMPDIR/ready"
    mv "$TMPDIR/ready" "$stamp"
}

# The environment's own pip; or another one that is told to work in there, and only there.
pip_install() {
    if [ -x "$environment/bin/pip" ]; then
        set -- "$environment/bin/python" -m pip install "$@"
    else
        set -- "$python" -m pip --python "$environment/bin/python" install "$@"
    fi
    "$@" --no-deps --no-build-isolation --progress-bar off
}

# The paragraphs of requirements.lock that are source only (1), or all others (0).
locked_packages() {
    awk -v wanted="$1" -v apart=" $source_only " '
        /^[a-zA-Z0-9]/ { name = $1; sub(/==.*/, "", name); inside = (index(apart, " " name " ") > 0) == wanted }
        inside
    ' requirements.lock
}
