# shellcheck shell=sh
# Part of install.sh: from a bare host to a running service, step by step.

CONFIG=/etc/gocron/config.yml
ANSWERS_WITHIN_S=20

# What a release takes on disk, and as much again while it is made.
NEEDS_MB=300

install_gocron() {
    check_host
    remember_choices
    refuse_masked
    refuse_taken_port
    install_prerequisites
    make_user_and_folders
    build_release
    make_config
    make_ready
    place_program
    place_scheduler
    place_nginx
    restart_front
    remove_leftovers
    start_scheduler
    reload_nginx
    prune_releases
    prove
}

check_host() {
    is_staged && return
    [ "$(id -u)" = 0 ] || fail "must be run as root; --demo and DESTDIR need no root"
    [ -d /run/systemd/system ] ||
        fail "systemd does not run here; see contrib/docker/ for containers, or --demo"
}

# What an earlier run was told holds until another one is told otherwise.
remember_choices() {
    if [ -z "$SCHEDULER" ]; then
        SCHEDULER=cron
        ! was_placed /etc/systemd/system/gocron-sweep.timer || SCHEDULER=systemd
    fi
    ! was_placed /etc/nginx/conf.d/gocron.conf || NGINX=true
    [ -n "$SERVER_NAME" ] || SERVER_NAME=$(hostname -f 2>/dev/null || hostname)
    case $SERVER_NAME in
    '' | *[!A-Za-z0-9._-]*) misused "--server-name: $SERVER_NAME is no name; say by which this host is known" ;;
    esac
}

install_prerequisites() {
    packages=''
    if ! is_staged && [ -z "${PYTHON:-}" ] && ! find_python; then
        packages=$(python_package)
    fi
    if ! is_staged; then
        if [ "$SCHEDULER" = cron ] && ! has_cron; then
            packages="$packages $(either cron cronie)"
        fi
        if [ "$NGINX" = true ] && ! command -v nginx >/dev/null; then
            packages="$packages nginx"
        fi
    fi
    # shellcheck disable=SC2086 # one word each
    if [ -n "$packages" ] && doing "installing packages:" $packages; then
        install_packages $packages
    fi
    [ "$DRY_RUN" = true ] || need_python
    if [ "$NGINX" = true ] && ! is_staged && command -v nginx >/dev/null && ! nginx -tq; then
        fail "nginx -t finds errors in nginx's own configuration, see above; correct them first"
    fi
}

is_enterprise() {
    ! command -v apt-get >/dev/null && command -v dnf >/dev/null
}

# $1 on Debian and its kin, $2 on Enterprise Linux.
either() {
    if is_enterprise; then echo "$2"; else echo "$1"; fi
}

make_user_and_folders() {
    place contrib/sysusers.d/gocron.conf /etc/sysusers.d/gocron.conf
    place contrib/tmpfiles.d/gocron.conf /etc/tmpfiles.d/gocron.conf
    is_staged && return
    if ! id gocron >/dev/null 2>&1 && doing "making the user gocron"; then
        systemd-sysusers gocron.conf
    fi
    if [ "$PLACED" = true ] || ! [ -d /var/lib/gocron ] || ! [ -d /var/cache/gocron/status ] ||
        ! [ -e /var/log/gocron/journal.log ] || ! [ -d /var/log/gocron/journal.log.room ] ||
        [ "$(stat -c %U /var/lib/gocron 2>/dev/null)" != gocron ]; then
        doing "making /var/lib/gocron, /var/cache/gocron and /var/log/gocron" || return 0
        data_of=$(stat -c %U /var/lib/gocron 2>/dev/null || echo gocron)
        systemd-tmpfiles --create gocron.conf
        # Data that an earlier installation left behind is ours again; where its links lead is not.
        [ "$data_of" = gocron ] || chown -RhP gocron:gocron /var/lib/gocron
    fi
}

# Each state of the sources has a folder of its own, so that what runs is not touched.
build_release() {
    RELEASE=$PREFIX/releases/new
    if [ -n "${PYTHON:-}" ]; then # there is none on a bare host with --dry-run
        RELEASE=$PREFIX/releases/$(sources | cksum | tr -d ' ')
    fi
    BUILT=$DESTDIR$RELEASE
    if is_built || ! doing "installing gocron"; then return 0; fi
    refuse_little_room
    mkdir -p "$DESTDIR$PREFIX/releases"
    chmod 0755 "$DESTDIR$PREFIX" "$DESTDIR$PREFIX/releases"
    (umask 022 && install_into "$BUILT" requirements.lock)
    if is_staged; then
        (cd "$BUILT" && find bin pyvenv.cfg -type f -exec sed -i "s|$DESTDIR/|/|g" {} +)
    fi
}

is_built() {
    [ -e "$BUILT/made-of" ]
}

# All that could keep the new release from working is found out now, while the old one runs.
make_ready() {
    front_host=127.0.0.1 front_port=${LISTEN_PORT:-8080} page_folder=/var/cache/gocron/status
    page_url=''
    if is_staged || ! is_built || [ "$DRY_RUN" = true ]; then return 0; fi
    new_gocron check --before-start >"$SCRATCH/check" || unready "$?"
    new_gocron db upgrade >"$SCRATCH/upgrade" || unready "$?"
    printable <"$SCRATCH/upgrade" | sed -n 's/^applied/upgrading the database:/p'
    read_settings
}

# End as gocron did that complained, in words of its own or by what it found: 3 and 4 are told apart.
unready() {
    printable <"$SCRATCH/check" | sed -n 's/^FAIL  /install.sh: /p' >&2
    take_back_config
    case $1 in 3 | 4) exit "$1" ;; *) exit 1 ;; esac
}

place_program() {
    PREVIOUS=$(readlink "$DESTDIR$PREFIX/venv" || true)
    RESTART=false
    place_link "$RELEASE" "$PREFIX/venv"
    [ "$PLACED" = false ] || RESTART=true
    for program in gocron gocron-front gocron-back gocron-sweep gocron-summary; do
        place_link "$PREFIX/venv/bin/$program" "/usr/local/bin/$program"
    done
    place contrib/systemd/gocron-front.service /etc/systemd/system/gocron-front.service
    [ "$PLACED" = false ] || RESTART=true
    for page in "$CHECKOUT"/contrib/man/*.[158]; do
        page=${page##*/}
        place "contrib/man/$page" "/usr/local/share/man/man${page##*.}/$page"
    done
    place contrib/completion/gocron /usr/local/share/bash-completion/completions/gocron
}

# One of the two: the other one's files are left out, so that they are removed as leftovers.
place_scheduler() {
    SCHEDULER_CHANGED=false
    if [ "$SCHEDULER" = cron ]; then
        place contrib/cron/gocron /etc/cron.d/gocron
        SCHEDULER_CHANGED=$PLACED
        if was_placed /etc/systemd/system/gocron-sweep.timer && doing "stopping the timers"; then
            systemctl -q disable --now gocron-sweep.timer gocron-summary.timer
        fi
        return
    fi
    for unit in gocron-sweep gocron-summary; do
        place "contrib/systemd/$unit.service" "/etc/systemd/system/$unit.service"
        place "contrib/systemd/$unit.timer" "/etc/systemd/system/$unit.timer"
        [ "$PLACED" = false ] || SCHEDULER_CHANGED=true
    done
}

restart_front() {
    is_staged && return
    if ! systemctl -q is-enabled gocron-front 2>/dev/null && doing "enabling gocron-front"; then
        systemctl -q daemon-reload
        systemctl -q enable gocron-front
    fi
    if systemctl -q is-active gocron-front; then
        if [ "$RESTART" = false ] && ! config_is_newer; then return 0; fi
        doing "restarting gocron-front" || return 0
    else
        doing "starting gocron-front" || return 0
    fi
    systemctl -q daemon-reload
    systemctl restart gocron-front 2>"$SCRATCH/complaint" || true
    ask answering "$CONFIG" "$ANSWERS_WITHIN_S" || go_back
}

# Whether the configuration was changed after the front read it.
config_is_newer() {
    started=$(TZ=UTC systemctl show -P ActiveEnterTimestamp gocron-front)
    [ "$(stat -c %Y "$CONFIG")" -gt "$(date -d "$started" +%s)" ]
}

go_back() {
    if [ -n "$PREVIOUS" ] && [ "$PREVIOUS" != "$RELEASE" ]; then
        ln -sfn "$PREVIOUS" "$PREFIX/venv.new"
        mv -fT "$PREFIX/venv.new" "$PREFIX/venv"
        systemctl restart gocron-front
        ask answering "$CONFIG" "$ANSWERS_WITHIN_S" ||
            fail "neither the new gocron nor the one before answers;" \
                "journalctl -u gocron-front tells why"
        fail "the new gocron does not answer, the one before runs again;" \
            "journalctl -u gocron-front tells why"
    fi
    fail "gocron-front does not answer; journalctl -u gocron-front tells why"
}

# What starts the sweep is alive, whoever stopped it.
start_scheduler() {
    is_staged && return
    if [ "$SCHEDULER" = systemd ]; then
        if [ "$SCHEDULER_CHANGED" = true ] && [ "$DRY_RUN" = false ]; then
            systemctl -q daemon-reload
        fi
        for timer in gocron-sweep.timer gocron-summary.timer; do keep_running "$timer"; done
    elif has_cron; then
        keep_running "$(cron_unit)"
    else
        [ "$DRY_RUN" = true ] || fail "nothing here reads /etc/cron.d; take --scheduler systemd"
    fi
}

# The release before stays, for a sweep that is still running; older ones go.
prune_releases() {
    [ "$PREVIOUS" != "$RELEASE" ] || return 0
    for release in "$DESTDIR$PREFIX"/releases/*; do
        release=${release#"$DESTDIR"}
        case $release in
        "$RELEASE" | "$PREVIOUS" | "$PREFIX/releases/*") ;;
        *) remove "$release" ;;
        esac
    done
}
