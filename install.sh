#!/bin/sh
# Install gocron from this checkout; `./install.sh --help` tells how.
set -eu

CHECKOUT=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

usage() {
    cat <<'END'
usage: ./install.sh --demo [ARGUMENT...]
       ./install.sh --help

  --demo   Show gocron at work: install it without root and without touching the system, into
           ${XDG_CACHE_HOME:-~/.cache}/gocron-demo/venv, where it is kept for the next time,
           and run `gocron demo`, which gets the arguments.

PYTHON=python3.12 in front selects another Python than python3.
END
}

say() {
    echo "install.sh: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

# Make sure of a Python that can make environments; root gets Debian's where there is none.
need_python() {
    if [ -z "${PYTHON:-}" ]; then
        PYTHON=python3
        if ! can_make_environments && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "installing python3-venv"
            export DEBIAN_FRONTEND=noninteractive
            apt-get -qq update
            apt-get -qq install --no-install-recommends python3-venv >/dev/null
        fi
    fi
    command -v "$PYTHON" >/dev/null ||
        fail "$PYTHON not found; install python3 and python3-venv"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "$("$PYTHON" -V) is too old, want 3.10 or later; name another one with PYTHON="
    can_make_environments ||
        fail "$PYTHON can't make environments; install its package, python3-venv on Debian"
}

# Debian's Python comes in parts: `venv` is there, what it needs (ensurepip) may not be.
can_make_environments() {
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null
}

# Install gocron and what requirements.lock pins into the environment $1, unless it is there.
# A leftover build/ would bring back files that are gone, so a clean copy is built.
install_into() {
    made_of=$("$PYTHON" -V && checksum)
    [ "$made_of" != "$(cat "$1/made-of" 2>/dev/null)" ] || return 0
    [ ! -e "$1" ] || [ -e "$1/pyvenv.cfg" ] || fail "$1 is there and no environment; remove it"
    say "installing into $1"
    "$PYTHON" -m venv --clear "$1"
    source=$(mktemp -d)
    trap 'rm -rf "$source"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    (cd "$CHECKOUT" && cp -R setup.py pyproject.toml MANIFEST.in LICENSE gocron reports "$source")
    pip_of "$1" install --require-hashes -r "$CHECKOUT/requirements.lock"
    pip_of "$1" install --no-deps --no-index --no-build-isolation "$source"
    echo "$made_of" >"$1/made-of"
    rm -rf "$source"
}

pip_of() {
    environment=$1
    shift
    "$environment/bin/python" -m pip --disable-pip-version-check -qq "$@"
}

# Tell one state of the sources from another.
checksum() {
    cd "$CHECKOUT" && find gocron reports setup.py requirements.lock -type f \
        ! -name '*.pyc' -exec cksum {} + | LC_ALL=C sort | cksum
}

demo() {
    need_python
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/gocron-demo/venv
    install_into "$folder"
    exec "$folder/bin/gocron" demo "$@"
}

case ${1:-} in
--demo)
    shift
    demo "$@"
    ;;
--help | -h)
    usage
    ;;
'')
    usage >&2
    say "want --demo"
    exit 2
    ;;
*)
    say "unknown: $1; see --help"
    exit 2
    ;;
esac
