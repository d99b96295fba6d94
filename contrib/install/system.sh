# shellcheck shell=sh
# Part of install.sh: from a bare host to a running service, step by step.

CONFIG=/etc/gocron/config.yml
NGINX_SERVER=/etc/nginx/conf.d/gocron-server.conf
KEPT_NGINX_SERVER=/etc/gocron/nginx-server.conf
ANSWERS_WITHIN_S=20

install_gocron() {
    check_host
    remember_choices
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
}

install_prerequisites() {
    packages=''
    if ! is_staged && [ -z "${PYTHON:-}" ] && ! find_python; then
        packages=$(python_package)
    fi
    if ! is_staged; then
        if [ "$SCHEDULER" = cron ] && ! [ -d /etc/cron.d ]; then
            packages="$packages $(either cron cronie)"
        fi
        if [ "$NGINX" = true ] && ! command -v nginx >/dev/null; then
            packages="$packages nginx"
        fi
    fi
    # shellcheck disable=SC2086 # one word each
    if [ -n "$packages" ] && doing "installing packages:" $packages; then
        install_packages $packages
        # Debian starts what it installs, Enterprise Linux does not.
        if is_enterprise && ! is_staged; then
            case $packages in *cronie*) systemctl -q enable --now crond ;; esac
            case $packages in *nginx*) systemctl -q enable --now nginx ;; esac
        fi
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
    if ! [ -d /var/lib/gocron ] || ! [ -d /var/cache/gocron/status ] ||
        ! [ -e /var/log/gocron/journal.log ] ||
        [ "$(stat -c %U /var/lib/gocron 2>/dev/null)" != gocron ]; then
        doing "making /var/lib/gocron, /var/cache/gocron and /var/log/gocron" || return 0
        systemd-tmpfiles --create gocron.conf
        # Data that an earlier installation left behind is ours again.
        chown -R gocron:gocron /var/lib/gocron
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
    page_url='' RUNNING=''
    if is_staged || ! is_built || [ "$DRY_RUN" = true ]; then return 0; fi
    ! systemctl -q is-active gocron-front || RUNNING=true
    ask ready "$CONFIG" || {
        unready=$?
        take_back_config
        exit "$unready"
    }
    read_settings
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
    if [ "$SCHEDULER" = cron ]; then
        place contrib/cron/gocron /etc/cron.d/gocron
        if was_placed /etc/systemd/system/gocron-sweep.timer && doing "stopping the timers"; then
            systemctl -q disable --now gocron-sweep.timer gocron-summary.timer
        fi
        return
    fi
    for unit in gocron-sweep gocron-summary; do
        place "contrib/systemd/$unit.service" "/etc/systemd/system/$unit.service"
        place "contrib/systemd/$unit.timer" "/etc/systemd/system/$unit.timer"
        [ "$PLACED" = false ] || RELOAD=true
    done
}

place_nginx() {
    RELOAD_NGINX=false
    [ "$NGINX" = true ] || return 0
    place contrib/nginx/gocron-http.conf /etc/nginx/conf.d/gocron.conf \
        "s|127\.0\.0\.1:8080|$front_host:$front_port|"
    RELOAD_NGINX=$PLACED
    place contrib/nginx/gocron-journal.conf /etc/nginx/conf.d/00-gocron-journal.conf
    [ "$PLACED" = false ] || RELOAD_NGINX=true
    place contrib/nginx/gocron.conf /etc/nginx/snippets/gocron.conf \
        "s|/var/cache/gocron/status|${page_folder:-/nowhere}|"
    [ "$PLACED" = false ] || RELOAD_NGINX=true
    place contrib/logrotate/gocron /etc/logrotate.d/gocron
    if ! [ -e "$DESTDIR$NGINX_SERVER" ] && doing "writing $NGINX_SERVER"; then
        if [ -e "$KEPT_NGINX_SERVER" ] && ! is_staged; then
            mv "$KEPT_NGINX_SERVER" "$NGINX_SERVER"
        else
            mkdir -p "$DESTDIR${NGINX_SERVER%/*}"
            sed "s|gocron\.example\.com|$SERVER_NAME|" "$CHECKOUT/contrib/nginx/gocron-server.conf" \
                >"$DESTDIR$NGINX_SERVER"
        fi
        RELOAD_NGINX=true
    fi
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
    systemctl restart gocron-front
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

start_scheduler() {
    if is_staged || [ "$SCHEDULER" = cron ]; then return 0; fi
    if ! systemctl -q is-active gocron-sweep.timer gocron-summary.timer ||
        [ "${RELOAD:-false}" = true ]; then
        doing "starting the timers" || return 0
        systemctl -q daemon-reload
        systemctl -q enable --now gocron-sweep.timer gocron-summary.timer
    fi
}

reload_nginx() {
    if is_staged || [ "$RELOAD_NGINX" = false ]; then return 0; fi
    doing "reloading nginx" || return 0
    let_nginx_through
    nginx -tq || fail "nginx does not take $NGINX_SERVER and what it includes, see above"
    systemctl reload-or-restart nginx
}

# SELinux on Enterprise Linux lets nginx neither connect to the front nor read the page nor write
# the journal by itself. What boots label anew (tmpfiles.d) has to be told to the policy.
let_nginx_through() {
    if command -v getenforce >/dev/null && [ "$(getenforce)" = Enforcing ]; then
        setsebool -P httpd_can_network_connect on
        chcon -R -t httpd_sys_content_t "$page_folder"
        if command -v semanage >/dev/null; then
            semanage fcontext -N -a -t httpd_log_t '/var/log/gocron(/.*)?' 2>/dev/null || true
        fi
        chcon -R -t httpd_log_t /var/log/gocron
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

# A check-in goes through, or the installation has failed; then what to do next.
prove() {
    [ "$DRY_RUN" = false ] || return 0
    if is_staged; then
        say "done below $DESTDIR"
        return
    fi
    account=$(hostname)
    ask checks_in "http://$front_host:$front_port/" "$account" install.sh || exit
    as_gocron "$PREFIX/venv/bin/gocron" jobs forget "$account" install.sh
    # So that nobody has to wait a minute for the first page.
    if [ -n "$page_folder" ] && ! [ -e "$page_folder/index.html" ]; then
        as_gocron "$PREFIX/venv/bin/gocron-sweep" || say "the first sweep complains, see above"
    fi
    [ "$CHANGED" = true ] || say "nothing had to be changed"
    tell_what_next
}

# By what other hosts reach this one: its name if that leads here from elsewhere too, else its
# address. Debian's /etc/hosts gives a host's own name a loopback address.
name_for_others() {
    known_as=$(getent ahosts "$SERVER_NAME" | awk '{ print $1 }' | grep -v -e '^127\.' -e '^::1$' || true)
    own=$(hostname -I 2>/dev/null | awk '{ print $1 }')
    if [ "$NAMED" = true ] || [ -n "$known_as" ] || [ -z "$own" ]; then
        echo "$SERVER_NAME"
        return
    fi
    case $own in *:*) echo "[$own]" ;; *) echo "$own" ;; esac
}

tell_what_next() {
    page=$page_folder/index.html
    if [ "$NGINX" = true ]; then
        address=http://$(name_for_others)
        page=${page_url:-$address/status/}
    else
        case $front_bound in
        0.0.0.0 | ::) address=http://$(name_for_others):$front_port ;;
        *) address=http://$front_host:$front_port ;;
        esac
    fi
    email=${EMAIL:-${operator_email:-ADDRESS}}
    line=$(ask check_in_command "$address" "$account" "$email")
    cat <<END
gocron runs, and a check-in went through. In a crontab, after the command:

  && $line

  \`account\` is the host that the crontab is on, \`frequency\` how often the job runs, \`grace\` how late
  is still in time. \`email\` is who is told when it goes silent$([ "$email" != ADDRESS ] || echo ": write it in place of ADDRESS").

Status page   $page
Settings      $CONFIG, the mail server among them; \`gocron check\` tests them
END
}
