# Sourced by scripts/install: what it tells the person who waits.

say() {
    printf 'install: %s\n' "$*"
}

# Each argument is one line.
die() {
    printf 'install: %s\n' "$@" >&2
    exit 1
}

# step TEXT COMMAND...: says what is being done, and shows the end of its output only if it fails.
step() {
    say "$1"
    shift
    printf '\n$ %s\n' "$*" >>"$log"
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        printf '\n' >&2
        tail -n 30 "$log" >&2
        die "this failed: $*" "the whole output is in $repository/$log"
    fi
}
