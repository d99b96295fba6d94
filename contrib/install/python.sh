# shellcheck shell=sh
# Part of install.sh: a Python that is new enough, and environments made with it.

# Make sure of a Python that can make environments.
need_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null || fail "$PYTHON not found"
        new_enough "$PYTHON" ||
            fail "$("$PYTHON" -V) is too old, want 3.10 or later; name another one with PYTHON="
        can_make_environments "$PYTHON" ||
            fail "$PYTHON can't make environments; install its package for that"
    elif ! find_python; then
        package=$(python_package)
        fail "no Python from 3.10 on that can make environments; install ${package:-one}" \
            "or name another with PYTHON="
    fi
}

# Set PYTHON to the first that will do.
find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if command -v "$candidate" >/dev/null && new_enough "$candidate" &&
            can_make_environments "$candidate"; then
            PYTHON=$candidate
            return 0
        fi
    done
    return 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))'
}

# Debian's Python comes in parts: `venv` is there, what it needs (ensurepip) may not be.
can_make_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# The package that brings a Python which will do; Enterprise Linux 9 has 3.9 as python3.
python_package() {
    if command -v apt-get >/dev/null; then
        echo python3-venv
    elif command -v dnf >/dev/null; then
        echo python3.12
    fi
}

# Install packages of the system.
install_packages() {
    if command -v apt-get >/dev/null; then
        DEBIAN_FRONTEND=noninteractive
        export DEBIAN_FRONTEND
        apt-get -qq update || fail "apt-get update failed, see above"
        apt-get -qq install --no-install-recommends "$@" >/dev/null ||
            fail "apt-get could not install $*, see above"
    elif command -v dnf >/dev/null; then
        dnf -q -y install "$@" >/dev/null || fail "dnf could not install $*, see above"
    else
        fail "neither apt-get nor dnf here: install $* and start again"
    fi
}

# Install gocron and what the other arguments, files of the checkout, pin into the environment $1,
# unless it is there. Wheels only: nothing that others wrote is run to be installed.
# A leftover build/ would bring back files that are gone, so a clean copy is built.
install_into() {
    made_of=$(sources)
    [ "$made_of" != "$(cat "$1/made-of" 2>/dev/null)" ] || return 0
    [ ! -e "$1" ] || [ -e "$1/pyvenv.cfg" ] || fail "$1 is there and no environment; remove it"
    say "installing into $1"
    "$PYTHON" -m venv --clear "$1"
    source=$SCRATCH/source
    mkdir "$source"
    (cd "$CHECKOUT" && cp -R setup.py pyproject.toml MANIFEST.in LICENSE gocron reports "$source")
    folder=$1
    shift
    for pins in "$@"; do
        pip_of "$folder" install --require-hashes --only-binary=:all: -r "$CHECKOUT/$pins"
    done
    pip_of "$folder" install --no-deps --no-index --no-build-isolation "$source"
    echo "$made_of" >"$folder/made-of"
}

pip_of() {
    environment=$1
    shift
    "$environment/bin/python" -m pip --disable-pip-version-check -qq "$@"
}

# Tell one state of the sources, and the Python they are for, from another.
sources() {
    "$PYTHON" -V
    (cd "$CHECKOUT" && find gocron reports setup.py requirements*.lock -type f \
        ! -name '*.pyc' -exec cksum {} + | LC_ALL=C sort | cksum)
}
