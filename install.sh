#!/bin/sh
# Install gocron from this checkout; `./install.sh --help` tells how.
set -eu

CHECKOUT=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

usage() {
    cat <<'END'
usage: ./install.sh [OPTION...]          install gocron on this host, or bring it up to date
       ./install.sh --uninstall [--purge]
       ./install.sh --demo [ARGUMENT...]
       ./install.sh --help

As root, on a host with systemd: Debian 12 and 13, Ubuntu 22.04 and 24.04,
Enterprise Linux 9 and 10 (written for, not tried). What is there already is left as it is; a
second run changes nothing but starts what has stopped, one from a newer checkout upgrades.
/etc/gocron/config.yml is made once and then yours. It ends well only when a check-in went
through at the address that it prints, and a sweep was started: the first run waits for cron.

  --database-url URL     postgresql://user:password@host/name, or file:/path to a file that
                         holds it; default: SQLite in /var/lib/gocron
  --listen [HOST:]PORT   where check-ins come in; default: 0.0.0.0:8080, with --nginx
                         127.0.0.1:8080
  --nginx                let nginx pass check-ins on and serve the page; installs it if need be.
                         Where it has no other server, gocron takes the place of its welcome page
  --server-name NAME     this host's name for nginx; default: `hostname -f`
  --email ADDRESS        who is told when a job goes silent, for the crontab line that is printed
                         at the end; default: operator_email in /etc/gocron/config.yml
  --scheduler KIND       cron (default) or systemd: what starts the sweep
  --prefix DIR           where the program goes; default: /opt/gocron
  --dry-run              only say what would be done

  --uninstall            remove all but configuration and data; packages stay too
  --purge                with --uninstall: configuration and data as well

  --demo   Show gocron at work: install it without root and without touching the system, into
           ${XDG_CACHE_HOME:-~/.cache}/gocron-demo/venv, where it is kept for the next time,
           and run `gocron demo`, which gets the arguments.

In the environment:
  PYTHON=python3.12      another Python than the first that is new enough
  DESTDIR=/some/folder   put all files below it, for packages: no user, no service, no database

Exit status: 0 done, 1 something of this host is not as needed, 2 wrong arguments,
3 the configuration, 4 the database. Whenever it is not 0, a gocron that ran goes on running.
END
}

say() {
    echo "install.sh: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

misused() {
    say "$*; see --help"
    exit 2
}

SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# shellcheck source=contrib/install/python.sh
. "$CHECKOUT/contrib/install/python.sh"

demo() {
    need_python
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/gocron-demo/venv
    install_into "$folder" requirements.lock requirements-demo.lock
    rm -rf "$SCRATCH"
    exec "$folder/bin/gocron" demo "$@"
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --database-url | --listen | --server-name | --email | --scheduler | --prefix)
            set_option "$1" "${2:-}"
            shift
            ;;
        --*=*) set_option "${1%%=*}" "${1#*=}" ;;
        --nginx) NGINX=true ;;
        --dry-run) DRY_RUN=true ;;
        --uninstall) UNINSTALL=true ;;
        --purge) PURGE=true ;;
        *) misused "unknown: $1" ;;
        esac
        shift
    done
    if [ "$PURGE" = true ] && [ "$UNINSTALL" = false ]; then
        misused "--purge goes with --uninstall"
    fi
}

set_option() {
    [ -n "$2" ] || misused "$1 wants a value"
    case $1 in
    --database-url) DATABASE_URL=$2 ;;
    --listen)
        LISTEN_PORT=${2##*:}
        case $2 in *:*) LISTEN_HOST=${2%:*} ;; esac
        LISTEN_HOST=${LISTEN_HOST#\[}
        LISTEN_HOST=${LISTEN_HOST%\]}
        [ "$LISTEN_HOST" != '*' ] || LISTEN_HOST=0.0.0.0
        case $LISTEN_PORT in
        '' | *[!0-9]* | ??????*) misused "--listen $2: want HOST:PORT or PORT" ;;
        esac
        case $LISTEN_HOST in *[!A-Za-z0-9.:_%-]*) misused "--listen $2: want a host's name or address" ;; esac
        ;;
    --server-name) SERVER_NAME=$2 NAMED=true ;;
    --email)
        EMAIL=$2
        case $2 in
        *[!A-Za-z0-9.,_%+=@-]*) misused "--email $2: want an address such as ops@example.com" ;;
        ?*@?*) ;;
        *) misused "--email $2: want an address such as ops@example.com" ;;
        esac
        ;;
    --scheduler)
        SCHEDULER=$2
        case $2 in cron | systemd) ;; *) misused "--scheduler $2: want cron or systemd" ;; esac
        ;;
    --prefix)
        PREFIX=${2%/}
        case $PREFIX in
        *[!A-Za-z0-9/._-]*) misused "--prefix $2: want letters, digits and . _ - only" ;;
        */../* | */..) misused "--prefix $2: want a folder without .." ;;
        /?*) ;;
        *) misused "--prefix $2: want a folder below /" ;;
        esac
        ;;
    *) misused "unknown: $1" ;;
    esac
}

case ${1:-} in
--demo)
    shift
    demo "$@"
    ;;
--help | -h)
    usage
    exit
    ;;
esac

DATABASE_URL='' LISTEN_HOST='' LISTEN_PORT='' SERVER_NAME='' NAMED=false EMAIL='' SCHEDULER='' PREFIX=/opt/gocron
NGINX=false DRY_RUN=false UNINSTALL=false PURGE=false
DESTDIR=${DESTDIR:-}
DESTDIR=${DESTDIR%/}
read_arguments "$@"
case $DESTDIR in
*[\|\&\\]* | [!/]* | *"
"*) misused "DESTDIR=$DESTDIR: want a folder from / on, without | & and \\" ;;
esac
# `su` without - leaves these out, and nginx and cron are in them.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# Others must be able to read the program, whatever root's own umask is.
umask 022

# shellcheck source=contrib/install/files.sh
. "$CHECKOUT/contrib/install/files.sh"
# shellcheck source=contrib/install/config.sh
. "$CHECKOUT/contrib/install/config.sh"
# shellcheck source=contrib/install/life.sh
. "$CHECKOUT/contrib/install/life.sh"
# shellcheck source=contrib/install/nginx.sh
. "$CHECKOUT/contrib/install/nginx.sh"
# shellcheck source=contrib/install/prove.sh
. "$CHECKOUT/contrib/install/prove.sh"
# shellcheck source=contrib/install/system.sh
. "$CHECKOUT/contrib/install/system.sh"
# shellcheck source=contrib/install/uninstall.sh
. "$CHECKOUT/contrib/install/uninstall.sh"
if [ "$UNINSTALL" = true ]; then
    uninstall
else
    trap 'keep_list_so_far; rm -rf "$SCRATCH"' EXIT
    install_gocron
fi
